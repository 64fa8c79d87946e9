"""`Metadata` on SQLite: which statement runs where.

Point reads run on the event loop, writes in the one writer, long reads in a thread. The statements
themselves are in the modules of their nouns.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Self

from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest, WrongSize
from lading.core.names import Reference, RepositoryName, Tag, UploadKey
from lading.metadata import (
    holds,
    jobs,
    links,
    manifests,
    refresh_tokens,
    repositories,
    robots,
    strangers,
    tags,
    uploads,
    writer,
)
from lading.metadata.collection import SqliteCollection
from lading.metadata.database import Database, FileDatabase, MemoryDatabase
from lading.metadata.inspection import SqliteInspection
from lading.metadata.large import SMALL, LargeBodies
from lading.metadata.pushes import Push
from lading.metadata.reading import ReadOnlyDatabase
from lading.metadata.restoration import SqliteTrash
from lading.metadata.switches import ReadOnlySwitch
from lading.ports.jobs import Job
from lading.ports.maintenance import Hold
from lading.ports.metadata import Referrers, StoredManifest
from lading.ports.refresh_tokens import RefreshToken
from lading.ports.robots import Robot

# What a manifest may refer to without a look beforehand whether all of it is there: a look takes a
# hop to a thread, and a transaction in which something is missing is over as soon.
FEW_EDGES = 100


class SqliteMetadata(SqliteInspection, SqliteCollection, SqliteTrash):
    """See `lading.ports.metadata.Metadata`."""

    @classmethod
    def open(
        cls, path: Path, *, read_only: bool = False, strangers_noted: Change | None = None
    ) -> Self:
        """The database in a file, made or brought up to date as needed.

        Args:
            path: of the file.
            read_only: it is where nothing can be written; then it must be there, and up to date.
            strangers_noted: see `note_strangers`; done before anybody can ask.
        """
        if read_only:
            return cls(ReadOnlyDatabase(path), None)
        database = FileDatabase(path)
        if strangers_noted is not None:
            database.read(strangers.note, strangers_noted)
        return cls(database, path.with_name(f"{path.name}.read-only"))

    @classmethod
    def in_memory(cls) -> Self:
        """A database of this process alone, gone with it."""
        return cls(MemoryDatabase(), None)

    def __init__(self, database: Database, read_only_hint: Path | None) -> None:
        super().__init__(database)
        self._large = LargeBodies(database)
        self._read_only = ReadOnlySwitch(database, read_only_hint)

    async def find_manifest(
        self, repository: RepositoryName, reference: Reference
    ) -> StoredManifest | None:
        """See `Metadata.find_manifest`."""
        found = self._database.read(manifests.find, repository, reference)
        return None if found is None else await self._with_body(found)

    async def _with_body(self, found: manifests.Found) -> StoredManifest | None:
        """The manifest of a row; `None` if it is large, and has been removed meanwhile."""
        if found.body is not None:
            return StoredManifest(found.digest, found.media_type, found.body)
        body, intact = await self._large.read(found.digest, found.id)
        if body is None:
            return None
        return StoredManifest(found.digest, found.media_type, body, checked=intact)

    async def find_blob(self, repository: RepositoryName, digest: Digest) -> int | None:
        """See `Metadata.find_blob`."""
        return self._database.read(links.find, repository, digest)

    async def promise_blob(
        self, repository: RepositoryName, digest: Digest, *, now: float, grace: float
    ) -> int | None:
        """See `Metadata.promise_blob`."""
        size, promised = self._database.read(
            links.find_promised, repository, digest, not_before=now - grace / 2
        )
        if promised:
            return size
        return await self._attempts.write(
            lambda connection: links.promise(connection, repository, digest, now)
        )

    async def promise_manifest(
        self, repository: RepositoryName, reference: Reference, *, now: float, grace: float
    ) -> StoredManifest | None:
        """See `Metadata.promise_manifest`."""
        found = self._database.read(manifests.find, repository, reference)
        if found is None:
            return None
        if found.is_promised(now - grace / 2):
            return await self._with_body(found)
        digest = found.digest
        kept = await self._attempts.write(
            lambda connection: manifests.promise(connection, repository, digest, now)
        )
        return await self.find_manifest(repository, digest) if kept else None

    async def repository_exists(self, repository: RepositoryName) -> bool:
        """See `Metadata.repository_exists`."""
        return self._database.read(repositories.is_listed, repository)

    async def add_blob(
        self,
        repository: RepositoryName,
        digest: Digest,
        size: int,
        *,
        upload: UploadKey,
        now: float,
    ) -> None:
        """See `Metadata.add_blob`."""

        def work(connection: Connection) -> None:
            links.add_blob(connection, repository, digest, size, now)
            uploads.commit(connection, upload, digest, now)

        await self._database.write(work)

    async def find_committed(self, upload: UploadKey) -> Digest | None:
        """See `Metadata.find_committed`."""
        return self._database.read(uploads.find_committed, upload)

    async def mount_blob(
        self,
        repository: RepositoryName,
        digest: Digest,
        *,
        source: RepositoryName,
        now: float,
    ) -> bool:
        """See `Metadata.mount_blob`."""
        return await self._database.write(
            lambda connection: links.mount(connection, repository, digest, source, now)
        )

    async def repositories_with(self, digest: Digest, *, limit: int) -> Sequence[RepositoryName]:
        """See `Metadata.repositories_with`."""
        return self._database.read(links.repositories_with, digest, limit)

    async def put_manifest(
        self,
        repository: RepositoryName,
        manifest: Manifest,
        *,
        tags: Sequence[Tag],
        absent: Sequence[Reference],
        immutable: Sequence[ImmutableTags],
        children_required: bool,
        sizes_required: bool,
        change: Change,
    ) -> Sequence[WrongSize]:
        """See `Metadata.put_manifest`."""
        push = Push(repository, manifest, children_required, sizes_required, change)
        wrong: list[WrongSize] = []
        if len(manifest.edges) > FEW_EDGES:
            await self._database.scan(push.require_present)
        if push.is_long:
            for edges in writer.pieces(manifest.edges):
                wrong += await self._database.write(
                    partial(push.prepare, edges=edges), durable=False, alone=True
                )
        stored = await self._database.write(
            lambda connection: push.store(connection, tags, absent=absent, immutable=immutable),
            alone=len(manifest.edges) > FEW_EDGES,
        )
        after = stored.after
        while after is not None:
            after = await self._database.write(partial(push.keep_referrers, after=after))
        return [*wrong, *stored.wrong_sizes]

    async def delete_tag(
        self,
        repository: RepositoryName,
        tag: Tag,
        *,
        immutable: Sequence[ImmutableTags],
        change: Change,
    ) -> bool:
        """See `Metadata.delete_tag`."""
        return await self._database.write(
            lambda connection: tags.delete(connection, repository, tag, immutable, change)
        )

    async def delete_manifest(
        self,
        repository: RepositoryName,
        digest: Digest,
        *,
        immutable: Sequence[ImmutableTags],
        change: Change,
    ) -> bool:
        """See `Metadata.delete_manifest`."""
        deleted: bool | None = None
        while deleted is None:
            deleted = await self._database.write(
                lambda connection: manifests.delete(
                    connection, repository, digest, immutable, change
                )
            )
        return deleted

    async def delete_blob(self, repository: RepositoryName, digest: Digest, *, now: float) -> bool:
        """See `Metadata.delete_blob`."""
        return await self._database.write(
            lambda connection: links.unlink(connection, repository, digest, now)
        )

    async def list_tags(
        self, repository: RepositoryName, *, after: str, limit: int
    ) -> Sequence[str]:
        """See `Metadata.list_tags`."""
        return self._database.read(tags.page, repository, after, limit)

    async def list_repositories(self, *, after: str, limit: int, prefix: str = "") -> Sequence[str]:
        """See `Metadata.list_repositories`."""
        return self._database.read(repositories.page, after, limit, prefix)

    async def list_referrers(
        self,
        repository: RepositoryName,
        subject: Digest,
        *,
        artifact_type: str | None,
        after: str,
        limit: int,
        max_size: int,
    ) -> Referrers:
        """See `Metadata.list_referrers`."""
        read = partial(
            manifests.referrers,
            repository=repository,
            subject=subject,
            artifact_type=artifact_type,
            after=after,
            limit=limit,
            max_size=max_size,
        )
        found = self._database.read(read, largest=SMALL)
        if found is None:
            found = await self._database.scan(read)
            assert found is not None  # as there is no largest
        return found

    async def find_read_only(self) -> Change | None:
        """See `Metadata.find_read_only`."""
        return self._read_only.find()

    async def set_read_only(self, change: Change | None) -> None:
        """See `Metadata.set_read_only`."""
        await self._read_only.set(change)

    async def note_strangers(self, change: Change | None) -> None:
        """See `Metadata.note_strangers`."""
        await self._database.write(
            strangers.forget
            if change is None
            else lambda connection: strangers.note(connection, change)
        )

    async def find_strangers(self) -> Change | None:
        """See `Metadata.find_strangers`."""
        return self._database.read(strangers.find)

    async def hold_blobs(self, hold: Hold) -> None:
        """See `Metadata.hold_blobs`."""
        await self._database.write(lambda connection: holds.place(connection, hold))

    async def release_blobs(self, name: str) -> bool:
        """See `Metadata.release_blobs`."""
        return await self._database.write(lambda connection: holds.release(connection, name))

    async def find_hold(self, *, now: float) -> Hold | None:
        """See `Metadata.find_hold`."""
        return self._database.read(holds.last, now)

    async def copy_to(self, target: Path) -> None:
        """See `Metadata.copy_to`."""
        await self._database.copy_to(target)

    async def find_job(self, name: str) -> Job | None:
        """See `Metadata.find_job`."""
        return self._database.read(jobs.find, name)

    async def claim_job(
        self,
        name: str,
        holder: str,
        *,
        now: float,
        expires_at: float,
        finished_before: float | None,
    ) -> bool:
        """See `Metadata.claim_job`."""
        return await self._database.write(
            lambda connection: jobs.claim(
                connection, name, holder, now, expires_at, finished_before
            ),
            durable=False,
        )

    async def renew_job(self, name: str, holder: str, *, expires_at: float) -> bool:
        """See `Metadata.renew_job`."""
        return await self._database.write(
            lambda connection: jobs.renew(connection, name, holder, expires_at), durable=False
        )

    async def release_jobs(self) -> None:
        """See `Metadata.release_jobs`."""
        await self._database.write(jobs.release_all, durable=False)

    async def release_job(self, name: str, holder: str, *, finished_at: float | None) -> None:
        """See `Metadata.release_job`."""
        await self._database.write(
            lambda connection: jobs.release(connection, name, holder, finished_at), durable=False
        )

    async def add_robot(self, robot: Robot) -> bool:
        """See `Robots.add_robot`."""
        return await self._database.write(lambda connection: robots.add(connection, robot))

    async def find_robot(self, name: str) -> Robot | None:
        """See `Robots.find_robot`."""
        return self._database.read(robots.find, name)

    async def list_robots(self) -> Sequence[Robot]:
        """See `Robots.list_robots`."""
        return await self._database.scan(robots.all_of_them)

    async def remove_robot(self, name: str) -> bool:
        """See `Robots.remove_robot`."""
        return await self._database.write(lambda connection: robots.remove(connection, name))

    async def note_robots_used(self, used: Mapping[str, float]) -> None:
        """See `Robots.note_robots_used`."""
        await self._database.write(
            lambda connection: robots.note_used(connection, used), durable=False
        )

    async def add_refresh_token(self, token: RefreshToken, *, now: float) -> None:
        """See `RefreshTokens.add_refresh_token`."""
        await self._attempts.write(lambda connection: refresh_tokens.add(connection, token, now))

    async def find_refresh_token(self, hash_: str, *, now: float) -> RefreshToken | None:
        """See `RefreshTokens.find_refresh_token`."""
        return self._database.read(refresh_tokens.find, hash_, now)

    async def close(self) -> None:
        """See `Metadata.close`."""
        self._database.close()
