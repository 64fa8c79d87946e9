"""An upload's file while a request writes to it, up to the moment at which it is a blob."""

import errno
import os
import stat
from contextlib import suppress
from functools import partial
from types import TracebackType

from lading.blobs import direct, files
from lading.blobs.disk import Disk
from lading.blobs.failures import translated
from lading.blobs.hashing import HashesInProgress, RunningHash
from lading.blobs.pipeline import Pipeline
from lading.core.digest import Bytes, Digest
from lading.core.errors import DigestMismatch, RegistryError, UploadOutOfOrder, UploadUnknown
from lading.core.names import UploadKey

# Bytes up to which a thread would take longer to wake up than they take to hash and to copy into
# the page cache, which is all that writing them is.
SMALL = 64 * 1024
# Bytes from which other threads cost less than they save.
SIDE_BY_SIDE = 128 * 1024
# The bit of an upload's mode that says that it was shortened once, so that no hash that was kept
# from before holds. Nobody executes an upload.
CUT = stat.S_IXUSR
# "The filesystem … does not support the creation of hard links" (link(2)), in its several words.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})
# Bytes read at once when a hash has to catch up.
READ_SIZE = 1024 * 1024


class StagedFile:
    """See `lading.ports.blobs.StagedUpload`; open while it is entered."""

    def __init__(self, disk: Disk, hashes: HashesInProgress, upload: UploadKey) -> None:
        self._disk = disk
        self._hashes = hashes
        self._upload = upload
        self._path = disk.path_of(upload)
        self._descriptor = -1
        self._running: RunningHash | None = None
        self._was_cut = False
        self._over = False
        self._pipeline = Pipeline(disk)
        self.size = 0
        self.active_at = 0.0

    async def __aenter__(self) -> "StagedFile":
        """Open the file, unless somebody else has it."""
        with translated():
            self._descriptor, status = _open_exclusively(self._path)
        self.size, self.active_at = status.st_size, status.st_mtime
        self._was_cut = bool(status.st_mode & CUT)
        running = self._hashes.take(self._upload, self.size)
        self._running = None if self._was_cut else running
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hand the running hash to the upload's next request, and let go of the file."""
        try:
            await self._settle()
            if self._running is not None and not self._over:
                self._hashes.keep(self._upload, self._running)
        finally:
            os.close(self._descriptor)

    async def touch(self, now: float) -> None:
        """See `StagedUpload.touch`."""
        await self._settle()
        if not self._over:
            with translated():
                os.utime(self._descriptor, (now, now))

    async def write(self, data: Bytes) -> None:
        """See `StagedUpload.write`."""
        try:
            with translated():
                await self._take_on(data)
        except RegistryError:
            await self._give_up()
            raise

    async def finish(self) -> None:
        """See `StagedUpload.finish`."""
        await self._finish()

    async def rewind(self, size: int) -> None:
        """See `StagedUpload.rewind`."""
        await self._settle()
        await self._disk.run(self._rewind, size)

    async def commit(self, digest: Digest) -> None:
        """See `StagedUpload.commit`."""
        await self._finish()
        await self._disk.run(self._commit, digest)

    async def _take_on(self, data: Bytes) -> None:
        if self._running is not None and len(data) >= SIDE_BY_SIDE:
            offset, self.size = self.size, self.size + len(data)
            await self._pipeline.add(
                partial(self._append_behind, data, offset), partial(self._running.update, data)
            )
            return
        await self._pipeline.drain()
        if len(data) <= SMALL:
            self._append(data, self.size)
        else:
            await self._disk.run(self._append_if_room, data, self.size)
        self.size += len(data)

    async def _give_up(self) -> None:
        """Something cannot be written: find out how much was; the hash is of something else."""
        self._running = None
        with suppress(OSError):  # that comes of the first
            await self._pipeline.drain()
        self.size = os.fstat(self._descriptor).st_size

    async def _finish(self) -> None:
        if self._pipeline.is_empty:
            return
        try:
            with translated():
                await self._pipeline.drain()
        except RegistryError:
            await self._give_up()
            raise

    async def _settle(self) -> None:
        """Wait for what is under way, be it written or not: the size tells."""
        with suppress(RegistryError):
            await self._finish()

    def _append_behind(self, data: Bytes, offset: int) -> None:
        """There is no gap: if the piece before could not be written, this one is not either."""
        if os.fstat(self._descriptor).st_size == offset:
            self._disk.require_space(len(data))
            self._write(data, offset)

    def _append_if_room(self, data: Bytes, offset: int) -> None:
        """There was room when the request began; meanwhile others write as well."""
        self._disk.require_space(len(data))
        self._append(data, offset)

    def _append(self, data: Bytes, offset: int) -> None:
        self._write(data, offset)
        if self._running is not None:
            self._running.update(data)

    def _write(self, data: Bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = direct.write(self._descriptor, view, offset)
            offset += written
            view = view[written:]

    def _rewind(self, size: int) -> None:
        if not files.leads_to(self._path, self._descriptor):  # it is a blob now, or was cancelled
            return
        # Another worker may keep a hash of the bytes that go now. The mark comes first, and is
        # looked for under the same lock, so that such a hash is never taken for that of new bytes.
        try:
            self._mark_as_cut()
        except OSError:  # better no upload than a wrong one
            files.delete(self._path)
            raise
        os.ftruncate(self._descriptor, size)
        self.size, self._running, self._was_cut = size, None, True

    def _mark_as_cut(self) -> None:
        mode = os.fstat(self._descriptor).st_mode
        os.fchmod(self._descriptor, mode | CUT)
        if not os.fstat(self._descriptor).st_mode & CUT:  # some file systems only say that it is
            raise OSError(errno.ENOTSUP, "the file system keeps no modes of files")

    def _commit(self, digest: Digest) -> None:
        actual = self._digest(digest.algorithm)
        if actual != digest:
            raise DigestMismatch("", {"expected": digest, "actual": actual})
        target = f"{self._disk.directory_of(digest)}/data"
        self._mark(digest)
        try:
            self._disk.make_room(digest)
            os.fsync(self._descriptor)
            self._become(target)
        except (OSError, UploadUnknown):
            if not files.leads_to(target, self._descriptor):  # it did not come to that
                files.delete(marked(self._path, digest))
            raise
        self._over = True
        self._disk.sync_name(digest)
        if self._was_cut:
            os.fchmod(self._descriptor, os.fstat(self._descriptor).st_mode & ~CUT)

    def _mark(self, digest: Digest) -> None:
        """Say that the upload is about to get its final name.

        The mark is a second name of the upload's file. A file of its own would cost an inode for
        each push; and ext4 without a journal does not give out one that was deleted in the last
        minutes, so a busy registry would search for a free one, push by push, among thousands that
        it has just let go. Where files have only one name, it is a file of its own all the same.
        """
        mark = marked(self._path, digest)
        try:
            with suppress(FileExistsError):  # by an attempt that a crash ended
                os.link(self._path, mark)
        except FileNotFoundError:  # cancelled while this request wrote to it
            raise UploadUnknown from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            with suppress(FileExistsError):
                files.make(mark, self.active_at)

    def _become(self, target: str) -> None:
        try:
            os.replace(self._path, target)
        except FileNotFoundError:  # cancelled meanwhile
            raise UploadUnknown from None

    def _digest(self, algorithm: str) -> Digest:
        """The digest of the whole file, read only as far as it was not hashed on the way in."""
        if self._running is None or self._running.algorithm != algorithm:
            self._running = RunningHash.start(algorithm)
        while self._running.size < self.size:
            data = os.pread(self._descriptor, READ_SIZE, self._running.size)
            if not data:
                raise OSError(f"{self._path} is shorter than it was")
            self._running.update(data)
        return self._running.digest()


def marked(path: str, digest: Digest) -> str:
    """The mark of an upload that is about to be a blob."""
    return f"{path}.{digest}"


def _open_exclusively(path: str) -> tuple[int, os.stat_result]:
    """Open an upload's file, unless somebody else has it; the descriptor and the status."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise UploadUnknown from None
    try:
        return descriptor, _take(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _take(path: str, descriptor: int) -> os.stat_result:
    """Lock an upload's file, which is not to be touched unless that succeeds; its status."""
    if not files.try_lock(descriptor):
        raise UploadOutOfOrder(
            "another request is writing to this upload; ask for its status, then go on",
            os.fstat(descriptor).st_size,
        )
    status = files.status_if_named(path, descriptor)
    if status is None:  # it became a blob between the open and the lock
        raise UploadUnknown
    return status
