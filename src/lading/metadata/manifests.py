"""Manifests: what was pushed, byte for byte."""

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.immutability import ImmutableTags
from lading.core.manifest import WrongSize
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata import batches, manifest_deletion, manifest_rows, referrers
from lading.metadata.attempts import Attempts
from lading.metadata.manifest_rows import LargeBodies
from lading.metadata.noun import looking, scanning, together
from lading.metadata.pushes import FEW_EDGES, ManifestPush
from lading.metadata.read_only import if_writable
from lading.metadata.referrers import small_first
from lading.metadata.shown import manifest_lists
from lading.ports.database import Database, SqlConnection


class StoredManifest(Struct, frozen=True):
    """A manifest as it was pushed, byte for byte; `checked` if its bytes were hashed already."""

    digest: Digest
    media_type: str
    body: bytes
    checked: bool = False

    @property
    def is_intact(self) -> bool:
        """Whether these are the bytes that were pushed."""
        return self.checked or self.digest.names(self.body)


class Manifests:
    """Manifests of repositories, with their bytes."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        self._database = database
        self._attempts = attempts
        self._large = LargeBodies(database)
        self._find = together(database, manifest_rows.find, manifest_rows.find_together)
        self.with_children = scanning(database, with_children)
        self.family = looking(database, manifest_lists.family)
        self.untagged = looking(database, manifest_lists.untagged)
        self.referrers = small_first(database, referrers.of_subject)

    async def find(self, repository: RepositoryName, reference: Reference) -> StoredManifest | None:
        """The manifest a tag points to, or the one of that digest."""
        found = await self._find(repository, reference)
        return None if found is None else await self._with_body(found)

    async def _with_body(self, found: manifest_rows.Found) -> StoredManifest | None:
        """The manifest of a row; `None` if it is large, and has been removed meanwhile."""
        if found.body:  # as nearly all have
            return StoredManifest(found.digest, found.media_type, found.body)
        body, intact = await self._large.read(found.digest, found.id)
        if body is None:
            return None
        return StoredManifest(found.digest, found.media_type, body, checked=intact)

    async def promise(
        self, repository: RepositoryName, reference: Reference, *, now: float, grace: float
    ) -> StoredManifest | None:
        """The manifest, which is then safe from collection for at least half of `grace`.

        A client that is told that a manifest is there may name it in an index, or point a tag at
        it. Where there is no promise, see `Attempts.promise`, it may be collected before it is
        used, and a push says so.
        """
        found = await self._find(repository, reference)
        if found is None:
            return None
        digest = found.digest
        if found.is_promised(now - grace / 2) or await self._attempts.promise(
            lambda connection: manifest_rows.promise(connection, repository, digest, now)
        ):
            return await self._with_body(found)
        return None

    async def push(self, push: ManifestPush) -> Sequence[WrongSize]:
        """Store a manifest and point tags at it, all or nothing.

        The check that everything it refers to is present makes it safe from collection as well.

        Returns:
            What is present and has another size.

        Raises:
            AlreadyExists: something is there that must not be.
            NotAsExpected: a reference does not lead to what is expected.
            TagImmutable: one of the tags cannot be moved, or one leads to it as another type.
            ManifestBlobUnknown: something is missing; it is listed, as far as it is not too much.
            SizeMismatch: something that is present has another size, and must not.
            Unavailable: what was prepared was collected meanwhile.
            ReadOnly: the registry is, or has become so meanwhile.
        """
        edges = push.manifest.edges
        wrong: list[WrongSize] = []
        if len(edges) > FEW_EDGES or push.is_long:
            await self._database.scan(push.require_acceptable)
        # Each is synced, or the next one's sync would have to wait for all of them.
        for preparation in push.preparations():
            wrong += await self._database.write(preparation, alone=True)
        stored, after = await self._database.write(push.store, alone=push.is_heavy)
        while after is not None:
            after = await self._database.write(partial(push.keep_referrers, after=after))
        return [*wrong, *stored]

    async def delete(
        self,
        repository: RepositoryName,
        digest: Digest,
        *,
        immutable: Sequence[ImmutableTags],
        expected_tags: frozenset[Tag] | None = None,
        change: Change,
    ) -> bool:
        """Put a manifest into the trash, and delete its tags; false if there is none.

        Args:
            expected_tags: those that may go with it; `None` for all.

        Raises:
            TagImmutable: one of `immutable` points to it, or to an index that holds it.
            NotAsExpected: another tag points to it, which stays, and the manifest with it.
            ReadOnly: the registry is, or has become so before all was done.
        """
        deleted, seen = None, 0
        while deleted is None:
            if immutable:  # before the first tag goes, and whenever one may have been set
                seen = await self._database.scan(
                    lambda connection: manifest_deletion.require_deletable(
                        connection, repository, digest, immutable
                    )
                )
            deleted = await self._database.write(
                partial(
                    if_writable(manifest_deletion.delete),
                    repository=repository,
                    digest=digest,
                    immutable=immutable,
                    seen=seen,
                    expected_tags=expected_tags,
                    change=change,
                )
            )
        return deleted


def with_children(
    connection: SqlConnection,
    repository: RepositoryName,
    *,
    after: str = "",
    limit: int = batches.NO_LIMIT,
) -> Sequence[tuple[Digest, Sequence[Digest]]]:
    """Manifests of a repository after a digest, deleted ones too, each with what it refers to."""
    rows = connection.execute(
        """
        SELECT m.digest, child FROM (
            SELECT repository_id, digest FROM manifests
            WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND digest > ?
            ORDER BY digest LIMIT ?
        ) AS m
        LEFT JOIN edges ON edges.repository_id = m.repository_id AND parent = m.digest
        ORDER BY m.digest
        """,
        (repository, after, limit),
    )
    found: dict[Digest, list[Digest]] = {}
    for digest, child in rows:
        children = found.setdefault(Digest(digest), [])
        if child is not None:
            children.append(Digest(child))
    return list(found.items())
