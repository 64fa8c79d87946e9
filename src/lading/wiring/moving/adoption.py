"""Adoptions: the registry of the settings, and the volume of Distribution in the same place."""

import asyncio
import logging
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from lading.blobs.distribution_volume import DistributionVolume
from lading.blobs.layout import Layout
from lading.blobs.stores import Stores
from lading.config.settings import Settings
from lading.core.access import Principal
from lading.core.errors import StorageFull
from lading.core.typing import override
from lading.databases.sqlite import read_only
from lading.databases.sqlite.connection import translating_failures
from lading.databases.sqlite.file import FileDatabase
from lading.metadata.metadata import Metadata
from lading.services.moving import adopt
from lading.services.moving.adopt import CannotAdopt
from lading.services.moving.taking import Adoption
from lading.services.progress import StepProgress
from lading.services.registry import Registry
from lading.system.disk_errors import is_full
from lading.wiring import data_directory
from lading.wiring.data_directory import DataUnusable
from lading.wiring.paths import metadata_path
from lading.wiring.process_names import process_name
from lading.wiring.stores import policy_of

log = logging.getLogger(__name__)

# What an adoption by the server is known as.
_SERVER = "the server, when it started"


def volume_of(settings: Settings) -> DistributionVolume:
    """The volume in the place where the settings have files."""
    return DistributionVolume(Layout(settings.storage.filesystem.rootdirectory))


def new_adoption(
    registry: Registry,
    settings: Settings,
    principal: Principal,
    progress: StepProgress,
    *,
    checksums: bool = False,
    repair: bool = False,
) -> Adoption:
    """An adoption of what is in the place of an open registry."""
    name = process_name("an adoption")
    return Adoption(registry, volume_of(settings), principal, name, progress, checksums, repair)


@asynccontextmanager
async def open_plan(
    settings: Settings,
    principal: Principal,
    progress: StepProgress,
    *,
    checksums: bool,
    repair: bool,
) -> AsyncIterator[Adoption]:
    """An adoption into a database that is thrown away; nothing in the volume is changed.

    It begins with what is known of an adoption before, unless PostgreSQL keeps that.

    Raises:
        DataUnusable: what is there would not be taken over.
        CannotAdopt: there is no room for that database, where temporary files are.
    """
    files = settings.storage.filesystem
    root, database = files.rootdirectory, metadata_path(files.rootdirectory)
    is_alone = settings.database.postgresql is None
    if is_alone:
        data_directory.begins_beside(data_directory.find_foreign(root, database), files)
    begins_anew = not is_alone or read_only.has_nothing(database)
    async with AsyncExitStack() as stack:
        size = 0 if begins_anew else database.stat().st_size
        plan = stack.enter_context(_temporary(size)) / "plan.sqlite3"
        if not begins_anew:
            await asyncio.to_thread(_copy, database, plan)
        metadata = Metadata(FileDatabase(plan))
        stack.push_async_callback(metadata.close)
        stores = Stores.in_files(files.rootdirectory, files.reserve, read_only=True)
        stack.callback(stores.close)
        registry = Registry(
            metadata=metadata,
            blobs=stores.blobs,
            uploads=stores.uploads,
            locks=Stores.in_memory().locks,
            clock=time.time,
            new_uuid=uuid.uuid4,
            policy=policy_of(settings),
        )
        adoption = new_adoption(
            registry, settings, principal, progress, checksums=checksums, repair=repair
        )
        yield replace(adoption, holder=process_name("a plan"), is_plan=True)


@contextmanager
def _temporary(size: int) -> Iterator[Path]:
    """A directory for a database that begins with so many bytes; gone with the block.

    Raises:
        CannotAdopt: there is no room for it, or not for what becomes of it.
    """
    with tempfile.TemporaryDirectory(prefix="lading-plan-") as directory:
        full = CannotAdopt(
            "a plan needs about as much room as the database of an adoption, and there is no"
            f" more in {tempfile.gettempdir()}: name a directory on another disk in TMPDIR"
        )
        if shutil.disk_usage(directory).free < size:
            raise full
        try:
            yield Path(directory)
        except (StorageFull, OSError) as error:
            if isinstance(error, StorageFull) or is_full(error):  # nothing else is written
                raise full from error
            raise


def _copy(database: Path, target: Path) -> None:
    with closing(read_only.connect(database)) as known, translating_failures():
        known.copy_to(target)


async def adopt_at_start(registry: Registry, settings: Settings) -> None:
    """Take over what CNCF Distribution has, if the settings say so and it was not done before.

    Raises:
        DataUnusable: it cannot be taken over.
    """
    if settings.storage.driver != "filesystem":
        return
    if settings.storage.filesystem.foreignblobs != "adopt":
        return
    notes = await registry.metadata.adoptions.find()
    if notes.under_way is None and notes.done is not None:
        return
    if (await volume_of(settings).survey()).repositories == 0:
        return
    adoption = new_adoption(registry, settings, Principal(_SERVER), _LoggedProgress())
    try:
        async for finding in adopt.run(adoption):
            log.warning(
                "%s: %s; %s", finding.subject, finding.explanation, finding.mended or finding.advice
            )
    except CannotAdopt as error:
        raise DataUnusable(str(error)) from error
    tally = adoption.tally
    log.info(
        "what CNCF Distribution has here was taken over: %d repositories, %d manifests, %d tags,"
        " %d blobs (%d bytes)",
        tally.repositories,
        tally.manifests,
        tally.tags,
        tally.blobs,
        tally.size,
    )


class _LoggedProgress(StepProgress):
    """Progress in the log: a line for each step that begins."""

    @override
    def wait(self, holder: str, seconds: float) -> None:
        log.info("%s takes it over: waiting for it", holder)

    @override
    def begin(self, step: str, length: int) -> None:
        log.info("%s: %d to look at", step, length)
