"""`Metadata` on SQLite: which statement runs where.

Point reads run on the event loop, writes in the one writer, long reads in a thread. The statements
themselves are in the modules of their nouns.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Self

from lading.core.digest import Digest
from lading.core.garbage import DoomedLink, DoomedManifest, DoomedTag, Limits
from lading.core.history import Change, Restored, TagMove, TrashedManifest, TrashedTag
from lading.core.immutability import ImmutableTags
from lading.core.keepers import Holding
from lading.core.manifest import Manifest, WrongSize
from lading.core.names import Reference, RepositoryName, Tag, UploadKey
from lading.metadata import (
    collection,
    garbage,
    holds,
    jobs,
    keepers,
    links,
    manifests,
    orphans,
    refresh_tokens,
    repositories,
    robots,
    strangers,
    tags,
    times,
    trash,
    uploads,
)
from lading.metadata.database import Database, FileDatabase, MemoryDatabase
from lading.metadata.inspection import SqliteInspection
from lading.metadata.reading import ReadOnlyDatabase
from lading.metadata.switches import ReadOnlySwitch
from lading.metadata.trash import Restoration
from lading.ports.collection import Garbage
from lading.ports.jobs import Job
from lading.ports.maintenance import Hold
from lading.ports.metadata import Referrers, StoredManifest
from lading.ports.refresh_tokens import RefreshToken
from lading.ports.robots import Robot

# What a manifest may refer to without a look beforehand whether all of it is there: a look takes a
# hop to a thread, and a transaction in which something is missing is over as soon.
FEW_EDGES = 100


class SqliteMetadata(SqliteInspection):
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
        self._read_only = ReadOnlySwitch(database, read_only_hint)

    async def find_manifest(
        self, repository: RepositoryName, reference: Reference
    ) -> StoredManifest | None:
        """See `Metadata.find_manifest`."""
        return self._database.read(manifests.find, repository, reference)

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
        manifest, promised = self._database.read(
            manifests.find_promised, repository, reference, not_before=now - grace / 2
        )
        if manifest is None or promised:
            return manifest
        digest = manifest.digest
        del manifest  # or all who ask at the same time hold its bytes while they wait
        kept = await self._attempts.write(
            lambda connection: manifests.promise(connection, repository, digest, now)
        )
        return self._database.read(manifests.find, repository, digest) if kept else None

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
        long = len(manifest.edges) > FEW_EDGES
        if long:
            await self._database.scan(
                lambda connection: manifests.require_present(
                    connection, repository, manifest.edges, children_required, sizes_required
                )
            )
        return await self._database.write(
            lambda connection: manifests.put(
                connection,
                repository,
                manifest,
                tags,
                absent=absent,
                immutable=immutable,
                children_required=children_required,
                sizes_required=sizes_required,
                change=change,
            ),
            alone=long,
        )

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
        return await self._database.write(
            lambda connection: manifests.delete(connection, repository, digest, immutable, change)
        )

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
        return self._database.read(
            manifests.referrers,
            repository,
            subject,
            artifact_type=artifact_type,
            after=after,
            limit=limit,
            max_size=max_size,
        )

    async def repositories_with_manifests(self) -> Sequence[RepositoryName]:
        """See `Metadata.repositories_with_manifests`."""
        return await self._database.scan(repositories.with_manifests)

    async def find_keepers(self, digest: Digest) -> Sequence[Holding]:
        """See `Metadata.find_keepers`."""
        return await self._database.scan(lambda connection: keepers.find(connection, digest))

    async def is_stored(self, digest: Digest) -> bool:
        """See `Metadata.is_stored`."""
        return self._database.read(links.is_stored, digest)

    async def tag_history(
        self, repository: RepositoryName, tag: Tag, *, limit: int
    ) -> Sequence[TagMove]:
        """See `Metadata.tag_history`."""
        return await self._database.scan(
            lambda connection: tags.history(connection, repository, tag, limit)
        )

    async def list_trash(
        self, repository: RepositoryName | None, *, deleted_since: float
    ) -> Sequence[TrashedManifest | TrashedTag]:
        """See `Metadata.list_trash`."""
        return await self._database.scan(
            lambda connection: trash.page(connection, repository, deleted_since)
        )

    async def restore_manifest(
        self, repository: RepositoryName, digest: Digest, *, change: Change
    ) -> Restored:
        """See `Metadata.restore_manifest`."""
        return await self._database.write(
            lambda connection: Restoration(connection, repository, change).manifest(digest)
        )

    async def restore_tag(
        self,
        repository: RepositoryName,
        tag: Tag,
        *,
        at: float | None,
        immutable: Sequence[ImmutableTags],
        change: Change,
    ) -> Restored:
        """See `Metadata.restore_tag`."""

        def work(connection: Connection) -> Restored:
            restoration = Restoration(connection, repository, change)
            return restoration.tag(tag) if at is None else restoration.tag_at(tag, at, immutable)

        return await self._database.write(work)

    async def restore_all(
        self, repository: RepositoryName, *, deleted_since: float, change: Change
    ) -> Restored:
        """See `Metadata.restore_all`."""
        return await self._database.write(
            lambda connection: Restoration(connection, repository, change).everything(deleted_since)
        )

    async def list_manifests(
        self, repository: RepositoryName
    ) -> Sequence[tuple[Digest, Sequence[Digest]]]:
        """See `Metadata.list_manifests`."""
        return await self._database.scan(
            lambda connection: manifests.with_children(connection, repository)
        )

    async def find_garbage(self, limits: Limits) -> Garbage:
        """See `Metadata.find_garbage`."""
        return await self._database.scan(lambda connection: garbage.find(connection, limits))

    async def collect_manifests(
        self, doomed: Sequence[DoomedManifest], limits: Limits
    ) -> Sequence[DoomedManifest]:
        """See `Metadata.collect_manifests`."""
        return await self._database.write(
            lambda connection: collection.remove_manifests(connection, doomed, limits)
        )

    async def trash_orphans(
        self, doomed: Sequence[DoomedTag], limits: Limits
    ) -> tuple[Sequence[DoomedTag], bool]:
        """See `Metadata.trash_orphans`."""
        return await self._database.write(
            lambda connection: orphans.trash_orphans(connection, doomed, limits)
        )

    async def collect_links(
        self, doomed: Sequence[DoomedLink], limits: Limits
    ) -> Sequence[DoomedLink]:
        """See `Metadata.collect_links`."""
        return await self._database.write(
            lambda connection: collection.remove_links(connection, doomed, limits)
        )

    async def collect_blobs(self, digests: Sequence[Digest], *, now: float) -> Sequence[Digest]:
        """See `Metadata.collect_blobs`."""
        return await self._database.write(
            lambda connection: collection.remove_blobs(connection, digests, now)
        )

    async def forget_deletions(self, digests: Sequence[Digest]) -> None:
        """See `Metadata.forget_deletions`."""
        await self._database.write(
            lambda connection: collection.forget_deletions(connection, digests), durable=False
        )

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

    async def forget_committed(self, *, before: float, at_most: int) -> int:
        """See `Metadata.forget_committed`."""
        return await self._database.write(
            lambda connection: uploads.forget_committed(connection, before, at_most), durable=False
        )

    async def set_back_times(self, *, now: float) -> int:
        """See `Metadata.set_back_times`."""
        if not await self._database.scan(lambda connection: times.any_ahead(connection, now)):
            return 0
        return await self._database.write(lambda connection: times.set_back(connection, now))

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
