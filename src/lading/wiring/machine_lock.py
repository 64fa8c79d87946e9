"""The lock of the one machine that serves a directory, where several machines may see that."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lading.system import mounts
from lading.system.durable import make_directories
from lading.system.lock_files import try_lock
from lading.wiring.data_directory import DataUnusable
from lading.wiring.paths import own_directory

log = logging.getLogger(__name__)


@contextmanager
def served_from_here(root: Path) -> Iterator[None]:
    """Keep the servers of other machines away for the length of a block, where there may be some.

    It is for file systems that several machines mount. The lock counts for all of them if the mount
    passes locks on (NFS 4 does, `nolock` does not).

    Raises:
        DataUnusable: another server has the directory.
    """
    directory = own_directory(root)
    kind = mounts.network_kind(directory)
    if not kind:
        yield
        return
    log.warning(
        "%s is on a network file system (%s): only one machine may serve it, as the database's log"
        " does not work across machines",
        directory,
        kind,
    )
    make_directories(directory)
    with locked_by_this_machine(directory / "server.lock"):
        yield


@contextmanager
def locked_by_this_machine(lock: Path) -> Iterator[None]:
    """Lock a file, which says by whom.

    Raises:
        DataUnusable: another server has it locked.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _try_lock(descriptor):
            holder = ""
            with suppress(PermissionError):  # as above
                holder = os.pread(descriptor, 256, 0).decode(errors="replace")
            raise DataUnusable(
                f"another server ({holder or 'unknown'}) serves this directory on a network file"
                " system: stop it first, as the database's log does not work across machines"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    """As `try_lock`, also over SMB, where what others have locked may not be touched (flock(2))."""
    try:
        return try_lock(descriptor)
    except PermissionError:
        return False
