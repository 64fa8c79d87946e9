"""What a check of the whole registry reads, page by page, and what it writes down."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.manifest import Edge
from lading.core.names import RepositoryName, Tag
from lading.metadata import links, loose, repositories, writer
from lading.metadata.attempts import Attempts
from lading.metadata.database import Database, Part
from lading.ports.inspection import KnownBlob, KnownManifest, Totals, User

# Complaints of the database that are passed on; after as many, more tell nothing new.
MAX_COMPLAINTS = 20

_MANIFESTS = """
    SELECT m.id, repository_id, name, digest, media_type, body,
        deleted_at IS NOT NULL, lost_at IS NOT NULL
    FROM manifests AS m JOIN repositories ON repositories.id = repository_id
    JOIN documents ON documents.id = m.id
"""
_CHILDREN = """
    SELECT child,
        EXISTS (SELECT 1 FROM manifests
            WHERE repository_id = edges.repository_id AND digest = child)
        OR EXISTS (SELECT 1 FROM links
            WHERE repository_id = edges.repository_id AND digest = child
            AND (deleted_at IS NULL OR :deleted))
    FROM edges WHERE repository_id = :repository AND parent = :digest
"""


class SqliteInspection(Part):
    """See `lading.ports.inspection.Inspection`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._attempts = Attempts(database)

    async def totals(self) -> Totals:
        """See `Inspection.totals`."""
        return await self._database.scan(_totals)

    async def check_database(self, *, thorough: bool) -> Sequence[str]:
        """See `Inspection.check_database`."""
        return await self._database.scan(lambda connection: _complaints(connection, thorough))

    async def list_blobs(self, *, after: str, limit: int) -> Sequence[KnownBlob]:
        """See `Inspection.list_blobs`."""
        return await self._database.scan(lambda connection: _blobs(connection, after, limit))

    async def known_blobs(self, digests: Sequence[Digest]) -> Sequence[KnownBlob]:
        """See `Inspection.known_blobs`."""
        return await self._database.scan(lambda connection: list(_known(connection, digests)))

    async def list_users(self, digest: Digest, *, limit: int) -> Sequence[User]:
        """See `Inspection.list_users`."""
        return await self._database.scan(lambda connection: _users(connection, digest, limit))

    async def lose_blob(self, digest: Digest, *, now: float, at_once: bool = False) -> None:
        """See `Inspection.lose_blob`."""
        write = self._attempts.write if at_once else self._database.write
        await write(lambda connection: links.set_lost(connection, digest, now))

    async def regain_blob(self, digest: Digest) -> None:
        """See `Inspection.regain_blob`."""
        await self._database.write(lambda connection: links.set_lost(connection, digest, None))

    async def adopt_blob(
        self, repository: RepositoryName, digest: Digest, size: int, *, now: float
    ) -> None:
        """See `Inspection.adopt_blob`."""

        def work(connection: Connection) -> None:
            links.add_blob(connection, repository, digest, size, now)
            links.use(connection, repositories.ensure(connection, repository), digest, now)

        await self._database.write(work)

    async def list_known_manifests(self, *, after: int, size: int) -> Sequence[KnownManifest]:
        """See `Inspection.list_known_manifests`."""
        return await self._database.scan(
            lambda connection: list(_manifests(connection, after, size))
        )

    async def find_known_manifest(
        self, repository: RepositoryName, digest: Digest
    ) -> KnownManifest | None:
        """See `Inspection.find_known_manifest`."""
        return await self._database.scan(
            lambda connection: _manifest(connection, repository, digest)
        )

    async def lose_manifest(
        self,
        repository: RepositoryName,
        digest: Digest,
        body: bytes,
        *,
        now: float,
        at_once: bool = False,
    ) -> None:
        """See `Inspection.lose_manifest`."""
        write = self._attempts.write if at_once else self._database.write
        await write(
            lambda connection: connection.execute(
                "UPDATE manifests SET lost_at = ? WHERE digest = ?"
                " AND repository_id = (SELECT id FROM repositories WHERE name = ?)"
                " AND EXISTS (SELECT 1 FROM documents WHERE id = manifests.id AND body = ?)",
                (now, digest, repository, body),
            )
        )

    async def add_children(
        self, repository: RepositoryName, manifest: Digest, edges: Sequence[Edge], *, now: float
    ) -> None:
        """See `Inspection.add_children`."""
        for piece in writer.pieces(edges):
            await self._database.write(
                partial(
                    _add_children, repository=repository, manifest=manifest, edges=piece, now=now
                )
            )

    async def list_dangling_tags(
        self, *, limit: int
    ) -> Sequence[tuple[RepositoryName, Tag, Digest]]:
        """See `Inspection.list_dangling_tags`."""
        return await self._database.scan(lambda connection: _dangling_tags(connection, limit))


def _totals(connection: Connection) -> Totals:
    blobs, size = connection.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM blobs"
    ).fetchone()
    (manifests,) = connection.execute("SELECT count(*) FROM manifests").fetchone()
    return Totals(blobs, size, manifests)


def _complaints(connection: Connection, thorough: bool) -> Sequence[str]:
    pragma = "integrity_check" if thorough else "quick_check"
    try:
        rows = connection.execute(f"PRAGMA {pragma}({MAX_COMPLAINTS})").fetchall()
        broken = connection.execute("PRAGMA foreign_key_check").fetchmany(MAX_COMPLAINTS)
    except sqlite3.DatabaseError as error:
        return [str(error)]
    said = [text for (text,) in rows if text != "ok"]
    return [
        *said,
        *(f"a row of {table} refers to no row of {other}" for table, _, other, _ in broken),
    ]


def _blobs(connection: Connection, after: str, limit: int) -> Sequence[KnownBlob]:
    rows = connection.execute(
        "SELECT digest, size, lost_at IS NOT NULL FROM blobs"
        " WHERE digest > ? ORDER BY digest LIMIT ?",
        (after, limit),
    )
    return [KnownBlob(Digest(digest), size, bool(lost)) for digest, size, lost in rows]


def _known(connection: Connection, digests: Sequence[Digest]) -> Iterator[KnownBlob]:
    for digest in digests:
        row = connection.execute(
            "SELECT size, lost_at IS NOT NULL FROM blobs WHERE digest = ?", (digest,)
        ).fetchone()
        if row is not None:
            yield KnownBlob(digest, row[0], bool(row[1]))


def _users(connection: Connection, digest: Digest, limit: int) -> Sequence[User]:
    rows = connection.execute(
        """
        SELECT repositories.id, name, parent FROM links
        JOIN repositories ON repositories.id = links.repository_id
        JOIN edges ON edges.repository_id = links.repository_id AND child = links.digest
        JOIN manifests ON manifests.repository_id = links.repository_id
            AND manifests.digest = parent AND manifests.deleted_at IS NULL
        WHERE links.digest = ? LIMIT ?
        """,
        (digest, limit),
    ).fetchall()
    return [
        User(RepositoryName(name), Digest(parent), _tags(connection, repository_id, parent))
        for repository_id, name, parent in rows
    ]


def _tags(connection: Connection, repository_id: int, digest: str) -> Sequence[Tag]:
    rows = connection.execute(
        "SELECT name FROM tags WHERE repository_id = ? AND digest = ? ORDER BY name LIMIT 3",
        (repository_id, digest),
    )
    return [Tag(name) for (name,) in rows]


def _manifests(connection: Connection, after: int, size: int) -> Iterator[KnownManifest]:
    for row in connection.execute(f"{_MANIFESTS} WHERE m.id > ? ORDER BY m.id", (after,)):
        manifest = _known_manifest(connection, row)
        yield manifest
        size -= len(manifest.body)
        if size <= 0:
            return


def _manifest(
    connection: Connection, repository: RepositoryName, digest: Digest
) -> KnownManifest | None:
    row = connection.execute(
        f"{_MANIFESTS} WHERE name = ? AND digest = ?", (repository, digest)
    ).fetchone()
    return None if row is None else _known_manifest(connection, row)


def _known_manifest(
    connection: Connection, row: tuple[int, int, str, str, str, bytes, int, int]
) -> KnownManifest:
    key, repository_id, repository, digest, media_type, body, deleted, lost = row
    return KnownManifest(
        key=key,
        repository=RepositoryName(repository),
        digest=Digest(digest),
        media_type=media_type,
        body=body,
        deleted=bool(deleted),
        lost=bool(lost),
        children=_children(connection, repository_id, digest, deleted),
    )


def _children(
    connection: Connection, repository_id: int, digest: str, deleted: int
) -> Mapping[Digest, bool]:
    values = {"repository": repository_id, "digest": digest, "deleted": deleted}
    return {Digest(child): bool(there) for child, there in connection.execute(_CHILDREN, values)}


def _add_children(
    connection: Connection,
    repository: RepositoryName,
    manifest: Digest,
    edges: Sequence[Edge],
    now: float,
) -> None:
    repository_id = repositories.ensure(connection, repository)
    for edge in edges:
        connection.execute(
            "INSERT INTO edges (repository_id, parent, child, kind) SELECT ?, digest, ?, ?"
            " FROM manifests WHERE repository_id = ? AND digest = ? ON CONFLICT DO NOTHING",
            (repository_id, edge.child, edge.kind, repository_id, manifest),
        )
        loose.keep(connection, repository_id, edge.child, now)
        links.use(connection, repository_id, edge.child, now)


def _dangling_tags(
    connection: Connection, limit: int
) -> Sequence[tuple[RepositoryName, Tag, Digest]]:
    rows = connection.execute(
        """
        SELECT repositories.name, tags.name, tags.digest FROM tags
        JOIN repositories ON repositories.id = tags.repository_id
        WHERE NOT EXISTS (SELECT 1 FROM manifests
            WHERE manifests.repository_id = tags.repository_id
            AND manifests.digest = tags.digest AND deleted_at IS NULL)
        LIMIT ?
        """,
        (limit,),
    )
    return [(RepositoryName(name), Tag(tag), Digest(digest)) for name, tag, digest in rows]
