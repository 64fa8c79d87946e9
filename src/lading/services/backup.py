"""Backups: a consistent copy of what is known, and a list of the blobs that belong to it.

From before the copy is made, no blob is collected until the hold is over: whatever the copy knows
of can still be copied. Blobs never change, so they can be copied in any order, by any program, and
those that a backup has already need not be copied again.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lading.core.access import Principal
from lading.metadata.collecting.kept_bytes import LONGEST_HOLD, BackupHold
from lading.ports.database import CopiedBlobs
from lading.services.registry import Registry
from lading.system.durable import sync_directory

METADATA = "metadata.sqlite3"
BLOBS = "blobs.txt"
# Seconds that an operator may ask a hold to last.
LONGEST = LONGEST_HOLD - 24 * 3600.0


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A directory under another name, which gets its own at the end: if it is there, it is whole.

    What was not made by a backup is not deleted if that fails. Of two that make the same one at
    once, one is refused: it would take what the other has begun for left by a crash.

    Raises:
        OSError: it cannot be made.
    """
    partial = path.with_name(f"{path.name}.partial")
    lock = _make_locked(partial)
    try:
        _empty(partial)  # of what a crash has left
        yield partial
        sync_directory(partial)
        partial.rename(path)
        sync_directory(path.parent)
    except BaseException:
        with suppress(OSError):
            _empty(partial)
            partial.rmdir()
        raise
    finally:
        os.close(lock)


def _make_locked(directory: Path) -> int:
    """A descriptor of a directory, by which it is locked until that is closed; made if need be.

    Raises:
        OSError: it cannot be made, or another process has it locked.
    """
    while True:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(descriptor)
            if _is_at(descriptor, directory):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # who had it has just finished, or given up


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether a path leads to an open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(errno.EBUSY, "another `lading backup` is making it") from error
    except OSError as error:
        if error.errno != errno.EBADF:  # as on NFS, where no directory can be locked
            raise


async def copy_metadata(registry: Registry, directory: Path, *, name: str, until: float) -> Path:
    """Write a consistent copy of the database into a new file, while others go on.

    Until then no blob is collected, by a hold of that name.
    """
    await registry.metadata.backup_holds.place(BackupHold(name, until))
    await registry.metadata.database.copy_to(directory / METADATA)
    return directory / METADATA


async def list_blobs(
    registry: Registry, directory: Path, copied: CopiedBlobs, advance: Callable[[int], None]
) -> int:
    """Write a list of the files of all blobs whose bytes are there; a check tells of the others.

    Args:
        copied: the blobs that the copy knows.
        advance: called with how many were looked at.

    Returns:
        How many files there are.
    """
    files = 0
    with (directory / BLOBS).open("w") as lines:
        for digest in copied.digests:
            if await registry.blobs.stat(digest) is not None:
                paths = copied.paths_of(digest)
                lines.writelines(f"{path}\n" for path in paths)
                advance(1)
                files += len(paths)
        lines.flush()
        os.fsync(lines.fileno())
    return files


async def find_hold(registry: Registry) -> BackupHold | None:
    """The hold that lasts longest, if any keeps blobs from being collected now."""
    return await registry.metadata.backup_holds.last(now=registry.clock())


async def end_hold(registry: Registry, name: str) -> bool:
    """End the hold of a backup whose blobs are copied; false if there was none."""
    return await registry.metadata.backup_holds.end(name)


async def note_restored(registry: Registry, principal: Principal) -> None:
    """Note that the database was restored by programs of its own, so that bytes may be newer."""
    await registry.metadata.strangers.begin_restored(registry.change_by(principal))
    registry.note("backup.restore", source="programs of the database")


def _empty(partial: Path) -> None:
    """Delete what was made under the other name; an `OSError` if something else is there, too."""
    for name in (METADATA, f"{METADATA}-journal", BLOBS):
        (partial / name).unlink(missing_ok=True)
    if any(partial.iterdir()):
        raise OSError(errno.ENOTEMPTY, f"{partial} holds other files")
