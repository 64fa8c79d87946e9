"""Blobs as files.

```
<root>
├── docker/registry/v2/blobs/<algorithm>/<2 hex>/<hex>/data   a blob, in CNCF Distribution's layout
└── lading
    ├── uploads/<owner>/<upload>           what an upload has so far: its size is its offset
    ├── uploads/<owner>/<upload>.<digest>  it gets that name as a blob, and no row may know it yet
    ├── locks/<2 hex>                      held (flock) while a blob is committed or deleted
    └── quarantine/<digest>                bytes that were damaged, taken aside by a check
```

An upload is named by its id and its repository (`core.names.UploadKey`). Its file is all that is
known of it: when it was last active is when the file was changed; what is known of its hash is an
attribute of the file (`blobs.notes`), what else has become of it is in its mode (`blobs.marks`).

Rules:

* A file under `blobs` is complete and verified when it gets there: by a rename, after an fsync.
  What a disk does to it later heals when the blob is pushed again: the new file replaces it.
* Bytes of an upload are appended in order, so whatever a crash leaves is a prefix of what was sent.
* Bytes that get their final name are marked before, and until a row knows them: a crash between the
  two leaves a mark, by which the collector finds them without looking at all blobs.
* An upload is written by the holder of its `flock` only, whichever worker that is; the kernel lets
  go of the locks of a process that dies.
"""

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from lading.blobs import distribution, files, locks
from lading.blobs.census import Census
from lading.blobs.disk import Disk
from lading.blobs.failures import translated
from lading.blobs.hashing import HashesInProgress, RunningHash
from lading.blobs.layout import names
from lading.blobs.notes import Notes
from lading.blobs.small import LARGEST, SmallBlobs
from lading.blobs.staged import StagedFile, marked
from lading.core.digest import SHA256, Digest
from lading.core.errors import DigestInvalid, Unavailable, UploadUnknown
from lading.core.names import Owner, UploadKey
from lading.ports.blobs import LocalFile, Memory, Staged, StoredBytes
from lading.system import durable

log = logging.getLogger(__name__)

# Bytes read at once when a whole blob is checked.
HASH_SIZE = 4 * 1024 * 1024
# Bytes of a file from which freeing them takes longer than all else of a deletion.
LARGE = 8 * 1024 * 1024


class FilesystemBlobs:
    """See `lading.ports.blobs.BlobStore`."""

    small = LARGEST

    def __init__(self, root: Path, reserve: int = 0, *, read_only: bool = False) -> None:
        self._disk = Disk(root, reserve, read_only=read_only)
        self._hashes = HashesInProgress()
        self._notes = Notes()
        self._census = Census()
        self._small = SmallBlobs()

    async def begin(self, upload: UploadKey, *, algorithm: str, now: float) -> None:
        """See `BlobStore.begin`."""
        path, running = self._disk.path_of(upload), RunningHash.start(algorithm)
        with translated():
            self._disk.make_upload(upload, now)
        if algorithm != SHA256:  # which whoever knows nothing begins with
            self._notes.write(path, running.known())
        self._census.begun()
        self._hashes.keep(upload, running)

    async def require_space(self, size: int) -> None:
        """See `BlobStore.require_space`."""
        with translated():
            self._disk.require_space(size)

    def stage(self, upload: UploadKey, *, algorithm: str | None = None) -> StagedFile:
        """See `BlobStore.stage`."""
        return StagedFile(self._disk, self._hashes, self._notes, upload, algorithm)

    async def staged_size(self, upload: UploadKey) -> int:
        """See `BlobStore.staged_size`."""
        with translated():
            try:
                return os.stat(self._disk.path_of(upload)).st_size
            except FileNotFoundError:
                raise UploadUnknown from None

    async def settle(self, upload: UploadKey, digest: Digest) -> None:
        """See `BlobStore.settle`."""
        with translated():
            files.delete(marked(self._disk.path_of(upload), digest))

    async def count_staged(self, owner: Owner) -> int:
        """See `BlobStore.count_staged`. These are no more than one may have."""
        return len(names(f"{self._disk.uploads}/{owner}"))

    async def count_all_staged(self, now: float) -> int:
        """See `BlobStore.count_all_staged`."""
        if self._census.is_due(now):
            self._census.counted(await self._disk.run(self._count_all_staged))
        return self._census.count

    async def tidy(self, before: float) -> None:
        """See `BlobStore.tidy`."""
        await self._disk.run(self._tidy, before)

    async def list_staged(self) -> Sequence[Staged]:
        """See `BlobStore.list_staged`."""
        return await self._disk.run(self._list_staged)

    async def discard(self, upload: UploadKey) -> None:
        """See `BlobStore.discard`."""
        self._hashes.forget(upload)
        await self._disk.run(self._disk.delete_upload, upload)

    async def find(self, digest: Digest) -> LocalFile | None:
        """See `BlobStore.find`."""
        key = f"{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"
        path = f"{self._disk.blobs}/{key}"
        with translated():
            size = files.size_if_there(path)
            if size is not None:
                return LocalFile(path, key, size)
            os.stat(self._disk.blobs)  # gone, too, when the disk of all blobs is
        return None

    async def read_small(self, digest: Digest, size: int) -> Memory | None:
        """See `BlobStore.read_small`."""
        data = self._small.get(digest)
        if data is None and size <= LARGEST:
            data = await self._load(digest, size)
        return None if data is None else Memory(data)

    async def delete(self, digests: Sequence[Digest]) -> None:
        """See `BlobStore.delete`."""
        # Callers hold locks, and it takes long to free the bytes of large files: that comes after.
        freed = await self._disk.run(self._delete, digests)
        self._disk.start(_close_all, freed)
        for digest in digests:
            self._small.drop(digest)

    async def referred_to(self, digests: Sequence[Digest]) -> frozenset[Digest]:
        """See `BlobStore.referred_to`."""
        return await self._disk.run(distribution.referred_to, self._disk.repositories, digests)

    async def is_shared(self) -> bool:
        """See `BlobStore.is_shared`."""
        return await self._disk.run(distribution.is_there, self._disk.repositories)

    def lock(self, digest: Digest) -> locks.Lock:
        """See `BlobStore.lock`."""
        return locks.Lock(self._lock_of(digest))

    @asynccontextmanager
    async def lock_idle(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Digest]]:
        """See `BlobStore.lock_idle`."""
        with locks.free_ones({self._lock_of(digest) for digest in digests}) as held:
            yield [digest for digest in digests if self._lock_of(digest) in held]

    async def digests(self) -> AsyncIterator[Digest]:
        """See `BlobStore.digests`."""
        for shard in await self._disk.run(list, self._disk.shards()):
            for digest in await self._disk.run(list, self._disk.digests_in(*shard)):
                yield digest

    async def examine(self, digests: Sequence[Digest]) -> Mapping[Digest, StoredBytes]:
        """See `BlobStore.examine`."""
        return await self._disk.run(self._examine, digests)

    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        """See `BlobStore.hash`."""
        running = RunningHash.start(digest.algorithm)
        try:
            descriptor = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
            try:
                while size := await self._disk.run(_hash_next, descriptor, running):
                    on_read(size)
            finally:
                os.close(descriptor)
        except (OSError, Unavailable):
            log.warning("the bytes of %s cannot be read", digest)
            return None
        return running.digest()

    async def quarantine(self, digest: Digest) -> str | None:
        """See `BlobStore.quarantine`."""
        self._small.drop(digest)
        return await self._disk.run(self._set_aside, digest)

    async def close(self) -> None:
        """See `BlobStore.close`."""
        self._disk.close()

    def path(self, digest: Digest) -> Path:
        """Where the bytes of a blob are, or would be."""
        return Path(self._disk.directory_of(digest), "data")

    async def _load(self, digest: Digest, size: int) -> bytes | None:
        """The bytes of a blob, kept from now on; `None` if they are not what they should be."""
        path = self._data(digest)
        with translated():
            data = files.read_cached(path, size)
        if data is None:
            data = await self._disk.run(files.read, path, size)
        return data if data is not None and self._small.put(digest, data) else None

    def _count_all_staged(self) -> int:
        owners = names(self._disk.uploads)
        return sum(len(names(f"{self._disk.uploads}/{owner}")) for owner in owners)

    def _tidy(self, before: float) -> None:
        """Remove the directories of owners who have had nothing in them for long."""
        for owner in names(self._disk.uploads):
            path = f"{self._disk.uploads}/{owner}"
            with suppress(OSError):  # not empty, gone, or a stranger's file
                if os.stat(path).st_mtime < before:
                    os.rmdir(path)

    def _list_staged(self) -> list[Staged]:
        """Names that are not of this module are somebody else's, and left alone."""
        found = []
        for path in self._disk.staged():
            upload, _, rest = path.rpartition("/")[2].partition(".")
            with suppress(UploadUnknown, DigestInvalid, FileNotFoundError):
                digest = Digest(rest) if rest else None
                status = os.stat(path)
                size = status.st_size if digest is None else files.size_of(self._data(digest))
                found.append(Staged(UploadKey(upload), size, status.st_mtime, digest))
        return found

    def _delete(self, digests: Sequence[Digest]) -> list[int]:
        """Take names away; returns what keeps the bytes of large files until it is closed.

        What others refer to stays, whatever the rows say.
        """
        opened = []
        kept = distribution.referred_to(self._disk.repositories, digests)
        if kept:
            log.info("%d blobs are kept: %s refers to them", len(kept), self._disk.repositories)
        for directory in (
            self._disk.directory_of(digest) for digest in digests if digest not in kept
        ):
            path = f"{directory}/data"
            with suppress(OSError):
                if files.size_of(path) >= LARGE:
                    opened.append(os.open(path, os.O_PATH | os.O_CLOEXEC))
            files.delete(path)
            with suppress(OSError):  # not empty, or gone already
                os.rmdir(directory)
        return opened

    def _data(self, digest: Digest) -> str:
        return f"{self._disk.directory_of(digest)}/data"

    def _examine(self, digests: Sequence[Digest]) -> Mapping[Digest, StoredBytes]:
        found = {}
        for digest in digests:
            with suppress(FileNotFoundError):
                # A rename changes the inode, so this is when the file got its name or was restored.
                status = self.path(digest).stat()
                found[digest] = StoredBytes(status.st_size, status.st_ctime, status.st_ino)
        return found

    def _set_aside(self, digest: Digest) -> str | None:
        path, aside = self.path(digest), files.free_name(f"{self._disk.quarantine}/{digest}")
        try:
            os.replace(path, aside)
        except FileNotFoundError:
            return None
        durable.sync_directory(self._disk.quarantine)
        durable.sync_directory(path.parent)
        return aside

    def _lock_of(self, digest: Digest) -> str:
        return f"{self._disk.locks}/{digest.hex[:2]}"


def _hash_next(descriptor: int, running: RunningHash) -> int:
    """Hash the next piece of a file; how many bytes it had."""
    data = os.read(descriptor, HASH_SIZE)
    running.update(data)
    return len(data)


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
