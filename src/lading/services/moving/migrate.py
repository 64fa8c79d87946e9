"""Migration: a registry goes to another database, another store of bytes, or both, while it serves.

1. It is brought while it is pulled from and pushed to: first the bytes of a blob, which are read
   again and hashed where they are now, then its row. So a row at the target is a blob that was
   verified there, and a migration that is killed goes on from what is there.
2. All manifests are hashed where they are now.
3. It becomes read-only, and what has come meanwhile is brought, until a round finds nothing. It
   stays read-only, so that nobody pushes to what was left behind.

Unfinished uploads are not brought: their clients begin them anew.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from lading.core.access import Principal
from lading.core.errors import RegistryError
from lading.core.history import Change
from lading.core.timestamps import utc
from lading.metadata.moving.migrations import MIGRATES
from lading.services import unfinished
from lading.services.moving.migrate_blobs import BlobCopies
from lading.services.moving.migration_work import (
    BytesAlone,
    CannotMigrate,
    Everything,
    Migration,
    require_whole,
)
from lading.services.registry import Registry

# Rounds of a registry that is read-only, and seconds by which each pause between two of them is
# longer than the one before: a collection that was under way may end.
MOST_LAST_ROUNDS = 10
PAUSE = 0.5
_WAY_OUT = (
    "when no migration runs any more, `lading read-only off` with the old configuration makes it"
    " writable again"
)


@dataclass(frozen=True, slots=True)
class Migrated:
    """The outcome of a migration.

    Attributes:
        blobs: that it has copied, as they were not there.
        size: of these, in bytes.
        rows: that the target has now.
        seconds: for which the registry was read-only until all was there.
        unfinished: uploads that were left behind.
    """

    blobs: int
    size: int
    rows: int
    seconds: float
    unfinished: int


async def is_same_database(origin: Registry, target: Registry) -> bool:
    """Whether two registries have one database, whatever their settings call it."""
    mark = str(origin.new_uuid())
    await origin.metadata.migrations.mark(mark, origin.clock())
    notes = await target.metadata.migrations.find()
    await origin.metadata.migrations.mark(None, origin.clock())
    return notes.mark == mark


async def run(migration: Migration) -> Migrated:
    """Migrate a registry, or go on where a migration ended.

    Raises:
        CannotMigrate: that is not possible; the registry is served as before.
        StorageFull, Unavailable: a database or a store is full, or fails.
    """
    origin = migration.origin
    blobs = BlobCopies(origin, migration.target, migration.progress.advance)
    work = (BytesAlone if migration.same_database else Everything)(migration, blobs)
    await work.begin()
    await work.bring()
    require_whole(blobs.damaged)
    begun = origin.clock()
    async with last_step(migration) as change:
        await _equalise(work)
        require_whole(blobs.damaged)
        if not migration.same_bytes:
            await _remove_interrupted(migration.target)
        left_behind = len(await origin.uploads.list_all())
        rows = await work.end(change)
    if migration.same_bytes:
        with suppress(RegistryError, OSError):  # then a collection does
            await _remove_interrupted(migration.target)
    if migration.let_go is not None:  # from then on neither of the two deletes what both have
        await migration.let_go()
    origin.note("migrate", target=migration.place)
    return Migrated(blobs.copied, blobs.size, rows, origin.clock() - begun, left_behind)


@asynccontextmanager
async def last_step(migration: Migration) -> AsyncIterator[Change]:
    """Make the registry read-only, unless it is; for good if the block comes to its end.

    If it does not, as something has failed or somebody has had enough, the registry is given back:
    it is writable again, or who migrates it is told what makes it so. A process that is killed
    within leaves it read-only: the switch says why, and so does the next migration if that fails.

    Yields:
        The change, to be noted.

    Raises:
        CannotMigrate: the block has failed, and the registry stays read-only.
    """
    registry = migration.origin
    name = f"{migration.principal.name}{MIGRATES}{migration.place}"
    change = registry.change_by(Principal(name))
    try:
        await registry.metadata.read_only.set(change)
        yield change
    except BaseException as error:  # cancelled, too
        left = await _give_back(registry, change)
        if left and isinstance(error, CannotMigrate | RegistryError):
            raise CannotMigrate(f"{error}. {left}") from error
        if left:
            error.add_note(left)
        raise


async def _give_back(registry: Registry, change: Change) -> str:
    """Undo what was done here; what is left to do for a person, in words."""
    try:
        found = await registry.metadata.read_only.find()
        if found == change:
            await registry.metadata.read_only.set(None)
            return ""
        departed = (await registry.metadata.migrations.find()).has_departed
    except BaseException as error:  # noqa: BLE001 - cancelled once more, too
        why = str(error) or type(error).__name__
        return f"The registry could not be made writable again ({why}): {_WAY_OUT}"
    if found is None or departed or MIGRATES not in found.actor:
        return ""
    return f"The registry is read-only since {utc(found.at)}, by {found.actor}: {_WAY_OUT}"


async def _equalise(work: Everything | BytesAlone) -> None:
    for number in range(MOST_LAST_ROUNDS):
        if await work.equalise() == 0:
            return
        await asyncio.sleep(number * PAUSE)
    raise CannotMigrate(
        "the registry is read-only and changes all the same: end what changes it (a collection, a"
        " restore, `lading verify --repair`), and migrate again"
    )


async def _remove_interrupted(target: Registry) -> None:
    """Remove bytes that got their final name, and no row, as a run was killed or a push refused.

    Another run may have removed the row of a blob that was collected since that was brought.
    """
    for commit in await unfinished.find_interrupted(target):
        await unfinished.remove_interrupted(target, commit)
