"""Migrations: an open registry, and the one that other settings name."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from lading.blobs import distribution
from lading.blobs.layout import Layout
from lading.config.settings import Settings
from lading.config.storage import StorageSection
from lading.core.access import Principal
from lading.services.moving.migrate import is_same_database
from lading.services.moving.migration_work import Migration
from lading.services.progress import StepProgress
from lading.services.registry import Registry
from lading.wiring import owned_files
from lading.wiring.object_stores import bucket_of
from lading.wiring.stores import open_registry


@asynccontextmanager
async def open_migration(
    origin: Registry,
    settings: Settings,
    target: Settings,
    principal: Principal,
    progress: StepProgress,
) -> AsyncIterator[Migration]:
    """A migration of an open registry to other settings, open for the length of a block.

    Raises:
        DataUnusable, CannotOpen: the other settings cannot be used.
    """
    same_bytes = place_of_bytes(settings.storage) == place_of_bytes(target.storage)
    # Bytes that stay where they are, are strangers to an empty database, and known to this one.
    layout = Layout(target.storage.filesystem.rootdirectory)
    adopted = distribution.find_note(layout) if same_bytes else None
    opened = _keeping(target) if same_bytes else target
    async with open_registry(opened, arriving=True) as arriving:
        if adopted is not None:  # an empty database beside them gives up what was adopted
            distribution.write_note(layout, adopted)
        yield Migration(
            origin=origin,
            target=arriving,
            same_database=await is_same_database(origin, arriving),
            same_bytes=same_bytes,
            principal=principal,
            place=_place(target),
            progress=progress,
            let_go=_let_go(origin, target) if same_bytes else None,
        )


def place_of_bytes(storage: StorageSection) -> str:
    """Where bytes are, for people; each place has a name of its own."""
    if storage.driver != "s3":
        return str(storage.filesystem.rootdirectory.resolve())
    bucket = bucket_of(storage)
    where = bucket.endpoint or f"region {bucket.region}"
    return f"the bucket {bucket.name}{bucket.root and f' ({bucket.root})'} at {where}"


def _let_go(origin: Registry, target: Settings) -> Callable[[], Awaitable[None]] | None:
    """What leaves the files to the first that goes on; a bucket has badges for that."""
    if target.storage.driver != "filesystem":
        return None
    return partial(owned_files.let_go, origin.metadata, target.storage.filesystem.rootdirectory)


def _place(settings: Settings) -> str:
    """Where a registry is, for people."""
    bytes_, postgresql = place_of_bytes(settings.storage), settings.database.postgresql
    return bytes_ if postgresql is None else f"{postgresql.url} and {bytes_}"


def _keeping(settings: Settings) -> Settings:
    filesystem = settings.storage.filesystem.model_copy(update={"foreignblobs": "keep"})
    storage = settings.storage.model_copy(update={"filesystem": filesystem})
    return settings.model_copy(update={"storage": storage})
