"""The cache of small blobs has an end, and keeps nothing that is damaged."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lading.blobs.in_memory import InMemoryBlobs
from lading.blobs.small_cache import BESIDE, LARGEST, SmallBlobCache
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.typing import override
from lading.ports.blob_sources import BlobSource, InMemory, LocalFile
from lading.ports.object_sources import Chunks, LostObject
from lading.ports.objects import PlacedSegment
from tests.support.segments import MemorySegments


class Files(InMemoryBlobs):
    """A store of files, all in one directory, that counts how often it is asked for one.

    Attributes:
        asked: how often.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.asked = 0
        self._root = root

    def write(self, data: bytes, wrong: bytes | None = None) -> Digest:
        """Have a blob, whose file may have other bytes than it should."""
        digest = Digest.of(data)
        (self._root / digest).write_bytes(data if wrong is None else wrong)
        return digest

    @override
    async def find(  # type: ignore[override]
        self, digest: Digest, segments: Sequence[PlacedSegment] | None = None
    ) -> BlobSource | None:
        self.asked += 1
        path = self._root / digest
        return LocalFile(str(path), "", path.stat().st_size) if path.exists() else None


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A store without blobs."""
    return Files(tmp_path)


async def test_what_was_asked_for_longest_ago_goes_first(files: Files) -> None:
    cache = SmallBlobCache(files, capacity=2 * (4 + BESIDE))
    first, second, third = (files.write(data) for data in (b"aaaa", b"bbbb", b"cccc"))
    for digest in (first, second, first, third):
        await cache.find(digest)
    assert files.asked == 3

    for digest in (first, third):
        await cache.find(digest)
    assert files.asked == 3
    await cache.find(second)
    assert files.asked == 4


async def test_what_is_deleted_counts_no_more(files: Files) -> None:
    cache = SmallBlobCache(files, capacity=2 * (4 + BESIDE))
    first, second, third = (files.write(data) for data in (b"aaaa", b"bbbb", b"cccc"))
    for digest in (first, second):
        await cache.find(digest)
    await cache.delete([first])
    await cache.delete([first])
    for digest in (third, second, third):
        await cache.find(digest)

    assert files.asked == 3


async def test_other_bytes_are_not_kept(files: Files) -> None:
    cache = SmallBlobCache(files)
    digest = files.write(b"aaaa", wrong=b"aaab")
    assert await cache.find(digest) is None

    files.write(b"aaaa")
    assert await cache.find(digest) == InMemory(b"aaaa")


async def test_what_is_large_stays_in_its_file(files: Files) -> None:
    cache = SmallBlobCache(files)
    for size, place in ((LARGEST, InMemory), (LARGEST + 1, LocalFile)):
        assert isinstance(await cache.find(files.write(bytes(size))), place)


async def test_there_is_an_end_to_how_many_there_are_as_well(files: Files) -> None:
    """What Python takes for each is more than the smallest ones have."""
    cache = SmallBlobCache(files, capacity=10 * (1 + BESIDE))
    digests = [files.write(bytes([number])) for number in range(100)]
    for digest in digests:
        await cache.find(digest)
    assert files.asked == 100

    for digest in digests[:-11:-1]:
        await cache.find(digest)
    assert files.asked == 100


class Objects(InMemoryBlobs):
    """A store of blobs in an object store, of two objects each."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.segments = MemorySegments(data, [len(data) // 2, len(data) - len(data) // 2])

    @override
    async def find(  # type: ignore[override]
        self, digest: Digest, segments: Sequence[PlacedSegment] | None = None
    ) -> BlobSource | None:
        return self.segments.chunks


async def test_what_is_small_in_an_object_store_is_kept_as_well() -> None:
    store = Objects(b"some bytes")
    cache = SmallBlobCache(store)
    for _ in range(2):
        assert await cache.find(Digest.of(b"some bytes")) == InMemory(b"some bytes")
        store.segments.broken = {"o/0": AssertionError()}


async def test_what_is_large_stays_in_its_objects() -> None:
    data = bytes(LARGEST + 1)
    assert isinstance(await SmallBlobCache(Objects(data)).find(Digest.of(data)), Chunks)


async def test_objects_that_are_lost_are_no_blob() -> None:
    """So that whoever asks looks again, and finds out why."""
    store = Objects(b"some bytes")
    store.segments.broken = {"o/1": LostObject()}
    assert await SmallBlobCache(store).find(Digest.of(b"some bytes")) is None
    store.segments.broken = {"o/1": Unavailable()}
    with pytest.raises(Unavailable):
        await SmallBlobCache(store).find(Digest.of(b"some bytes"))
