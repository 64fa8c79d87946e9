"""Ownership of files: a registry opens those that are its own, or nobody's.

Where replicas share files, their registry's name is written beside them. One that is alone has its
database beside them, which says as much; it writes no name, but heeds one.
"""

import asyncio
import uuid
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from lading.blobs import file_owner
from lading.blobs.layout import Layout
from lading.databases.sqlite.read_only import ReadOnlyDatabase, has_nothing
from lading.metadata.metadata import Metadata
from lading.ports.database import CannotOpen
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
            f" (`database` in the configuration); if that is gone for good, remove {sign}"
        )


async def require_nobody_elses_files(metadata: Metadata, root: Path) -> None:
    """Go on only if no other registry's name is beside the files; nothing is written.

    Raises:
        OwnedElsewhere: there is one.
    """
    layout = Layout(root)
    owner = await asyncio.to_thread(file_owner.find_owner, layout)
    if owner is not None and owner != (await metadata.migrations.find()).registry:
        raise OwnedElsewhere(layout, f"{layout.owner} names it", layout.owner)


async def require_own_files(metadata: Metadata, root: Path, clock: Callable[[], float]) -> None:
    """Go on only if the files are this registry's, or nobody's, and then take them.

    Raises:
        OwnedElsewhere: they are another one's, or that cannot be told.
        Unavailable: the database cannot be asked.
    """
    layout = Layout(root)
    owner = await asyncio.to_thread(file_owner.find_owner, layout)
    name = (await metadata.migrations.find()).registry
    if owner is None:
        await _require_none_beside(metadata_path(root), layout, name)
        if not await _may_be_its_own(metadata, layout):
            said = "this one's database knows none of the blobs there"
            raise OwnedElsewhere(layout, said, layout.owner)
        name = name or await metadata.migrations.name(str(uuid.uuid4()), clock())
        owner = await asyncio.to_thread(file_owner.take, layout, name)
    if owner != name:
        raise OwnedElsewhere(layout, f"{layout.owner} names it", layout.owner)


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
