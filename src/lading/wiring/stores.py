"""Stores of the registry: from the settings to a `Registry` with its database and its blobs."""

import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from lading.blobs.file_locks import FileLocks
from lading.blobs.s3.bucket import BucketUnusable
from lading.blobs.stores import Stores
from lading.config.settings import Settings
from lading.core.immutability import ImmutableTags
from lading.metadata.metadata import Metadata
from lading.monitoring.watch import Watch
from lading.ports.blobs import Locks
from lading.ports.measures import Measures
from lading.services.registry import Note, Policy, Registry, forget
from lading.wiring import data_directory
from lading.wiring.clock import open_clock
from lading.wiring.databases import open_metadata
from lading.wiring.object_stores import bucket_of
from lading.wiring.owned_files import require_nobody_elses_files, require_own_files
from lading.wiring.paths import metadata_path, own_directory
from lading.wiring.process_names import process_name


@asynccontextmanager
async def open_registry(
    settings: Settings,
    note: Note = forget,
    watch: Watch | None = None,
    *,
    arriving: bool = False,
) -> AsyncIterator[Registry]:
    """The stores that the settings name, open for the length of a block.

    Args:
        arriving: whether a registry is brought there, which takes its files when it is served.

    Raises:
        ForeignData: there are blobs of somebody else.
        OwnedElsewhere: the files are another registry's.
    """
    watch = watch or Watch()
    async with AsyncExitStack() as stack:
        metadata = open_metadata(
            settings,
            process_name("a start"),
            on_read_only_disk=is_on_read_only_disk(settings),
            watch=watch,
        )
        stack.push_async_callback(metadata.close)
        clock: Callable[[], float] = time.time
        if settings.may_have_replicas:
            clock = await stack.enter_async_context(open_clock(metadata.times))
        if settings.storage.driver == "filesystem" and not arriving:
            await _require_own_files(settings, metadata, clock)
        stores = _open_stores(settings, metadata, clock, watch.measures, stack)
        stack.callback(stores.close)
        # What speaks to an object store measures each request itself.
        measured = stores.upkeep is not None
        registry = Registry(
            metadata=metadata,
            blobs=watch.blobs(stores.blobs, measured=measured),
            uploads=watch.uploads(stores.uploads, measured=measured),
            locks=stores.locks,
            clock=clock,
            new_uuid=uuid.uuid4,
            policy=policy_of(settings),
            note=note,
            measures=watch.measures,
            upkeep=stores.upkeep,
        )
        stack.callback(registry.parsing.close)
        yield registry


async def _require_own_files(
    settings: Settings, metadata: Metadata, clock: Callable[[], float]
) -> None:
    if is_on_read_only_disk(settings):  # where nothing can be lost
        return
    root = settings.storage.filesystem.rootdirectory
    if settings.may_have_replicas:
        await require_own_files(metadata, root, clock)
    else:
        await require_nobody_elses_files(metadata, root)


def is_on_read_only_disk(settings: Settings) -> bool:
    """Whether the data is where nothing can be written."""
    root = settings.storage.filesystem.rootdirectory
    on_disk = settings.storage.driver == "filesystem"
    return on_disk and data_directory.is_read_only(root, metadata_path(root))


def is_read_only(settings: Settings) -> bool:
    """Whether nothing is pushed or deleted, as the settings say so, or the disk."""
    return settings.storage.maintenance.readonly.enabled or is_on_read_only_disk(settings)


def policy_of(settings: Settings) -> Policy:
    """The rules of the operator, as services read them."""
    purging = settings.storage.maintenance.uploadpurging
    return Policy(
        grace=settings.storage.garbagecollect.grace.total_seconds(),
        trash=settings.storage.garbagecollect.trash.total_seconds(),
        untagged=settings.storage.garbagecollect.untagged,
        attachments=settings.storage.garbagecollect.attachments,
        upload_age=purging.age.total_seconds() if purging.enabled else None,
        uploads_kept=purging.dryrun,
        delete_enabled=settings.storage.delete.enabled,
        children_required=settings.validation.childrenrequired,
        max_staged=settings.limits.unfinisheduploads or None,
        max_staged_in_all=settings.limits.allunfinisheduploads or None,
        sizes_required=settings.validation.sizesrequired,
        max_blob_size=settings.limits.blobsize or None,
        max_descriptors=settings.limits.descriptors,
        not_before=Path(__file__).stat().st_mtime,
        immutable=[
            ImmutableTags(rule.repositories, rule.tags, rule.exclude)
            for rule in settings.tags.immutable
        ],
    )


def _open_stores(
    settings: Settings,
    metadata: Metadata,
    clock: Callable[[], float],
    measures: Measures,
    stack: AsyncExitStack,
) -> Stores:
    storage = settings.storage
    if storage.driver == "inmemory":
        return Stores.in_memory()
    if storage.driver == "filesystem":
        files, read_only = storage.filesystem, is_on_read_only_disk(settings)
        return Stores.in_files(
            files.rootdirectory, files.reserve, read_only=read_only, measures=measures
        )
    from lading.blobs.s3.object_store import ObjectStore  # noqa: PLC0415 - nobody else loads it

    try:
        store = ObjectStore(bucket_of(storage), measures)
    except BucketUnusable as error:
        raise data_directory.DataUnusable(str(error)) from error
    return Stores.in_s3(
        store,
        metadata.uploads,
        metadata.objects,
        _open_locks(settings, measures, stack),
        clock,
        measures,
        own_directory(storage.directory),
    )


def _open_locks(settings: Settings, measures: Measures, stack: AsyncExitStack) -> Locks:
    """Locks against all who have the same database."""
    if settings.database.postgresql is not None:
        from lading.wiring import postgresql  # noqa: PLC0415 - nobody else loads it

        locks = postgresql.open_locks(settings.database.postgresql, measures)
        stack.callback(locks.close)
        return locks
    return FileLocks.below(settings.storage.directory)
