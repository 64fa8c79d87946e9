"""The work of a migration: what it brings to where, be it all of a registry or its bytes alone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from lading.core.access import Principal
from lading.core.digest import Digest
from lading.core.garbage import GarbageBlob
from lading.core.history import Change
from lading.core.timestamps import utc
from lading.metadata.inspection import KnownBlob
from lading.metadata.moving.table_rows import MOST_BYTES
from lading.ports.objects import ForeignObjects
from lading.services import collect_blobs
from lading.services.moving.migrate_blobs import BlobCopies, groups
from lading.services.moving.migrate_rows import RowCopies
from lading.services.pages import pages
from lading.services.progress import StepProgress
from lading.services.registry import Registry

# Rounds while the registry is used, each of which brings what has come during the one before.
MOST_ROUNDS = 5
# Rows after which the next round has nothing to do that takes long.
FEW = 500
# Blobs that are looked at, or removed, in one go.
PAGE = 500
# Images that are named in a message.
MOST_NAMED = 10
_SAME = "it was written to since this one was migrated there, or from there"


class CannotMigrate(Exception):
    """A registry cannot be migrated; the message says why and what to do."""


class MigrationStep(StrEnum):
    """A step of a migration, in words."""

    BLOBS = "Copying blobs"
    ROWS = "Copying the rest"
    MANIFESTS = "Checking manifests"
    LAST = "Copying what is new, read-only"


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration of a registry.

    Attributes:
        origin: the registry as it is served.
        target: as it is going to be.
        same_database: whether only its bytes go elsewhere.
        same_bytes: whether only its database does.
        place: the target, for people.
        let_go: leaves files that both places share to the first that goes on; `None` without such.
    """

    origin: Registry
    target: Registry
    same_database: bool
    same_bytes: bool
    principal: Principal
    place: str
    progress: StepProgress
    let_go: Callable[[], Awaitable[None]] | None = None


class Everything:
    """Rows, and the bytes of blobs before theirs."""

    def __init__(self, migration: Migration, blobs: BlobCopies) -> None:
        self._origin = migration.origin.metadata
        self._target = migration.target.metadata
        self._now = migration.target.clock
        self._run = str(migration.origin.new_uuid())
        self._progress = migration.progress
        self._rows = RowCopies(
            self._origin.table_rows,
            self._target.table_rows.brought_by(self._run),
            blobs,
            with_bytes=migration.same_bytes,
            advance=migration.progress.advance,
        )
        self._migration = migration

    async def begin(self) -> None:
        """Note that a registry will be brought, if it may be."""
        name = await _require_target(self._migration)
        await _require_place(self._migration)
        if (await self._target.migrations.find()).has_departed:
            # It was here before, and what became of its bytes since, nobody knows.
            await self._target.migrations.doubt_blobs(now=self._now())
        await self._target.migrations.begin_arrival(name, self._run, self._now())
        await self._target.read_only.set(None)  # with its file

    async def bring(self) -> None:
        """Bring what is there, while the registry is used."""
        totals = await self._origin.inspection.totals()
        self._progress.begin(MigrationStep.BLOBS, totals.size)
        await self._rows.bring_blobs(self._progress.advance)
        for _ in range(MOST_ROUNDS):
            self._progress.begin(MigrationStep.ROWS, await self._rows.count())
            if await self._rows.bring() <= FEW:
                break
        self._progress.begin(MigrationStep.MANIFESTS, totals.manifests)
        if await self._find_wrong(0):
            # It may have been collected after its document was read, and before its pieces were.
            await self._rows.bring_again()
            require_whole(await self._find_wrong(0))

    async def equalise(self) -> int:
        """Bring the rest, of a registry that is read-only; how much there was."""
        self._progress.begin(MigrationStep.LAST, 2 * await self._rows.count())
        count = await self._rows.equalise()
        if self._rows.first_document is not None:
            require_whole(await self._find_wrong(self._rows.first_document - 1))
        return count

    async def end(self, change: Change) -> int:
        """Note that all is there; how many rows."""
        await self._rows.end()
        if self._migration.same_bytes:
            await self._bring_strangers()
        else:
            await self._end_deletions()
        takes_files = self._migration.let_go is not None
        await self._target.migrations.end_arrival(self._run, self._now(), takes_files=takes_files)
        await self._origin.migrations.depart(change)
        return await self._rows.count()

    async def _end_deletions(self) -> None:
        """Remove bytes of blobs that were collected since they were brought, for this run alone."""
        read = partial(self._target.collection.ended_half_way, limit=PAGE)
        async for page in pages(read):
            await self._target.migrations.require_run(self._run)
            blobs = [GarbageBlob(digest, 0) for digest in sorted(page, key=lambda each: each.hex)]
            async for _ in collect_blobs.remove(self._migration.target, blobs):
                pass

    async def _bring_strangers(self) -> None:
        """Say of the bytes that stay where they are what was said of them before."""
        noted = await self._origin.strangers.find()
        await self._target.strangers.remove()
        if noted is not None:
            await self._target.strangers.note(noted)

    async def _find_wrong(self, after: int) -> Sequence[Digest]:
        """Manifests at the target whose bytes are not their digests', by rows of greater ids."""
        self._rows.first_document = None
        read = partial(self._target.inspection.list_manifests, size=MOST_BYTES)
        wrong: list[Digest] = []
        async for page in pages(read, lambda manifest: manifest.key, after):
            stored = [manifest for manifest in page if not manifest.lost]
            wrong += (each.digest for each in stored if not each.digest.names(each.body))
            self._progress.advance(len(stored))
        return wrong


class BytesAlone:
    """The bytes of blobs, of which the database stays where it is."""

    def __init__(self, migration: Migration, blobs: BlobCopies) -> None:
        self._migration = migration
        self._inspection = migration.origin.metadata.inspection
        self._blobs = blobs

    async def begin(self) -> None:
        """Require that they may be brought."""
        if self._migration.same_bytes:
            raise CannotMigrate(
                "both configurations name the same database and the same place of blobs; nothing"
                " was changed"
            )
        if self._migration.origin.upkeep is not None and self._migration.target.upkeep is not None:
            # There is one row for a blob: what is served would be looked for in the other bucket.
            raise CannotMigrate(
                "a database knows its objects in one bucket: copy them to the other one with a tool"
                " for buckets, under the same keys and once more while the registry is read-only"
                " (`lading read-only on`), then start the server with the new configuration."
                " Nothing was changed"
            )
        await _require_place(self._migration)

    async def bring(self) -> None:
        """Bring what is there, while the registry is used."""
        totals = await self._inspection.totals()
        self._migration.progress.begin(MigrationStep.BLOBS, totals.size)
        async for page in self._pages():
            await self._bring(page)

    async def equalise(self) -> int:
        """Bring the rest, of a registry that is read-only; how much there was."""
        self._migration.progress.begin(MigrationStep.LAST, (await self._inspection.totals()).size)
        before = self._blobs.copied
        async for page in self._pages():
            stat = self._migration.target.blobs.stat
            await self._bring([blob for blob in page if await stat(blob.digest) is None])
        return self._blobs.copied - before

    async def end(self, _: Change) -> int:
        """Note nothing: no row of them is elsewhere."""
        return 0

    async def _pages(self) -> AsyncIterator[Sequence[KnownBlob]]:
        read = partial(self._inspection.list_blobs, limit=PAGE)
        async for page in pages(read, lambda blob: blob.digest):
            yield [blob for blob in page if not blob.lost]

    async def _bring(self, blobs: Sequence[KnownBlob]) -> None:
        for group in groups(blobs):
            await self._blobs.settle(await self._blobs.bring(group))


async def _require_target(migration: Migration) -> str:
    """Require that the registry may go there; its name."""
    origin, target = migration.origin, migration.target
    if (await origin.metadata.migrations.find()).arriving is not None:
        raise CannotMigrate("what is to be migrated is itself not all there: end that migration")
    name = await origin.metadata.migrations.name(str(origin.new_uuid()), origin.clock())
    notes = await target.metadata.migrations.find()
    same = notes.registry == name
    if same and (notes.arriving is not None or notes.has_arrived or notes.has_departed):
        return name
    if notes.arriving is not None:
        raise CannotMigrate(
            f"another registry has been on its way to {migration.place} since"
            f" {utc(notes.arriving)}; name another database, or empty this one"
        )
    if not await target.metadata.table_rows.is_empty():
        raise CannotMigrate(
            f"there is a registry in {migration.place} already, and"
            f" {_SAME if same else 'it is not this one'}; name an empty database."
            " Nothing was changed"
        )
    return name


async def _require_place(migration: Migration) -> None:
    """Require that the store to which bytes go has no objects of another database."""
    upkeep = migration.target.upkeep
    if upkeep is None or migration.same_bytes:
        return
    try:
        await upkeep.require_own()
    except ForeignObjects as error:
        raise CannotMigrate(str(error)) from error


def require_whole(damaged: Sequence[Digest]) -> None:
    """Raise `CannotMigrate` if some bytes were found to be gone or damaged."""
    if damaged:
        more = f" and {len(damaged) - MOST_NAMED} more" if len(damaged) > MOST_NAMED else ""
        raise CannotMigrate(
            f"the bytes of {', '.join(damaged[:MOST_NAMED])}{more} are gone or damaged: run"
            " `lading verify --checksums --repair` with the old configuration, and migrate again."
            " All else is copied, and the registry is served as before"
        )
