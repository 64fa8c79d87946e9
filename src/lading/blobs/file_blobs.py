"""The adapter of blobs as files, in the layout of CNCF Distribution."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from stat import S_ISREG

from lading.blobs import distribution, file_owner
from lading.blobs.disk import NO_FILE, Disk, free_name, remove_file, size_if_there, translating
from lading.blobs.hashing import RunningHash
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.typing import override
from lading.ports.blob_sources import LocalFile
from lading.ports.blobs import Blobs, KnownSegments, StoredBytes
from lading.system import durable, regular_files

log = logging.getLogger(__name__)

# Bytes read at once when a whole blob is checked.
HASH_SIZE = 4 * 1024 * 1024
# Bytes of a file from which freeing them takes longer than all else of a deletion.
LARGE = 8 * 1024 * 1024
# Files whose names are gone, and whose bytes wait to be freed: each is a descriptor.
MOST_WAITING = 64


class FileBlobs(Blobs):
    """Blobs as files.

    While they are open, they are their owner's of then, or nobody's: what another one has taken is
    not deleted.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._layout = disk.layout
        self._owner = file_owner.find_owner(disk.layout)
        # One at a time, as pushes and pulls want the other threads.
        self._freeing = disk.lane()
        self._waiting = 0

    @override
    async def find(self, digest: Digest, segments: KnownSegments = None) -> LocalFile | None:
        key = self._layout.key(digest)
        path = f"{self._layout.blobs}/{key}"
        status = self._status(path)
        return None if status is None else LocalFile(path, key, status.st_size)

    @override
    async def stat(
        self, digest: Digest, *, closely: bool = False, segments: KnownSegments = None
    ) -> StoredBytes | None:
        status = self._status(self._layout.blob(digest))
        if status is None:
            return None
        # A rename changes the inode, so this is when the file got its name or was restored.
        return StoredBytes(status.st_size, status.st_ctime, status.st_ino)

    @override
    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        running = RunningHash.start(digest.algorithm)
        try:
            descriptor = regular_files.open_to_read(self._layout.blob(digest))
            try:
                while size := await self._disk.run(_hash_next, descriptor, running):
                    on_read(size)
            finally:
                os.close(descriptor)
        except (OSError, Unavailable):
            log.warning("the bytes of %s cannot be read", digest)
            return None
        return running.digest()

    @override
    async def digests(self) -> AsyncIterator[Digest]:
        for shard in await self._disk.run(list, self._layout.shards()):
            for digest in await self._disk.run(list, self._layout.digests_in(*shard)):
                yield digest

    @override
    async def delete(self, digests: Sequence[Digest]) -> None:
        # Callers hold locks, and it takes long to free the bytes of large files: that comes after.
        opened: list[int] = []
        try:
            await self._disk.run(self._delete, digests, opened, MOST_WAITING - self._waiting)
        finally:  # also of a deletion that fails half-way, or is given up
            self._waiting += len(opened)
            for descriptor in opened:
                self._freeing.start(_free, descriptor).add_done_callback(self._is_freed)

    @override
    async def quarantine(self, digest: Digest) -> str | None:
        return await self._disk.run(self._set_aside, digest)

    @override
    async def referred_to(self, digests: Sequence[Digest]) -> frozenset[Digest]:
        return await self._disk.run(distribution.referred_to, self._layout, digests)

    @override
    async def is_shared(self) -> bool:
        return await self._disk.run(distribution.is_there, self._layout)

    def _status(self, path: str) -> os.stat_result | None:
        """The status of a blob's file; `None` if there is none.

        A directory, a pipe, or a circle of links in its place is none: to open a pipe would take
        as long as nobody writes to it.
        """
        with translating():
            try:
                status = os.stat(path)
            except OSError as error:
                if error.errno not in NO_FILE:
                    raise
                os.stat(self._layout.blobs)  # gone, too, when the disk of all blobs is
                return None
            return status if S_ISREG(status.st_mode) else None

    def _is_freed(self, closed: "asyncio.Future[None]") -> None:
        self._waiting -= 1
        if (error := closed.exception()) is not None:
            log.warning("the bytes of a blob could not be freed: %s", error)

    def _delete(self, digests: Sequence[Digest], opened: list[int], most: int) -> None:
        """Remove names. What others refer to stays, whatever the rows say.

        Args:
            opened: gets what keeps the bytes of large files until it is closed.
            most: files that may be kept so; of others the bytes go with the name.
        """
        self._require_same_owner()
        kept = distribution.referred_to(self._layout, digests)
        if kept:
            log.info("%d blobs are kept: %s refers to them", len(kept), self._layout.repositories)
        for digest in (digest for digest in digests if digest not in kept):
            path = self._layout.blob(digest)
            with suppress(OSError):
                if len(opened) < most and (size_if_there(path) or 0) >= LARGE:
                    opened.append(os.open(path, os.O_PATH | os.O_CLOEXEC))
            try:
                remove_file(path)
            except IsADirectoryError:  # as nobody knows what is in it
                self._set_aside(digest)
            with suppress(OSError):  # not empty, or gone already
                os.rmdir(os.path.dirname(path))

    def _require_same_owner(self) -> None:
        owner = file_owner.find_owner(self._layout)
        if owner not in {None, self._owner}:
            raise Unavailable(
                f"the files belong to another registry by now ({self._layout.owner} names it), so"
                " that no blob is deleted: give one of the two a directory of its own"
            )

    def _set_aside(self, digest: Digest) -> str | None:
        path = self._layout.blob(digest)
        aside = free_name(self._layout.quarantined(digest))
        try:
            os.replace(path, aside)
        except (FileNotFoundError, NotADirectoryError):
            return None
        durable.sync_directory(self._layout.quarantine)
        durable.sync_directory(os.path.dirname(path))
        return aside


def _hash_next(descriptor: int, running: RunningHash) -> int:
    """Hash the next piece of a file; how many bytes it had."""
    data = os.read(descriptor, HASH_SIZE)
    running.update(data)
    return len(data)


def _free(descriptor: int) -> None:
    """Free the bytes of a file whose name is gone."""
    os.close(descriptor)
