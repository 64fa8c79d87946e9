"""The adapter of uploads as files, each of which becomes the file of a blob."""

import os
from collections.abc import Sequence
from contextlib import suppress

from lading.blobs.disk import Disk, remove_file, size_if_there, translating
from lading.blobs.hashing import RunningHash
from lading.blobs.layout import names_in
from lading.blobs.staged_file import StagedFile
from lading.blobs.upload_hash import KeptHashes
from lading.core.digest import SHA256, Digest
from lading.core.errors import UploadUnknown
from lading.core.names import Owner, UploadKey
from lading.core.typing import override
from lading.ports.uploads import Staged, Uploads

# Seconds for which a count of uploads is good, and uploads that a worker begins until the next.
MAX_AGE = 5.0
MAX_BEGUN = 100
# Hashes of uploads that a worker keeps between their requests; one takes less than a KiB.
MAX_HASHES = 4096


class UploadCount:
    """The last count of uploads, and what was begun here since.

    Counting takes a look at each, so it is not done for each that begins. What other workers begin
    between two counts goes unseen: some seconds' worth, which a limit in all has to bear.
    """

    number = 0
    _begun = MAX_BEGUN
    _at = 0.0

    def is_due(self, now: float) -> bool:
        """Whether to count uploads again; whoever is told so does, and others go on meanwhile."""
        if self._begun < MAX_BEGUN and 0 <= now - self._at < MAX_AGE:
            return False
        self._begun, self._at = 0, now
        return True

    def counted(self, count: int) -> None:
        """Take in a count of all uploads."""
        self.number = count + self._begun

    def begun(self) -> None:
        """Count one more upload."""
        self._begun += 1
        self.number += 1


class FileUploads(Uploads):
    """Uploads as files."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._layout = disk.layout
        self._kept = KeptHashes(MAX_HASHES)
        self._about = UploadCount()

    @override
    async def require_space(self, size: int) -> None:
        with translating():
            self._disk.require_space(size)

    @override
    async def begin(
        self, upload: UploadKey, *, algorithm: str, now: float, most: int | None = None
    ) -> bool:
        if most is not None and await self.count(upload.owner) >= most:
            return False
        with translating():
            self._disk.make_upload(upload, now)
        if algorithm != SHA256:  # which whoever knows nothing begins with
            running = RunningHash.start(algorithm)
            self._kept.write_note(self._layout.upload(upload), running.known())
            self._kept.own.put(upload, running)
        self._about.begun()
        return True

    @override
    def stage(self, upload: UploadKey, *, algorithm: str | None = None) -> StagedFile:
        return StagedFile(self._disk, self._kept, upload, algorithm)

    @override
    async def size(self, upload: UploadKey) -> int:
        with translating():
            size = size_if_there(self._layout.upload(upload))
        if size is None:
            raise UploadUnknown
        return size

    @override
    async def settle(self, upload: UploadKey, digest: Digest) -> None:
        with translating():
            remove_file(self._layout.mark(upload, digest))

    @override
    async def discard(self, upload: UploadKey) -> None:
        self._kept.own.pop(upload)
        await self._disk.run(self._disk.remove_upload, upload)

    @override
    async def count(self, owner: Owner) -> int:
        with translating():
            return len(names_in(self._layout.uploads_of(owner)))  # no more than one may have

    @override
    async def count_all(self, now: float) -> int:
        if self._about.is_due(now):
            self._about.counted(await self._disk.run(self._count_all))
        return self._about.number

    @override
    async def list_all(self) -> Sequence[Staged]:
        return await self._disk.run(self._list_all)

    @override
    async def tidy(self, before: float) -> None:
        await self._disk.run(self._tidy, before)

    def _count_all(self) -> int:
        return sum(len(names_in(directory)) for directory in self._layout.owners())

    def _list_all(self) -> list[Staged]:
        found = []
        for path, upload, digest in self._layout.staged():
            with suppress(FileNotFoundError):
                status = os.stat(path)
                size = status.st_size
                if digest is not None:
                    size = size_if_there(self._layout.blob(digest)) or 0
                found.append(Staged(upload, size, status.st_mtime, digest))
        return found

    def _tidy(self, before: float) -> None:
        """Remove the directories of owners who have had nothing in them for long."""
        for directory in self._layout.owners():
            with suppress(OSError):  # not empty, gone, or a stranger's file
                if os.stat(directory).st_mtime < before:
                    os.rmdir(directory)
