"""Blobs as files.

```
<root>
├── docker/registry/v2/blobs/<algorithm>/<2 hex>/<hex>/data   a blob, in CNCF Distribution's layout
└── lading
    ├── uploads/<id>           what an upload has so far: its size is the upload's offset
    ├── uploads/<id>.rewound   the upload was shortened once: no hash kept from before holds
    ├── uploads/<id>.<digest>  the upload gets that name as a blob, and no row may know it yet
    ├── locks/<2 hex>          held (flock) while a blob with such a digest is committed or deleted
    └── quarantine/<digest>    bytes that were damaged, taken aside by a check
```

Rules:

* A file under `blobs` is complete and verified when it gets there: by a rename, after an fsync.
  What a disk does to it later heals when the blob is pushed again: the new file replaces it.
* Bytes of an upload are appended in order, so whatever a crash leaves is a prefix of what was sent.
* Bytes that get their final name are marked before, and until a row knows them: a crash between the
  two leaves a mark, by which the collector finds them without looking at all blobs.
* An upload is written by the holder of its `flock` only, whichever worker that is; the kernel lets
  go of the locks of a process that dies.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from lading import durable
from lading.blobs.failures import translated
from lading.blobs.hashing import HashesInProgress, RunningHash
from lading.blobs.small import LARGEST, SmallBlobs
from lading.blocking import Pending, Threads
from lading.core.digest import HEX_LENGTH, Bytes, Digest
from lading.core.errors import (
    DigestInvalid,
    DigestMismatch,
    StorageFull,
    Unavailable,
    UploadOutOfOrder,
    UploadUnknown,
)
from lading.core.names import UploadId
from lading.ports import LocalFile, Memory, Staged, StoredBytes, Upload

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Bytes read at once when a hash has to catch up.
READ_SIZE = 1024 * 1024
# Bytes read at once when a whole blob is checked.
HASH_SIZE = 4 * 1024 * 1024
# Bytes from which a second thread costs less than it saves.
SIDE_BY_SIDE = 128 * 1024
# Threads that wait for the disk; each holds one piece of one upload.
THREADS = 16
# Below the root, each after the one that holds it.
_DIRECTORIES = (
    "docker",
    "docker/registry",
    "docker/registry/v2",
    "docker/registry/v2/blobs",
    "lading",
    "lading/uploads",
    "lading/locks",
    "lading/quarantine",
)
# Seconds between tries for the lock of a blob that another worker is committing.
LOCK_POLL = 0.005


class FilesystemBlobs:
    """See `lading.ports.BlobStore`."""

    def __init__(self, root: Path, reserve: int = 0) -> None:
        self._blobs = root / "docker/registry/v2/blobs"
        self._uploads = root / "lading/uploads"
        self._locks = root / "lading/locks"
        self._quarantine = root / "lading/quarantine"
        durable.make_directories(root)
        for directory in _DIRECTORIES:
            durable.make_directory(root / directory)
        self._reserve = reserve
        self._durable: set[Path] = set()
        self._hashes = HashesInProgress()
        self._small = SmallBlobs()
        self._threads = Threads(THREADS, "blobs")

    async def begin(self, upload: UploadId) -> None:
        """See `BlobStore.begin`."""
        with translated():
            (self._uploads / upload).touch(exist_ok=False)

    async def require_space(self, size: int) -> None:
        """See `BlobStore.require_space`."""
        with translated():
            self.require_space_now(size)

    @asynccontextmanager
    async def stage(self, upload: Upload) -> AsyncIterator["StagedFile"]:
        """See `BlobStore.stage`."""
        path = self._uploads / upload.id
        with _open_exclusively(path) as descriptor:
            size = os.fstat(descriptor).st_size
            running = self._hashes.take(upload.id, upload.algorithm, size)
            if _rewound(path).exists():
                running = None
            staged = StagedFile(self, path, descriptor, size, running)
            try:
                yield staged
            finally:
                staged.keep_hash(self._hashes, upload.id)

    async def staged_size(self, upload: UploadId) -> int:
        """See `BlobStore.staged_size`."""
        with translated():
            try:
                return (self._uploads / upload).stat().st_size
            except FileNotFoundError:
                raise UploadUnknown from None

    async def settle(self, upload: UploadId, digest: Digest) -> None:
        """See `BlobStore.settle`."""
        with translated():
            _unsettled(self._uploads / upload, digest).unlink(missing_ok=True)

    async def list_staged(self) -> Sequence[Staged]:
        """See `BlobStore.list_staged`."""
        return await self.run(self._list_staged)

    async def discard(self, upload: UploadId) -> None:
        """See `BlobStore.discard`."""
        self._hashes.forget(upload)
        path = self._uploads / upload
        await self.run(_discard, path)

    async def find(self, digest: Digest) -> LocalFile | None:
        """See `BlobStore.find`."""
        key = f"{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"
        file = LocalFile(f"{self._blobs}/{key}", key)
        return file if _exists(file.path) else None

    async def read_small(self, digest: Digest, size: int) -> Memory | None:
        """See `BlobStore.read_small`."""
        data = self._small.get(digest)
        if data is None and size <= LARGEST:
            data = await self._load(digest, size)
        return None if data is None else Memory(data)

    async def delete(self, digests: Sequence[Digest]) -> None:
        """See `BlobStore.delete`."""
        for digest in digests:
            self._small.drop(digest)
        await self.run(_delete_all, [self.path(digest) for digest in digests])

    @asynccontextmanager
    async def lock(self, digest: Digest) -> AsyncIterator[None]:
        """See `BlobStore.lock`."""
        with self._lock_file(digest.hex[:2]) as descriptor:
            while not _try_lock(descriptor):  # noqa: ASYNC110 - another process tells no event
                await asyncio.sleep(LOCK_POLL)
            yield

    @asynccontextmanager
    async def lock_idle(self, digests: Sequence[Digest]) -> AsyncIterator[Sequence[Digest]]:
        """See `BlobStore.lock_idle`."""
        with ExitStack() as files:
            locked = {
                shard: _try_lock(files.enter_context(self._lock_file(shard)))
                for shard in {digest.hex[:2] for digest in digests}
            }
            yield [digest for digest in digests if locked[digest.hex[:2]]]

    async def digests(self) -> AsyncIterator[Digest]:
        """See `BlobStore.digests`."""
        for algorithm in HEX_LENGTH:
            for shard in await self.run(_names, self._blobs / algorithm):
                for name in await self.run(_names, self._blobs / algorithm / shard):
                    with suppress(DigestInvalid):
                        digest = Digest(f"{algorithm}:{name}")
                        if self.path(digest).exists():
                            yield digest

    async def examine(self, digests: Sequence[Digest]) -> Mapping[Digest, StoredBytes]:
        """See `BlobStore.examine`."""
        return await self.run(self._examine, digests)

    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        """See `BlobStore.hash`."""
        running = RunningHash.start(digest.algorithm)
        try:
            descriptor = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
            try:
                while size := await self.run(_hash_next, descriptor, running):
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
        return await self.run(self._set_aside, digest)

    async def close(self) -> None:
        """See `BlobStore.close`."""
        self._threads.close()

    def path(self, digest: Digest) -> Path:
        """Where the bytes of a blob are, or would be."""
        return self._blobs / digest.algorithm / digest.hex[:2] / digest.hex / "data"

    async def _load(self, digest: Digest, size: int) -> bytes | None:
        """The bytes of a blob, kept from now on; `None` if they are not what they should be."""
        path = self.path(digest)
        with translated():
            data = _read_cached(path, size)
        if data is None:
            data = await self.run(_read, path)
        return data if data is not None and self._small.put(digest, data) else None

    def _list_staged(self) -> list[Staged]:
        """Names that are not of this module are somebody else's, and left alone."""
        found = []
        for name in _names(self._uploads):
            upload, _, rest = name.partition(".")
            with suppress(UploadUnknown, DigestInvalid):
                digest = None if rest in {"", "rewound"} else Digest(rest)
                path = self._uploads / name if digest is None else self.path(digest)
                found.append(Staged(UploadId(upload), _size(path), digest))
        return found

    def _examine(self, digests: Sequence[Digest]) -> Mapping[Digest, StoredBytes]:
        found = {}
        for digest in digests:
            with suppress(FileNotFoundError):
                # A rename changes the inode, so this is when the file got its name or was restored.
                status = self.path(digest).stat()
                found[digest] = StoredBytes(status.st_size, status.st_ctime)
        return found

    def _set_aside(self, digest: Digest) -> str | None:
        path, aside = self.path(digest), self._quarantine / digest
        try:
            path.replace(aside)
        except FileNotFoundError:
            return None
        durable.sync_directory(aside.parent)
        durable.sync_directory(path.parent)
        return str(aside)

    @contextmanager
    def _lock_file(self, shard: str) -> Iterator[int]:
        path = self._locks / shard
        with translated():
            # Read only: a command run as root may have made the file that the server's user locks.
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work in a thread, and return only when it is over.

        Raises:
            StorageFull, Unavailable: see `lading.blobs.failures.translated`.
        """
        work = self.start(function, *args, **kwargs)
        with translated():
            return await work

    def start(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        """Begin blocking work in a thread; whoever does must await its outcome."""
        return self._threads.start(function, *args, **kwargs)

    def require_space_now(self, size: int) -> None:
        """As `require_space`, from a thread."""
        status = os.statvfs(self._uploads)
        free = status.f_bavail * status.f_frsize
        # Some file systems make inodes as they need them, and count none.
        if free - size < self._reserve or (status.f_files and not status.f_favail):
            raise StorageFull

    def make_room(self, digest: Digest) -> None:
        """Make the directories of a blob."""
        leaf = self.path(digest).parent
        for directory in (leaf.parent.parent, leaf.parent):
            if directory not in self._durable or not directory.is_dir():
                durable.make_directory(directory)
                self._durable.add(directory)
        durable.make_directory(leaf)


class StagedFile:
    """See `lading.ports.StagedUpload`."""

    def __init__(
        self,
        store: FilesystemBlobs,
        path: Path,
        descriptor: int,
        size: int,
        running: RunningHash | None,
    ) -> None:
        self._store = store
        self._path = path
        self._descriptor = descriptor
        self._running = running
        self.size = size

    async def write(self, data: Bytes) -> None:
        """See `StagedUpload.write`."""
        if self._running is None or len(data) < SIDE_BY_SIDE:
            await self._store.run(self._write, data)
        else:
            await self._write_and_hash(self._running, data)

    async def rewind(self, size: int) -> None:
        """See `StagedUpload.rewind`."""
        await self._store.run(self._rewind, size)

    async def commit(self, digest: Digest) -> None:
        """See `StagedUpload.commit`."""
        await self._store.run(self._commit, digest)

    def keep_hash(self, hashes: HashesInProgress, upload: UploadId) -> None:
        """Hand the running hash to the upload's next request."""
        if self._running is not None and _leads_to(self._path, self._descriptor):
            hashes.keep(upload, self._running)

    async def _write_and_hash(self, running: RunningHash, data: Bytes) -> None:
        """Both take about as long, so a core each does them side by side."""
        self._running = None  # if not all is written, the hash is of something else
        hashing = self._store.start(running.update, data)
        try:
            await self._store.run(self._append, data)
        finally:
            await hashing
        self._running = running

    def _write(self, data: Bytes) -> None:
        self._append(data)
        if self._running is not None:
            self._running.update(data)

    def _append(self, data: Bytes) -> None:
        self._store.require_space_now(len(data))
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self.size)
            self.size += written
            view = view[written:]

    def _rewind(self, size: int) -> None:
        if not _leads_to(self._path, self._descriptor):  # it is a blob now, or was cancelled
            return
        # Another worker may keep a hash of the bytes that go now. The mark comes first, and is
        # looked for under the same lock, so that such a hash is never taken for that of new bytes.
        try:
            _rewound(self._path).touch()
        except OSError:  # no room even for the mark: better no upload than a wrong one
            self._path.unlink(missing_ok=True)
            raise
        os.ftruncate(self._descriptor, size)
        self.size, self._running = size, None

    def _commit(self, digest: Digest) -> None:
        actual = self._digest(digest.algorithm)
        if actual != digest:
            raise DigestMismatch("", {"expected": digest, "actual": actual})
        target = self._store.path(digest)
        _mark(self._path, digest)
        try:
            self._store.make_room(digest)
            os.fsync(self._descriptor)
            self._become(target)
        except OSError:
            if _leads_to(self._path, self._descriptor):  # it did not come to that
                _unsettled(self._path, digest).unlink(missing_ok=True)
            raise
        durable.sync_directory(target.parent)
        _rewound(self._path).unlink(missing_ok=True)

    def _become(self, target: Path) -> None:
        try:
            self._path.replace(target)
        except FileNotFoundError:  # cancelled while this request wrote to it
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


@contextmanager
def _open_exclusively(path: Path) -> Iterator[int]:
    """Open an upload's file, unless someone else has it."""
    with translated():
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise UploadUnknown from None
    try:
        if not _try_lock(descriptor):
            raise UploadOutOfOrder(
                "another request is writing to this upload; ask for its status, then go on",
                os.fstat(descriptor).st_size,
            )
        # It may have become a blob between the open and the lock: that file is not to be touched.
        if not _leads_to(path, descriptor):
            raise UploadUnknown
        yield descriptor
    finally:
        os.close(descriptor)


def _hash_next(descriptor: int, running: RunningHash) -> int:
    """Hash the next piece of a file; how many bytes it had."""
    data = os.read(descriptor, HASH_SIZE)
    running.update(data)
    return len(data)


def _rewound(path: Path) -> Path:
    return path.with_name(f"{path.name}.rewound")


def _unsettled(path: Path, digest: Digest) -> Path:
    return path.with_name(f"{path.name}.{digest}")


def _mark(path: Path, digest: Digest) -> None:
    """Say that an upload is about to get its final name.

    The mark is a second name of the upload's file. A file of its own would cost an inode for each
    push, and ext4 does not give out one that was deleted in the last minutes: a busy registry would
    search for a free one, push by push, among thousands that it has just let go of.
    """
    try:
        os.link(path, _unsettled(path, digest))
    except FileExistsError:  # by an attempt that a crash ended
        pass
    except FileNotFoundError:  # cancelled while this request wrote to it
        raise UploadUnknown from None


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)
    _rewound(path).unlink(missing_ok=True)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _leads_to(path: Path, descriptor: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _exists(path: str) -> bool:
    # Not `Path(path).exists()`: for each pull of a small blob, making the path would cost more than
    # asking the kernel.
    return os.path.exists(path)  # noqa: PTH110


def _read_cached(path: Path, size: int) -> bytes | None:
    """So many bytes of a file, if the page cache has them: then there is nothing to wait for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    data = bytearray(size)
    try:
        return bytes(data) if os.preadv(descriptor, [data], 0, os.RWF_NOWAIT) == size else None
    except OSError:  # not cached, or a file system that cannot tell
        return None
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _delete_all(paths: Sequence[Path]) -> None:
    for path in paths:
        _delete(path)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty, or gone already
        path.parent.rmdir()


def _names(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in directory.iterdir()]
    except (FileNotFoundError, NotADirectoryError):  # gone meanwhile; or a stranger's file
        return []
