"""The hash of an upload's file: while a request writes to it, and on its way to the next one.

What is known of it goes to whichever worker goes on by a note, an extended attribute of the file,
written by the holder of its lock when a request is over. It names the bytes that it is of, all of
which are in the file by then. What is appended later does not touch them, so a note is never wrong,
only old: whoever goes on reads what has come since, which after a request that was killed is what
that one had written.

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

from lading.blobs.disk import Disk, translating
from lading.blobs.hashing import Known, RunningHash
from lading.core.digest import SHA256, Bytes, Digest
from lading.core.names import UploadKey
from lading.core.recent import Recent

# Bytes read at once when a hash has to catch up.
READ_SIZE = 1024 * 1024
_NAME = "user.lading"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Bytes that a note begins with, of the id of the machine's start; then what is known.
_BOOT = 8
# "The named attribute does not exist"; the file system has none (removexattr(2)).
_NONE = frozenset({errno.ENODATA, errno.ENOTSUP})
# It was shortened once, so that no hash that a worker kept from before holds.
_CUT = stat.S_IXUSR
# How many wrong digests it was called by.
_WRONG_DIGESTS = (0, stat.S_IXGRP, stat.S_IXOTH, stat.S_IXGRP | stat.S_IXOTH)
_ALL = _CUT | _WRONG_DIGESTS[-1]


class KeptHashes:
    """The hashes of uploads between their requests: this worker's own, and notes for all."""

    def __init__(self, most: int) -> None:
        self.own: Recent[UploadKey, RunningHash] = Recent(most)
        self._boot = _boot()

    def write_note(self, file: int | str, known: Known) -> None:
        """Note what is known of the file's first bytes, which must be in it."""
        if self._boot:
            with suppress(OSError):
                os.setxattr(file, _NAME, self._boot + known.pack())

    def read_note(self, descriptor: int) -> Known | None:
        """The note on the hash of the file's first bytes."""
        try:
            note = os.getxattr(descriptor, _NAME)
        except OSError:
            return None
        known = Known.unpack(note[_BOOT:]) if note[:_BOOT] == self._boot else None
        is_there = known is not None and known.size <= os.fstat(descriptor).st_size
        return known if is_there else None


class UploadHash:
    """The hash of an upload's bytes, from when its file is open.

    Attributes:
        running: of the bytes so far; `None` if it is not known.
        is_behind: whether it is of a beginning of them.
    """

    running: RunningHash | None = None
    is_behind = False
    _has_news = False
    # What is known of a hash that cannot go on.
    _known: Known | None = None

    def __init__(self, disk: Disk, kept: KeptHashes, upload: UploadKey, descriptor: int) -> None:
        self._disk = disk
        self._kept = kept
        self._upload = upload
        self._descriptor = descriptor

    def begin(self, status: os.stat_result, algorithm: str | None) -> None:
        """Go on with what is known; if there are no bytes yet, with that algorithm."""
        running = self._kept.own.pop(self._upload)
        is_all = running is not None and running.size == status.st_size
        if status.st_size == 0 and algorithm is not None:
            self.running = RunningHash.start(algorithm)
        elif is_all and not status.st_mode & _CUT:
            self.running = running
        else:
            self.recall(status.st_size)

    def recall(self, size: int) -> None:
        """Go on from what the last request knew, whichever worker answered it."""
        self.running = self._known = None
        known = self._kept.read_note(self._descriptor)
        if known is not None:
            self.running = RunningHash.resume(known)
            self._known = None if known.can_go_on else known
        elif size == 0:
            self.running = RunningHash.start(SHA256)
        self.is_behind = self.running is not None and self.running.size < size

    async def catch_up(self, size: int) -> None:
        """Have the hash be that of so many bytes, before others follow."""
        if self.running is not None:
            await self._catch_up(self.running, size)
        self.is_behind = False

    def update(self, data: Bytes) -> None:
        """Take the next bytes."""
        if self.running is not None:
            self.running.update(data)
            self._has_news = True

    async def digest(self, algorithm: str, size: int) -> Digest:
        """The digest of all bytes, of which those are read that nobody hashed on their way in."""
        running, known = self.running, self._known
        if running is None or running.algorithm != algorithm:
            if known is not None and (known.algorithm, known.size) == (algorithm, size):
                return Digest(f"{algorithm}:{known.value.hex()}")
            running = RunningHash.start(algorithm)
        await self._catch_up(running, size)
        if self.running is None:
            self.running = running
        return running.digest()

    def pass_on(self, size: int) -> None:
        """Keep the hash and tell the others. If it is behind, the note from before is as good.

        A request that was given up may have lost a piece, of which nobody has heard.
        """
        running = self.running
        if running is None:
            return
        with translating():
            has_all = running.size == size == os.fstat(self._descriptor).st_size
        if has_all:
            if self._has_news:
                self._kept.write_note(self._descriptor, running.known())
            self._kept.own.put(self._upload, running)

    def prepare_cut(self, size: int) -> None:
        """The file is about to be cut: what is known of bytes that go is to hold for nobody.

        Another worker may keep a hash of them. The flag comes first, and is looked for under the
        same lock, so that such a hash is never taken for that of new bytes.

        Raises:
            OSError: that cannot be made sure.
        """
        _set(self._descriptor, _CUT)
        known = self._kept.read_note(self._descriptor)
        if known is None or known.size > size:
            _forget(self._descriptor)

    def count_wrong_digest(self) -> int:
        """Flag the upload as called by one more wrong digest; how many there were, up to three.

        Raises:
            OSError: the file system keeps no flags.
        """
        bits = os.fstat(self._descriptor).st_mode & _WRONG_DIGESTS[-1]
        number = min(_WRONG_DIGESTS.index(bits) + 1, len(_WRONG_DIGESTS) - 1)
        _set(self._descriptor, _WRONG_DIGESTS[number], of=_WRONG_DIGESTS[-1])
        return number

    def tidy(self) -> None:
        """Remove flags and the note from what is a blob now; an `OSError` does no harm."""
        mode = os.fstat(self._descriptor).st_mode
        if mode & _ALL:
            os.fchmod(self._descriptor, mode & ~_ALL)
        _forget(self._descriptor)

    async def _catch_up(self, running: RunningHash, size: int) -> None:
        """Hash the bytes that nobody has; between the pieces others get their turn of a thread."""
        while running.size < size:
            await self._disk.run(self._hash_next, running, size)

    def _hash_next(self, running: RunningHash, size: int) -> None:
        data = os.pread(self._descriptor, min(READ_SIZE, size - running.size), running.size)
        if not data:
            raise OSError(f"{self._disk.layout.upload(self._upload)} is shorter than it was")
        running.update(data)
        self._has_news = True


def _forget(descriptor: int) -> None:
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


def _set(descriptor: int, bits: int, *, of: int = 0) -> None:
    mode = os.fstat(descriptor).st_mode & ~of
    os.fchmod(descriptor, mode | bits)
    if os.fstat(descriptor).st_mode & bits != bits:  # some file systems only say that it is
        raise OSError(errno.ENOTSUP, "the file system keeps no modes of files")
