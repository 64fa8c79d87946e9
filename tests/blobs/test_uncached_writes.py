"""Writing past the page cache: what may go there, and that the bytes are the same wherever."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.blobs.append_pipeline import BLOCK, LARGE, write
from lading.edge.body import new_buffer
from tests.support.cache import can_bypass, is_cached
from tests.support.temporary import on_disk

SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture(params=["disk", "memory"])
def descriptor(request: pytest.FixtureRequest) -> Iterator[int]:
    directory = None if request.param == "disk" else SHARED_MEMORY
    with tempfile.TemporaryFile(dir=directory) as file:
        yield file.fileno()


@pytest.mark.parametrize("size", [1, BLOCK, LARGE - BLOCK, LARGE, LARGE + 1, 3 * LARGE])
@pytest.mark.parametrize("offset", [0, 1, 512, BLOCK])
@pytest.mark.parametrize("memory", ["of pages", "anywhere"])
def test_bytes_are_written_wherever_they_are_and_go(
    descriptor: int, size: int, offset: int, memory: str
) -> None:
    """All of them, be they such as a disk takes directly or not; other writes go on as ever."""
    data = os.urandom(size)
    view = memoryview(data)
    if memory == "of pages":
        view = new_buffer(size)
        view[:] = data
    os.pwrite(descriptor, b"first", 0)

    written = 0
    while written < size:
        written += write(descriptor, view[written:], offset + written)
    os.pwrite(descriptor, b"last", offset + size)

    before = b"first".ljust(offset, b"\0")[:offset]
    assert os.pread(descriptor, offset + size + 10, 0) == before + data + b"last"


def test_large_pieces_do_not_fill_the_page_cache() -> None:
    """Small ones do, as ever."""
    with on_disk() as directory, tempfile.TemporaryFile(dir=directory) as file:
        if not can_bypass(directory):
            pytest.skip("the file system here has no way past the page cache, or does not show it")
        data = new_buffer(LARGE)
        write(file.fileno(), data, 0)
        write(file.fileno(), data[:BLOCK], LARGE)
        os.fsync(file.fileno())

        assert not is_cached(file.fileno(), 0)
        assert is_cached(file.fileno(), LARGE)
