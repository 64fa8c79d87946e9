"""Notes and flags of an upload's file: what is known of its hash, for whichever worker goes on.

A note is an extended attribute of the upload's file, written by the holder of its lock when a
request is over. It names the bytes that it is of, all of which are in the file by then. What is
appended later does not touch them, so a note is never wrong, only old: whoever goes on reads what
has come since, which after a request that was killed is what that one had written.

* Who cuts a file back removes the note on bytes that go.
* A power cut can leave the note and not the bytes. So a note holds until the machine starts anew.
* Where files have no such attributes there are no notes, and nothing depends on them. One of
  SHA-256 fits into an inode of ext4 and XFS, beside what is there: it costs about a microsecond.

Flags are bits of the file's mode that say what hashes and digests it has had: every worker sees
them, on whichever file system. Nobody executes an upload.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from lading.blobs.hashing import Known

_NAME = "user.lading"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Bytes that a note begins with, of the id of the machine's start; then what is known.
_BOOT = 8
# "The named attribute does not exist"; the file system has none (removexattr(2)).
_NONE = frozenset({errno.ENODATA, errno.ENOTSUP})


class HashNotes:
    """Reads and writes the notes of uploads' files."""

    def __init__(self) -> None:
        self._boot = _boot()

    def write(self, file: int | str, known: Known) -> None:
        """Note what is known of the file's first bytes, which must be in it."""
        if self._boot:
            with suppress(OSError):
                os.setxattr(file, _NAME, self._boot + known.pack_all_but_rest())

    def read(self, descriptor: int) -> Known | None:
        """The note on the hash of the file's first bytes."""
        try:
            note = os.getxattr(descriptor, _NAME)
        except OSError:
            return None
        known = Known.unpack(note[_BOOT:]) if note[:_BOOT] == self._boot else None
        is_there = known is not None and known.size <= os.fstat(descriptor).st_size
        return known if is_there else None

    def forget(self, descriptor: int) -> None:
        """Remove the note, if there is one; an `OSError` if it is still there."""
        try:
            os.removexattr(descriptor, _NAME)
        except OSError as error:
            if error.errno not in _NONE:
                raise


def _boot() -> bytes:
    """The id of this start of the machine; empty if it has none."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text().replace("-", ""))[:_BOOT]
    except (OSError, ValueError):
        return b""


# It was shortened once, so that no hash that a worker kept from before holds.
CUT = stat.S_IXUSR
# How many wrong digests it was called by.
_WRONG_DIGESTS = (0, stat.S_IXGRP, stat.S_IXOTH, stat.S_IXGRP | stat.S_IXOTH)
_ALL = CUT | _WRONG_DIGESTS[-1]


def set_cut(descriptor: int) -> None:
    """Flag an upload as about to be shortened; an `OSError` if no flags are kept."""
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


def clear_flags(descriptor: int) -> None:
    """Clear the flags of what is a blob now: that is a file like any other."""
    mode = os.fstat(descriptor).st_mode
    if mode & _ALL:
        os.fchmod(descriptor, mode & ~_ALL)


def _set(descriptor: int, bits: int, *, of: int = 0) -> None:
    mode = os.fstat(descriptor).st_mode & ~of
    os.fchmod(descriptor, mode | bits)
    if os.fstat(descriptor).st_mode & bits != bits:  # some file systems only say that it is
        raise OSError(errno.ENOTSUP, "the file system keeps no modes of files")
