"""Damage: what counts as not there, as its bytes are gone or wrong, and what mends that.

What is written down here makes a later push heal what is damaged.
"""

from collections.abc import Sequence
from functools import partial

from lading.core.digest import Digest
from lading.core.manifest import Edge
from lading.core.names import RepositoryName
from lading.metadata import documents, linked_blobs, links, references, repositories
from lading.metadata.attempts import Attempts
from lading.ports.database import Database, SqlConnection


class Damage:
    """Damage of blobs and of manifests."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        self._database = database
        self._attempts = attempts

    async def lose_blob(self, digest: Digest, *, now: float, at_once: bool = False) -> None:
        """Have a blob, whose bytes are gone, count as not there until it is pushed or found again.

        Args:
            at_once: whether to do it in a moment or not at all; a power cut may then forget it.

        Raises:
            StorageFull, Unavailable: it was not done in a moment.
        """
        write = self._attempts.write if at_once else self._database.write
        await write(lambda connection: _set_lost(connection, digest, now))

    async def regain_blob(self, digest: Digest) -> None:
        """Have a blob count as there, as its bytes are, after all."""
        await self._database.write(lambda connection: _set_lost(connection, digest, None))

    async def adopt_blob(
        self, repository: RepositoryName, digest: Digest, size: int, *, now: float
    ) -> None:
        """Put a blob into the repository whose bytes are there, as a manifest needs them."""

        def work(connection: SqlConnection) -> None:
            repository_id = repositories.ensure(connection, repository)
            links.add_blob(connection, repository, digest, size, now)
            linked_blobs.sizes(connection, repository_id, [digest], used_at=now)

        await self._database.write(work)

    async def lose_manifest(
        self,
        repository: RepositoryName,
        digest: Digest,
        body: bytes,
        *,
        now: float,
        at_once: bool = False,
    ) -> None:
        """Have a manifest, whose body is damaged, count as not there until it is pushed again.

        Args:
            body: that was seen; if there is another one, somebody has pushed it since.
            at_once: see `lose_blob`.

        Raises:
            StorageFull, Unavailable: see `lose_blob`.
        """

        def work(connection: SqlConnection) -> None:
            id_ = documents.find(connection, repositories.lock(connection, repository), digest)
            if id_ is not None and documents.read(connection, id_) == body:
                connection.execute("UPDATE manifests SET lost_at = ? WHERE id = ?", (now, id_))

        await (self._attempts.write if at_once else self._database.write)(work)

    async def add_children(
        self, repository: RepositoryName, manifest: Digest, edges: Sequence[Edge], *, now: float
    ) -> None:
        """Record what a manifest refers to, so that it is kept."""
        for piece in references.edge_pieces(edges):
            await self._database.write(
                partial(
                    _add_children, repository=repository, manifest=manifest, edges=piece, now=now
                )
            )


def _set_lost(connection: SqlConnection, digest: Digest, at: float | None) -> None:
    """Note that the bytes of a blob are gone, or (`None`) are there again."""
    connection.execute("UPDATE blobs SET lost_at = ? WHERE digest = ?", (at, digest))


def _add_children(
    connection: SqlConnection,
    repository: RepositoryName,
    manifest: Digest,
    edges: Sequence[Edge],
    now: float,
) -> None:
    repository_id = repositories.ensure(connection, repository)
    if documents.find(connection, repository_id, manifest) is not None:
        references.add_edges(connection, repository_id, manifest, edges)
    children = [edge.child for edge in edges]
    references.manifest_sizes(connection, repository_id, children, used_at=now)
    linked_blobs.sizes(connection, repository_id, children, used_at=now)
