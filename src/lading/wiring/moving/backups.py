"""Backups of the database that the settings name: what one knows, and putting it in place."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from lading.blobs.layout import Layout
from lading.config.settings import Settings
from lading.core.digest import Digest
from lading.core.history import Change
from lading.databases.sqlite.backups import open_copy, restore
from lading.metadata import linked_blobs, objects
from lading.metadata.collecting.kept_bytes import begin_restored
from lading.ports.database import CopiedBlobs, SqlConnection
from lading.wiring import data_directory
from lading.wiring.paths import metadata_path


@contextmanager
def copied_blobs(settings: Settings, copy: Path) -> Iterator[CopiedBlobs]:
    """The blobs that a copy of the database knows, for the length of a block."""
    with closing(open_copy(copy)) as opened:
        paths_of = partial(_keys, opened) if settings.storage.driver == "s3" else _file
        yield CopiedBlobs(linked_blobs.count_stored(opened), linked_blobs.stored(opened), paths_of)


def _file(digest: Digest) -> Sequence[str]:
    root = Path("root")
    return [str(Path(Layout(root).blob(digest)).relative_to(root))]


def _keys(copy: SqlConnection, digest: Digest) -> Sequence[str]:
    return [segment.key for segment in objects.find(copy, digest)]


def restore_database(
    settings: Settings, backup: Path, change: Change, *, force: bool
) -> Path | None:
    """Put a copy of a backup where the database is.

    Args:
        force: whether to replace a database that is not empty.

    Returns:
        Where the database is kept that was there before; `None` if there was none.

    Raises:
        UnusableBackup: nothing was changed.
        NotEmpty: there is something, and `force` was not given; nothing was changed.
    """
    database = metadata_path(settings.storage.directory)
    time = datetime.fromtimestamp(change.at, UTC)
    aside = database.with_name(f"replaced-{time:%Y%m%dT%H%M%SZ}.sqlite3")
    kept = restore(
        database, backup, aside=aside, force=force, settle=partial(begin_restored, change=change)
    )
    data_directory.protect(database)
    return aside if kept else None
