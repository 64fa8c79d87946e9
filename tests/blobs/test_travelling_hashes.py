"""An upload that changes worker: nobody reads back what was hashed on its way in."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from lading.blobs import append_pipeline, hashing
from lading.blobs.stores import Stores
from lading.core.digest import SHA256, SHA512, Digest, new_hasher
from lading.core.errors import DigestMismatch, Unavailable
from lading.core.names import UploadKey
from tests.support.contents import begin, path_of, read
from tests.support.open_things import descriptors

DATA = os.urandom(9 * 1024 * 1024 + 12_345)
# Bytes that may be read all the same: what Python reads, the ends of blocks, this very counter.
NOTHING = 16 * 1024
PIECE = 1024 * 1024
NOTE = "user.lading"

pytestmark = pytest.mark.skipif(
    hashing.stateful_hasher(SHA256) is None, reason="this Python's libcrypto is not to be had"
)


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Sequence[Stores]]:
    """Three stores on the same files."""
    opened = [Stores.in_files(tmp_path) for _ in range(3)]
    probe = tmp_path / "probe"
    probe.touch()
    try:
        os.setxattr(probe, NOTE, bytes(49))
    except OSError:
        pytest.skip("the file system here has no extended attributes")
    yield opened
    for stores in opened:
        stores.close()


def bytes_read() -> int:
    """Return what this process has read from files so far, cached or not."""
    counters = Path("/proc/self/io").read_text().split()
    return int(counters[counters.index("rchar:") + 1])


async def patch(stores: Stores, upload: UploadKey, data: bytes) -> None:
    """Append bytes, as one request in pieces of 1 MiB."""
    async with stores.uploads.stage(upload) as staged:
        for start in range(0, len(data), 1024 * 1024):
            await staged.write(data[start : start + 1024 * 1024])
        await staged.finish()


async def put(stores: Stores, upload: UploadKey, digest: Digest, data: bytes = b"") -> None:
    """Finish an upload, perhaps with its last bytes."""
    async with stores.uploads.stage(upload, algorithm=digest.algorithm) as staged:
        for start in range(0, len(data), 1024 * 1024):
            await staged.write(data[start : start + 1024 * 1024])
        await staged.commit(digest)
        await stores.uploads.settle(upload, digest)


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
@pytest.mark.parametrize("last", [0, 1, 70_000])
@pytest.mark.parametrize("chunk", [len(DATA), 1024 * 1024, 333_333, 65_536, 1000])
async def test_no_worker_reads_what_another_has_hashed(
    workers: Sequence[Stores], algorithm: str, chunk: int, last: int
) -> None:
    """Whichever chunks the upload comes in, by whichever workers, and whatever the last brings."""
    data = DATA if chunk > 1000 else DATA[:200_000]
    digest, end = Digest.of(data, algorithm), len(data) - last
    upload = await begin(workers[0], algorithm)
    before = bytes_read()
    requests = 0
    for start in range(0, end, chunk):
        requests += 1
        await patch(workers[requests % 3], upload, data[start : min(start + chunk, end)])
    await put(workers[(requests + 1) % 3], upload, digest, data[end:])
    count = bytes_read() - before

    # The rest of a block is read, and the counter itself; what Python's threads read is small.
    assert count <= NOTHING + requests * 128
    assert read(await workers[0].blobs.find(digest)) == data


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
async def test_one_put_with_everything_is_hashed_by_its_digests_algorithm(
    workers: Sequence[Stores], algorithm: str
) -> None:
    """Also if it was not announced when the upload began, by another worker."""
    digest = Digest.of(DATA, algorithm)
    upload = await begin(workers[0])
    before = bytes_read()
    await put(workers[1], upload, digest, DATA)

    assert bytes_read() - before <= NOTHING


@pytest.mark.parametrize("worker", [0, 1])
async def test_after_a_wrong_digest_nothing_is_read_again(
    workers: Sequence[Stores], worker: int
) -> None:
    """What the wrong one brought is cut off; what is known of the bytes before still holds."""
    upload = await begin(workers[0])
    await patch(workers[0], upload, DATA)
    before = bytes_read()
    async with workers[worker].uploads.stage(upload) as staged:
        size = staged.size
        await staged.write(b"wrong")
        with pytest.raises(DigestMismatch):
            await staged.commit(Digest.of(DATA))
        await staged.rewind(size)
    await put(workers[1 - worker], upload, Digest.of(DATA))

    assert bytes_read() - before <= NOTHING


async def test_what_a_killed_worker_wrote_is_read_and_no_more(
    workers: Sequence[Stores], tmp_path: Path
) -> None:
    """It noted nothing of it; the note of the request before still holds."""
    upload = await begin(workers[0])
    await patch(workers[0], upload, DATA)
    more = os.urandom(3_000_001)
    (tmp_path / "more").write_bytes(more)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), upload], timeout=60, check=False
    )
    assert killed.returncode == -9
    before = bytes_read()
    await put(workers[1], upload, Digest.of(DATA + more + b"end"), b"end")

    assert len(more) <= bytes_read() - before <= len(more) + NOTHING


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from lading.blobs.stores import Stores
from lading.core.names import UploadKey

async def write():
    root = Path(sys.argv[1])
    more = (root / "more").read_bytes()
    async with Stores.in_files(root).uploads.stage(UploadKey(sys.argv[2])) as staged:
        for start in range(0, len(more), 1024 * 1024):
            await staged.write(more[start : start + 1024 * 1024])
        await staged.finish()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(write())
"""


def of_another_start(value: bytes) -> bytes:
    """Return a note as it was before the machine started anew."""
    return bytes(8) + value[8:]


def of_more_bytes(value: bytes) -> bytes:
    """Return a note on bytes that a power cut took."""
    return value[:9] + (1 << 40).to_bytes(8) + value[17:]


def of_another_version(value: bytes) -> bytes:
    """Return a note in another order, as this program wrote it once."""
    return value[8:9] + value[:8] + value[9:]


@pytest.mark.parametrize(
    "spoil",
    [
        of_another_start,
        of_more_bytes,
        of_another_version,
        lambda _: b"",
        lambda value: value[:-1],
        lambda _: b"x" * 49,
    ],
    ids=["another start", "more bytes", "another version", "empty", "cut", "nonsense"],
)
async def test_a_note_that_may_be_wrong_is_not_believed(
    workers: Sequence[Stores], tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    """The bytes are read instead."""
    upload = await begin(workers[0])
    await patch(workers[0], upload, DATA)
    path = tmp_path / "lading/uploads" / upload.owner / upload
    os.setxattr(path, NOTE, spoil(os.getxattr(path, NOTE)))
    path.write_bytes(DATA[::-1])
    with pytest.raises(DigestMismatch):
        await put(workers[1], upload, Digest.of(DATA))

    await put(workers[2], upload, Digest.of(DATA[::-1]))


async def test_a_blob_has_no_note(workers: Sequence[Stores]) -> None:
    """It is a file like any other."""
    upload = await begin(workers[0])
    await patch(workers[0], upload, DATA)
    await put(workers[1], upload, Digest.of(DATA))

    assert NOTE not in os.listxattr(path_of(workers[0], Digest.of(DATA)))


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
async def test_where_no_state_is_to_be_had_the_digest_travels(
    workers: Sequence[Stores], monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    """Which is enough for a request that finishes the upload and brings nothing."""
    monkeypatch.setattr(hashing.RunningHash, "start", stateless)
    digest = Digest.of(DATA, algorithm)
    upload = await begin(workers[0], algorithm)
    await patch(workers[0], upload, DATA)
    before = bytes_read()
    with pytest.raises(DigestMismatch):
        await put(workers[1], upload, Digest.of(b"something else", algorithm))
    await put(workers[2], upload, digest)

    assert bytes_read() - before <= NOTHING


async def test_where_no_state_is_to_be_had_bytes_that_follow_are_right_as_well(
    workers: Sequence[Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whichever workers they come."""
    monkeypatch.setattr(hashing.RunningHash, "start", stateless)
    upload = await begin(workers[0])
    for number in range(6):
        await patch(workers[number % 2], upload, DATA[number : number + 1])

    await put(workers[2], upload, Digest.of(DATA[:9]), DATA[6:9])


def stateless(algorithm: str) -> hashing.RunningHash:
    """Return a hash as it is where libcrypto is not to be had."""
    return hashing.RunningHash(algorithm, new_hasher(algorithm))


async def test_where_files_have_no_attributes_uploads_change_worker_as_well(
    workers: Sequence[Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are read once."""

    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    for call in ("setxattr", "getxattr", "removexattr"):
        monkeypatch.setattr(os, call, unsupported)
    upload = await begin(workers[0])
    await patch(workers[0], upload, DATA[:100_000])
    await patch(workers[1], upload, DATA[100_000:])
    async with workers[2].uploads.stage(upload) as staged:
        await staged.write(b"cut")
        await staged.rewind(len(DATA))

    await put(workers[0], upload, Digest.of(DATA))


async def test_the_hash_of_a_piece_that_was_lost_does_not_travel(
    workers: Sequence[Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails while the request is given up. Other bytes may come in the place of these."""
    first, lost, last, other = (os.urandom(PIECE) for _ in range(4))
    failing, go_on, write = threading.Event(), threading.Event(), append_pipeline.write

    def fail(descriptor: int, data: memoryview, offset: int) -> int:
        if offset != PIECE:
            return write(descriptor, data, offset)
        failing.set()
        go_on.wait(60)
        raise OSError(errno.EIO, "Input/output error")

    upload = await begin(workers[0])

    async def request() -> None:
        async with workers[0].uploads.stage(upload) as staged:
            for piece in (first, lost, last):
                await staged.write(piece)

    with monkeypatch.context() as patched:
        patched.setattr(append_pipeline, "write", fail)
        given_up = asyncio.create_task(request())
        await asyncio.to_thread(failing.wait, 60)
        given_up.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await given_up

    await patch(workers[1], upload, other + last)
    with pytest.raises(DigestMismatch):
        await put(workers[2], upload, Digest.of(first + lost + last))
    await put(workers[2], upload, Digest.of(first + other + last))


async def test_a_file_of_which_the_disk_tells_nothing_is_a_failure_of_the_storage(
    workers: Sequence[Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on NFS, of a file that another machine has removed."""

    def fail(_: int) -> os.stat_result:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    upload, before = await begin(workers[0]), descriptors()
    stack = AsyncExitStack()
    staged = await stack.enter_async_context(workers[0].uploads.stage(upload))
    await staged.write(DATA)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", fail)
        with pytest.raises(Unavailable):
            await staged.finish()
        with pytest.raises(Unavailable):
            await stack.aclose()

    assert descriptors() <= before
