"""Flags of an upload: bits of its file's mode that say what hashes and digests it has had.

They are what every worker sees, on whichever file system. Nobody executes an upload.
"""

import errno
import os
import stat

# It was shortened once, so that no hash that a worker kept from before holds.
CUT = stat.S_IXUSR
# How many wrong digests it was called by.
_WRONG_DIGESTS = (0, stat.S_IXGRP, stat.S_IXOTH, stat.S_IXGRP | stat.S_IXOTH)
_ALL = CUT | _WRONG_DIGESTS[-1]


def set_cut(descriptor: int) -> None:
    """Flag an upload as about to be shortened.

    Raises:
        OSError: the file system keeps no flags.
    """
    _set(descriptor, CUT)


def count_wrong_digest(descriptor: int) -> int:
    """Flag an upload as called by one more wrong digest; how many there were, up to three.

    Raises:
        OSError: the file system keeps no flags.
    """
    bits = os.fstat(descriptor).st_mode & _WRONG_DIGESTS[-1]
    number = min(_WRONG_DIGESTS.index(bits) + 1, len(_WRONG_DIGESTS) - 1)
    _set(descriptor, _WRONG_DIGESTS[number], of=_WRONG_DIGESTS[-1])
    return number


def clear(descriptor: int) -> None:
    """Clear the flags of what is a blob now: that is a file like any other."""
    mode = os.fstat(descriptor).st_mode
    if mode & _ALL:
        os.fchmod(descriptor, mode & ~_ALL)


def _set(descriptor: int, bits: int, *, of: int = 0) -> None:
    mode = os.fstat(descriptor).st_mode & ~of
    os.fchmod(descriptor, mode | bits)
    if os.fstat(descriptor).st_mode & bits != bits:  # some file systems only say that it is
        raise OSError(errno.ENOTSUP, "the file system keeps no modes of files")
