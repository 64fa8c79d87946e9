"""The disk below the stores of files: its directories, its room, and threads that wait for it.

What can take long (syncing, hashing, reading what is not cached) is done in a thread. What the
kernel answers from memory is not: a thread takes longer to wake up than a small write takes.
Failures are told in the registry's words (`translating`); paths are strings (see
`lading.blobs.layout`).
"""

import errno
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

from lading.blobs.layout import Layout
from lading.core.digest import Digest
from lading.core.errors import StorageFull, Unavailable
from lading.core.names import UploadKey
from lading.core.typing import P, T
from lading.system import durable
from lading.system.disk_errors import advised, is_full
from lading.system.threads import Lane, Threads

log = logging.getLogger(__name__)

# Threads that wait for the disk; each holds one piece of one upload.
THREADS = 16
# Seconds between two lines that say that there is no room.
WARN_EVERY = 60.0
MIB = 1024 * 1024
# What is said of a path at which there is no file.
NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Disk:
    """The directories of a store, made unless it is only read, with a reserve of bytes."""

    def __init__(self, root: Path, reserve: int = 0, *, read_only: bool = False) -> None:
        self.layout = Layout(root)
        if not read_only:
            durable.make_directories(root)
            for directory in self.layout.directories():
                durable.make_directory(directory)
        self._reserve = reserve
        self._warned_at: float | None = None
        self._durable: set[str] = set()
        self._threads = Threads(THREADS, "blobs")

    def require_space(self, size: int) -> None:
        """Raise `StorageFull` if the disk has no room for so many bytes beyond the reserve."""
        status = os.statvfs(self.layout.uploads)
        free = status.f_bavail * status.f_frsize
        # Some file systems make inodes as they need them, and count none.
        if free - size < self._reserve or (status.f_files and not status.f_favail):
            self._warn_of_little_room(size, free, status.f_favail)
            raise StorageFull

    def _warn_of_little_room(self, size: int, free: int, files: int) -> None:
        """Say that a push is refused: from time to time, as each may be."""
        now = time.monotonic()
        if self._warned_at is not None and now - self._warned_at < WARN_EVERY:
            return
        self._warned_at = now
        log.warning(
            "a push of %d MiB or more is refused: the disk of %s has room for %d MiB and %d files,"
            " of which %d MiB are kept for the database (storage.filesystem.reserve); free some"
            " space (`lading du`, `lading garbage-collect`)",
            size // MIB,
            self.layout.uploads,
            free // MIB,
            files,
            self._reserve // MIB,
        )

    def make_upload(self, upload: UploadKey, at: float) -> None:
        """Make the file of an upload, as old as that, in the directory of its owner."""
        path = self.layout.upload(upload)
        while True:
            try:
                make_file(path, at)
            except FileNotFoundError:  # perhaps removed since it was made: it is empty again
                _make_directory(os.path.dirname(path))
            else:
                return

    def remove_upload(self, upload: UploadKey) -> None:
        """Remove the file of an upload, and the directory of its owner if that is the last one.

        Else whoever begins uploads and cancels them would leave one for each address.
        """
        path = self.layout.upload(upload)
        remove_file(path)
        with suppress(OSError):
            os.rmdir(os.path.dirname(path))

    def make_room(self, digest: Digest) -> None:
        """Make the directory of a blob, which is durable after `sync_name` only."""
        directory = os.path.dirname(self.layout.blob(digest))
        shard = os.path.dirname(directory)
        if shard not in self._durable:
            self._make_shard(shard)
        try:
            _make_directory(directory)
        except FileNotFoundError:  # somebody tidied up directories that were empty
            self._make_shard(shard)
            _make_directory(directory)

    def give_back_room(self, digest: Digest) -> None:
        """Remove the directory of a blob that has not come there, if nothing is in it."""
        with suppress(OSError):
            os.rmdir(os.path.dirname(self.layout.blob(digest)))

    def sync_name(self, digest: Digest) -> None:
        """Make the name of a blob durable that was just given to its bytes.

        The directory of the blob is as new as the name, so that its own name is synced as well.
        """
        directory = os.path.dirname(self.layout.blob(digest))
        durable.sync_directory(directory)
        durable.sync_directory(os.path.dirname(directory))

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work in a thread, until it is over, with `translating`."""
        with translating():
            return await self._threads.start(function, *args, **kwargs)

    def lane(self) -> Lane:
        """A way to do blocking work one after the other."""
        return Lane(self._threads)

    def close(self) -> None:
        """End the threads, when what was begun is done."""
        self._threads.close()

    def _make_shard(self, shard: str) -> None:
        """Make a shard and its algorithm's directory durable.

        That they are there says nothing: whoever made them may have died before syncing.
        """
        for directory in (os.path.dirname(shard), shard):
            durable.make_directory(Path(directory))
        self._durable.add(shard)


def _make_directory(path: str) -> None:
    with suppress(FileExistsError):
        os.mkdir(path)


class translating:  # noqa: N801 - a context, as those of contextlib are
    """Turns failures of the file system into errors that a client can be told.

    Not a generator: a push of a blob enters a dozen of these.

    Raises:
        StorageFull: there is no space left, or the quota is used up.
        Unavailable: something cannot be read or written; the log says what.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            if is_full(error):
                log.warning("the storage is full: %s", advised(error))
                raise StorageFull from error
            log.error("the storage fails: %s", advised(error))
            raise Unavailable("the storage cannot be used; the registry's log says why") from error


def size_if_there(path: str) -> int | None:
    """How many bytes a file has; `None` if it is not there."""
    try:
        return os.stat(path).st_size
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        return None


def make_file(path: str, at: float) -> None:
    """Make an empty file, as old as that, unless there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.utime(descriptor, (at, at))
    finally:
        os.close(descriptor)


def remove_file(path: str) -> None:
    """Remove a name, if it is there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def free_name(path: str) -> str:
    """The path, with a number behind it if something has that name already."""
    numbered = (f"{path}.{number}" for number in count(2))
    return next(name for name in chain([path], numbered) if not os.path.lexists(name))


def is_removed(descriptor: int) -> bool:
    """Whether an open file has no name any more, and is gone when it is closed."""
    return os.fstat(descriptor).st_nlink == 0


def leads_to(path: str, descriptor: int) -> bool:
    """Whether an open file has this name."""
    return status_if_named(path, descriptor) is not None


def status_if_named(path: str, descriptor: int) -> os.stat_result | None:
    """The status of an open file, if it has this name."""
    try:
        named = os.stat(path)
    except FileNotFoundError:
        return None
    status = os.fstat(descriptor)
    return status if os.path.samestat(named, status) else None
