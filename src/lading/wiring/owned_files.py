"""Ownership of files: a registry opens those that are its own, or nobody's.

Where replicas share files, their registry's name is written beside them. One that is alone has its
database beside them, which says as much; it writes no name, but heeds one.

Of a registry that was migrated with its rows alone, or restored from a backup, and so is in two
databases, the first that goes on has the files (`take_alone`); for the other one they are another
one's then.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from lading.blobs import file_owner
from lading.blobs.layout import Layout
from lading.config.settings import Settings
from lading.databases.sqlite.read_only import ReadOnlyDatabase, has_nothing
from lading.metadata.metadata import Metadata
from lading.metadata.moving.migrations import MigrationNotes
from lading.ports.database import CannotOpen
from lading.services.registry import Registry
from lading.wiring.data_directory import DataUnusable
from lading.wiring.paths import metadata_path

# Blobs that are asked for at once.
PAGE = 500


class OwnedElsewhere(DataUnusable):
    """The files belong to another registry's database.

    Args:
        said: by what that is known.
        sign: the file to remove if that registry is gone for good.
    """

    def __init__(self, layout: Layout, said: str, sign: Path | str) -> None:
        super().__init__(
            f"the files below {layout.root} belong to another registry ({said}), and what only one"
            " of two databases knows is garbage for the other one: give this registry a directory"
            " of its own (storage.filesystem.rootdirectory), or the database that knows these files"
            f" (`database` in the configuration); if that is gone for good, remove {sign}. A"
            " registry that was migrated from here, or to here, is brought again by"
            " `lading migrate`"
        )


async def require_nobody_elses_files(metadata: Metadata, root: Path) -> None:
    """Go on only if no other registry's name is beside the files; nothing is written.

    Raises:
        OwnedElsewhere: there is one.
    """
    layout = Layout(root)
    owner = await asyncio.to_thread(file_owner.find_owner, layout)
    if not _is_own(owner, await metadata.migrations.find()):
        raise _named(layout)


async def require_own_files(metadata: Metadata, root: Path, clock: Callable[[], float]) -> None:
    """Go on only if the files are this registry's, or nobody's, and then take them.

    Raises:
        OwnedElsewhere: they are another one's, or that cannot be told.
        Unavailable: the database cannot be asked.
    """
    layout = Layout(root)
    owner = await asyncio.to_thread(file_owner.find_owner, layout)
    notes = await metadata.migrations.find()
    name = notes.registry
    if owner is None and not notes.takes_files:
        await _require_none_beside(metadata_path(root), layout, name)
        if not await _may_be_its_own(metadata, layout):
            said = "this one's database knows none of the blobs there"
            raise OwnedElsewhere(layout, said, layout.owner)
        name = name or await metadata.migrations.name(str(uuid.uuid4()), clock())
        owner = await asyncio.to_thread(file_owner.take, layout, name)
    if not _is_own(owner, replace(notes, registry=name)):
        raise _named(layout)


async def let_go(metadata: Metadata, root: Path) -> None:
    """Leave the files of a registry that has departed to the first database that goes on."""
    name = (await metadata.migrations.find()).registry
    await asyncio.to_thread(file_owner.replace, Layout(root), f"{name}\n{file_owner.FREE}")


async def begin_restored(registry: Registry, settings: Settings) -> None:
    """Have the files belong to a restored database alone when it is served; until then to both."""
    if settings.storage.driver == "filesystem":
        # In this order: where it ends in between, the files are still this database's, too.
        await let_go(registry.metadata, settings.storage.filesystem.rootdirectory)
        await registry.metadata.migrations.take_files(registry.clock())


async def take_alone(registry: Registry, settings: Settings) -> None:
    """Take the files of a registry that came here, was restored here, or went from here.

    Raises:
        OwnedElsewhere: it goes on elsewhere.
    """
    if settings.storage.driver != "filesystem":
        return
    metadata, layout = registry.metadata, Layout(settings.storage.filesystem.rootdirectory)
    # In this order: a replica that takes them meanwhile notes that before it is written there.
    owner = await asyncio.to_thread(file_owner.find_owner, layout)
    notes = await metadata.migrations.find()
    if not (notes.takes_files or notes.has_departed):
        return
    if owner == f"{notes.registry}\n{file_owner.FREE}":
        said = notes.registry if settings.may_have_replicas else ""
        if notes.takes_files or notes.holder:
            new = str(uuid.uuid4())
            holder = await metadata.migrations.hold(new, registry.clock())
            said = f"{notes.registry}\n{holder}"
        await asyncio.to_thread(file_owner.replace, layout, said)
    elif not _is_own(owner, replace(notes, has_departed=False)):
        raise _named(layout)
    await metadata.migrations.have_files()


def _is_own(owner: str | None, notes: MigrationNotes) -> bool:
    """Whether the files are this database's, by what is written down.

    One that has departed may be looked at. One that came here has them when it is said that they
    are free, or when it has taken them; else somebody goes on where it came from.
    """
    name, _, holder = (owner or "").partition("\n")
    if owner is not None and (not name or name != notes.registry):
        return False
    if notes.takes_files:
        return holder == file_owner.FREE or (holder != "" and holder == notes.holder)
    return holder in {"", file_owner.FREE, notes.holder} or notes.has_departed


def _named(layout: Layout) -> OwnedElsewhere:
    return OwnedElsewhere(layout, f"{layout.owner} names it", layout.owner)


async def _require_none_beside(database: Path, layout: Layout, name: str) -> None:
    """Go on only if no database beside the files knows them, but one from which this one came."""
    if has_nothing(database):
        return
    try:
        beside = Metadata(ReadOnlyDatabase(database))
    except CannotOpen:  # who can say what is in it
        its_name = ""
    else:
        try:
            its_name = (await beside.migrations.find()).registry
        finally:
            await beside.close()
    if not its_name or its_name != name:
        raise OwnedElsewhere(layout, f"{database} is its database", database)


async def _may_be_its_own(metadata: Metadata, layout: Layout) -> bool:
    """Whether the database knows one of the blobs; one that is empty was asked when it began.

    Files that were copied without their owner, or were there before it was written down, have none.
    """
    inspection = metadata.inspection
    if not await inspection.list_blobs(after="", limit=1):
        return True
    digests, unknown = layout.digests(), False
    while page := await asyncio.to_thread(list, islice(digests, PAGE)):
        if await inspection.known_blobs(page):
            return True
        unknown = True
    return not unknown
