"""Errors of the operating system about disks: which is which, and what an operator can do."""

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OWNER = "the user that the registry runs as has to own its files"
_ADVICE: Mapping[int | None, str] = {
    errno.ENOSPC: "free some space, or inodes (`lading du`, `lading garbage-collect`)",
    errno.EDQUOT: "raise the quota of the user that the registry runs as, or free some space",
    errno.EIO: "the disk fails, the kernel's log (`dmesg`) says more; when it is well again,"
    " `lading verify --checksums` says what is damaged",
    errno.EROFS: "mount it to be written to; after an error of the disk (`dmesg`), check it first",
    errno.EMFILE: "let the registry open more files (LimitNOFILE of systemd, `ulimit -n`)",
    errno.ENFILE: "let the machine open more files (fs.file-max)",
    errno.ENOMEM: "the machine, or the container, is short of memory",
    errno.EACCES: _OWNER,
    errno.EPERM: _OWNER,
    errno.ESTALE: "the network's file system has to be mounted again",
}
# Bytes by which it is tried whether something can be written: more than a file has anyway.
_SOME = 64 * 1024


def is_full(error: OSError) -> bool:
    """Whether a failure is that there is no space left, or that the quota is used up."""
    return error.errno in _FULL


def advised(error: OSError) -> str:
    """An error, for a log; and what to do, where that is known."""
    # Some name the number of an open file, which says nothing.
    said = error.strerror if isinstance(error.filename, int) else str(error)
    advice = _ADVICE.get(error.errno)
    return f"{said}" if advice is None else f"{said}; {advice}"


def find_failure(directory: Path) -> OSError | None:
    """Try to write into a directory; why that fails, for who was not told. Nothing stays there."""
    try:
        descriptor = os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _SOME)
        finally:
            with suppress(OSError):
                os.close(descriptor)
    except OSError as error:
        cannot = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}  # files without a name
        return None if error.errno in cannot else error
    return None
