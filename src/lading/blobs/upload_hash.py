"""The hash of an upload's file while a request writes to it, and on its way to the next request."""

import os

from lading.blobs import file_calls, hash_notes
from lading.blobs.disk import Disk
from lading.blobs.hash_notes import HashNotes
from lading.blobs.hashing import Known, RunningHash
from lading.core.digest import SHA256, Bytes, Digest
from lading.core.names import UploadKey
from lading.core.recent import Recent

# Bytes read at once when a hash has to catch up.
READ_SIZE = 1024 * 1024


class KeptHashes:
    """The hashes of uploads between their requests: this worker's own, and notes for all."""

    def __init__(self, most: int) -> None:
        self.own: Recent[UploadKey, RunningHash] = Recent(most)
        self.notes = HashNotes()


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
        elif is_all and not status.st_mode & hash_notes.CUT:
            self.running = running
        else:
            self.recall(status.st_size)

    def recall(self, size: int) -> None:
        """Go on from what the last request knew, whichever worker answered it."""
        self.running = self._known = None
        known = self._kept.notes.read(self._descriptor)
        if known is None and size == 0:
            known = Known(SHA256, 0, can_go_on=True, value=b"")
        if known is not None:
            self.running = RunningHash.resume(known)
            self._known = None if known.can_go_on else known
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
        with file_calls.translating():
            has_all = running.size == size == os.fstat(self._descriptor).st_size
        if has_all:
            if self._has_news:
                self._kept.notes.write(self._descriptor, running.known())
            self._kept.own.put(self._upload, running)

    def prepare_cut(self, size: int) -> None:
        """The file is about to be cut: what is known of bytes that go is to hold for nobody.

        Another worker may keep a hash of them. The flag comes first, and is looked for under the
        same lock, so that such a hash is never taken for that of new bytes.

        Raises:
            OSError: that cannot be made sure.
        """
        hash_notes.set_cut(self._descriptor)
        known = self._kept.notes.read(self._descriptor)
        if known is None or known.size > size:
            self._kept.notes.forget(self._descriptor)

    def tidy(self) -> None:
        """Remove flags and the note from what is a blob now; an `OSError` does no harm."""
        hash_notes.clear_flags(self._descriptor)
        self._kept.notes.forget(self._descriptor)

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
