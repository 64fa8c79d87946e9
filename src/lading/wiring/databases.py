"""Databases of the registry: from the settings to its metadata, in SQLite or in PostgreSQL."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lading.config.settings import Settings
from lading.config.storage import FilesystemSection
from lading.core.history import Change
from lading.databases.sqlite.file import FileDatabase
from lading.databases.sqlite.memory import MemoryDatabase
from lading.databases.sqlite.read_only import ReadOnlyDatabase, has_nothing
from lading.metadata.collecting import kept_bytes
from lading.metadata.metadata import Metadata
from lading.metadata.read_only import STALENESS
from lading.monitoring.watch import Watch
from lading.ports.database import SqlConnection
from lading.wiring import data_directory
from lading.wiring.paths import metadata_path


def open_metadata(
    settings: Settings, opener: str, *, on_read_only_disk: bool, watch: Watch
) -> Metadata:
    """The metadata that the settings name.

    Args:
        opener: the name of this process, for what is written down of it.
        on_read_only_disk: whether nothing can be written beside the blobs.

    Raises:
        ForeignData: it is empty, and there are blobs of somebody else.
        CannotOpen: it cannot be used; the message says why.
    """
    if settings.storage.driver == "inmemory":
        return Metadata(watch.database(MemoryDatabase()))
    files = settings.storage.filesystem
    if settings.database.postgresql is not None:
        from lading.wiring import postgresql  # noqa: PLC0415 - nobody else loads it

        section = settings.database.postgresql
        beside = files if settings.storage.driver == "filesystem" else None
        opened = postgresql.open_database(section, beside, opener, watch.measures)
        return Metadata(watch.database(opened), read_only_staleness=STALENESS)
    if settings.storage.driver == "s3":
        return _open_alone(metadata_path(settings.storage.directory), watch)
    return _open_file(files, opener, watch, on_read_only_disk=on_read_only_disk)


def require_current(settings: Settings) -> None:
    """Require that a database, if there is something in it, needs no change; nothing is changed.

    Raises:
        CannotOpen: it is of another version, or cannot be used.
    """
    section = settings.database.postgresql
    if section is not None:
        from lading.wiring import postgresql  # noqa: PLC0415 - nobody else loads it

        postgresql.require_current(section)
        return
    database = metadata_path(settings.storage.directory)
    if not has_nothing(database):
        ReadOnlyDatabase(database).close()


def _open_file(
    files: FilesystemSection, opener: str, watch: Watch, *, on_read_only_disk: bool
) -> Metadata:
    root, database = files.rootdirectory, metadata_path(files.rootdirectory)
    foreign = data_directory.find_foreign(root, database)
    has_strangers = data_directory.begins_beside(foreign, files)
    if on_read_only_disk:
        return Metadata(watch.database(ReadOnlyDatabase(database)))
    change = Change(opener, time.time())
    begin = partial(kept_bytes.note_strangers, change=change) if has_strangers else None
    return _open_alone(database, watch, begin)


def _open_alone(
    database: Path, watch: Watch, begin: Callable[[SqlConnection], None] | None = None
) -> Metadata:
    data_directory.protect(database)
    opened = watch.database(FileDatabase(database, begin))
    data_directory.protect(database)  # what was made just now
    return Metadata(opened, read_only_hint=database.with_name(f"{database.name}.read-only"))
