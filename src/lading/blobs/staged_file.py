"""An upload's file while a request writes to it, up to the moment at which it is a blob."""

import errno
import os
from contextlib import suppress
from functools import partial

from lading.blobs import append_pipeline
from lading.blobs.append_pipeline import AppendPipeline
from lading.blobs.disk import (
    Disk,
    free_name,
    is_removed,
    leads_to,
    make_file,
    remove_file,
    status_if_named,
    translating,
)
from lading.blobs.upload_hash import KeptHashes, UploadHash
from lading.core.digest import Bytes, Digest
from lading.core.errors import DigestMismatch, RegistryError, UploadOutOfOrder, UploadUnknown
from lading.core.names import UploadKey
from lading.core.typing import override
from lading.ports.uploads import WRONG_DIGESTS, StagedUpload
from lading.system.lock_files import try_lock
from lading.system.threads import LoopTurns

# Bytes up to which a thread would take longer to wake up than they take to hash and to copy into
# the page cache, which is all that writing them is.
SMALL = 64 * 1024
# Bytes from which other threads cost less than they save.
SIDE_BY_SIDE = 128 * 1024
# "The filesystem … does not support the creation of hard links" (link(2)), in its several words.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})


class StagedFile(StagedUpload):
    """The file of an upload, open and locked while it is entered."""

    def __init__(
        self, disk: Disk, kept: KeptHashes, upload: UploadKey, algorithm: str | None = None
    ) -> None:
        self._disk = disk
        self._kept = kept
        self._upload = upload
        self._algorithm = algorithm
        self._path = disk.layout.upload(upload)
        self._descriptor = -1
        self._verified: Digest | None = None
        self._is_synced = False
        self._over = False
        self._pipeline = AppendPipeline(disk)
        self._turns: LoopTurns | None = None
        self.size = 0
        self.active_at = 0.0

    async def __aenter__(self) -> "StagedFile":
        """Open the file, unless somebody else has it."""
        with translating():
            self._descriptor, status = _open_exclusively(self._path)
        self.size, self.active_at = status.st_size, status.st_mtime
        self._hash = UploadHash(self._disk, self._kept, self._upload, self._descriptor)
        self._hash.begin(status, self._algorithm)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hand what is known of the hash to the upload's next request, and close the file."""
        try:
            await self._settle()
            if not self._over:
                self._hash.pass_on(self.size)
        finally:
            await self._close()

    @override
    async def touch(self, now: float) -> None:
        await self._settle()
        if not self._over:
            with translating():
                os.utime(self._descriptor, (now, now))

    @override
    async def write(self, data: Bytes) -> None:
        try:
            with translating():
                await self._take_on(data)
        except Exception:
            await self._give_up()
            raise

    @override
    async def finish(self) -> None:
        await self._finish()
        with translating():
            if is_removed(self._descriptor):
                raise UploadUnknown

    @override
    async def rewind(self, size: int) -> None:
        await self._settle()
        await self._disk.run(self._rewind, size)

    @override
    async def verify(self, digest: Digest) -> None:
        await self._finish()
        actual = await self._hash.digest(digest.algorithm, self.size)
        if actual != digest:
            with translating():
                self._count_wrong_digest()
            raise DigestMismatch("", {"expected": digest, "actual": actual})
        if self.size > SMALL:
            await self._disk.run(self._sync)
        self._verified = digest

    @override
    async def commit(self, digest: Digest) -> None:
        if self._verified != digest:
            await self.verify(digest)
        await self._disk.run(self._commit, digest)

    async def _close(self) -> None:
        frees_much = False
        with suppress(OSError):  # of which nobody can tell
            frees_much = self.size > SMALL and is_removed(self._descriptor)
        if frees_much:  # which takes a while
            await self._disk.run(os.close, self._descriptor)
        else:
            with translating():  # on NFS, this writes what was not written yet
                os.close(self._descriptor)

    async def _take_on(self, data: Bytes) -> None:
        self._verified, self._is_synced = None, False
        if self._hash.is_behind:
            await self._hash.catch_up(self.size)
        if self._hash.running is not None and len(data) >= SIDE_BY_SIDE:
            offset, self.size = self.size, self.size + len(data)
            await self._pipeline.add(
                partial(self._append_behind, data, offset), partial(self._hash.update, data)
            )
            return
        await self._pipeline.drain()
        if len(data) <= SMALL:
            await self._have_turn()
            self._append(data, self.size)
        else:
            await self._disk.run(self._append_if_room, data, self.size)
        self.size += len(data)

    async def _have_turn(self) -> None:
        """Give other tasks a turn: an upload whose pieces are all here would never wait."""
        if self._turns is None:
            self._turns = LoopTurns()
        elif self._turns.is_over:
            await self._turns.pause()

    async def _give_up(self) -> None:
        """Find out how much was written; the hash is of something else."""
        self._hash.running = None
        with suppress(Exception):  # that comes of the first
            await self._pipeline.drain()
        self.size = os.fstat(self._descriptor).st_size

    async def _finish(self) -> None:
        if self._pipeline.is_empty:
            return
        try:
            with translating():
                await self._pipeline.drain()
        except Exception:
            await self._give_up()
            raise

    async def _settle(self) -> None:
        """Wait for what is under way, be it written or not: the size tells."""
        with suppress(RegistryError):
            await self._finish()

    def _append_behind(self, data: Bytes, offset: int) -> None:
        """Append a piece, unless the one before could not be: there is to be no gap."""
        if os.fstat(self._descriptor).st_size == offset:
            self._disk.require_space(len(data))
            self._write(data, offset)

    def _append_if_room(self, data: Bytes, offset: int) -> None:
        """Append a piece; there was room when the request began, but others write as well."""
        self._disk.require_space(len(data))
        self._append(data, offset)

    def _append(self, data: Bytes, offset: int) -> None:
        self._write(data, offset)
        self._hash.update(data)

    def _write(self, data: Bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = append_pipeline.write(self._descriptor, view, offset)
            offset += written
            view = view[written:]

    def _rewind(self, size: int) -> None:
        if not leads_to(self._path, self._descriptor):  # a blob now, or cancelled
            return
        try:
            self._hash.prepare_cut(size)
        except OSError:  # better no upload than a wrong one
            remove_file(self._path)
            raise
        os.ftruncate(self._descriptor, size)
        self.size, self._verified = size, None
        self._hash.recall(size)

    def _count_wrong_digest(self) -> None:
        """Count a wrong digest: each may take hashing all bytes, so an upload has a few only."""
        if not leads_to(self._path, self._descriptor):  # it was cancelled
            return
        try:
            number = self._hash.count_wrong_digest()
        except OSError:
            number = WRONG_DIGESTS
        if number >= WRONG_DIGESTS:
            remove_file(self._path)

    def _commit(self, digest: Digest) -> None:
        layout = self._disk.layout
        target, mark = layout.blob(digest), layout.mark(self._upload, digest)
        self._announce(mark)
        try:
            self._disk.make_room(digest)
            if not self._is_synced:
                self._sync()
            self._become(target, digest)
        except (OSError, UploadUnknown):
            if not leads_to(target, self._descriptor):  # it did not come to that
                self._disk.give_back_room(digest)
                remove_file(mark)
            raise
        self._over = True
        self._disk.sync_name(digest)
        with suppress(OSError):  # which do no harm: it is a blob
            self._hash.tidy()

    def _sync(self) -> None:
        """Bring the bytes to the disk; if that fails, the upload is over.

        What could not be written counts as written from then on, and may leave memory: the next
        sync would say that all is well, of what is read from memory and not on the disk.
        """
        try:
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):  # of a disk that is read-only by now, on which no sync succeeds
                remove_file(self._path)
            raise
        self._is_synced = True

    def _announce(self, mark: str) -> None:
        """Say that the upload is about to get its final name.

        The mark is a second name of the upload's file. A file of its own would cost an inode for
        each push; and ext4 without a journal does not give out one that was deleted in the last
        minutes, so a busy registry would search for a free one, push by push, among thousands that
        it has just let go. Where files have only one name, it is a file of its own all the same.
        """
        try:
            with suppress(FileExistsError):  # by an attempt that a crash ended
                os.link(self._path, mark)
        except FileNotFoundError:  # cancelled while this request wrote to it
            raise UploadUnknown from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            with suppress(FileExistsError):
                make_file(mark, self.active_at)

    def _become(self, target: str, digest: Digest) -> None:
        try:
            try:
                os.replace(self._path, target)
            except (IsADirectoryError, NotADirectoryError):  # damage, which a push heals
                in_the_way = target if os.path.isdir(target) else os.path.dirname(target)
                aside = self._disk.layout.quarantined(digest)  # as nobody knows what it is
                os.replace(in_the_way, free_name(aside))
                self._disk.make_room(digest)
                os.replace(self._path, target)
        except FileNotFoundError:  # cancelled meanwhile
            raise UploadUnknown from None


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
    if not try_lock(descriptor):
        raise UploadOutOfOrder(
            "another request is writing to this upload; ask for its status, then go on",
            os.fstat(descriptor).st_size,
        )
    status = status_if_named(path, descriptor)
    if status is None:  # it became a blob between the open and the lock
        raise UploadUnknown
    return status
