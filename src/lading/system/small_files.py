"""Small files, replaced as a whole: a reader sees the old content or the new one."""

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from lading.system.durable import sync_directory
from lading.system.lock_files import open_lock_file, try_lock

_PRIVATE = 0o600
# Seconds to wait for others that change a file, which takes them a moment: whoever may read a
# directory can lock it, and keep it locked. And seconds between looks.
PATIENCE = 10.0
_LOOK = 0.05


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others from changing a file; they wait. A process that dies lets go.

    The lock is on its directory: the file itself is replaced by another. On NFS, where no directory
    can be locked, it is on a file beside it.

    Raises:
        OSError: it cannot be locked, or somebody has had it locked for too long.
    """
    descriptor = _lock(path)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int:
    try:
        return _locked(os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
    return _locked(open_lock_file(path.with_name(f".{path.name}.lock")))


def _locked(descriptor: int) -> int:
    """The open file, as soon as nobody else has it locked."""
    try:
        _wait_for_lock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _wait_for_lock(descriptor: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not try_lock(descriptor):
        if time.monotonic() > deadline:
            raise OSError(errno.EBUSY, "another process has its directory locked (see lslocks)")
        time.sleep(_LOOK)


def replace(
    path: Path, content: bytes, *, mode: int | None = None, takes_over: bool = False
) -> None:
    """Write a file, durably. One that exists keeps its mode and owner, a new one is private.

    A crash leaves the file as it was, and a temporary one beside it.

    Args:
        mode: that it gets, be it there or not.
        takes_over: whether it becomes the writer's where that one may not give it to its owner.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _copy_rights(path, file.fileno(), mode, takes_over)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _copy_rights(path: Path, descriptor: int, mode: int | None, takes_over: bool) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, _PRIVATE if mode is None else mode)
        return
    os.fchmod(descriptor, found.st_mode & 0o777 if mode is None else mode)
    own = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (own.st_uid, own.st_gid):
        with suppress(PermissionError) if takes_over else nullcontext():
            os.fchown(descriptor, found.st_uid, found.st_gid)
