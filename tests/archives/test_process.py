"""The child process that reads archives: it is fed, bounded, and never outlives who asked."""

import asyncio
import gzip
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lading.archives import child
from lading.archives.limits import MOST_ENTRIES, ListingEnd
from lading.archives.process import ReadingFailed, list_entries, read_content
from lading.core.images.tree import Entry
from lading.ports.blob_sources import InMemory, LocalFile
from lading.ports.object_sources import Chunks, LostObject, Segment
from tests.support.tars import archive, header, sample_layers

LAYER = gzip.compress(archive(dict(sample_layers(1200))))


async def listed(data: bytes) -> tuple[list[Entry], ListingEnd]:
    found: list[Entry] = []
    ending = ListingEnd(failed="nothing came")
    async for batch in list_entries(InMemory(data), len(data)):
        if isinstance(batch, ListingEnd):
            ending = batch
        else:
            assert len(batch) <= MOST_ENTRIES
            found += batch
    return found, ending


async def test_a_layer_is_listed_in_batches() -> None:
    found, ending = await listed(LAYER)
    assert len({entry.path for entry in found if not entry.is_implied}) == 1200
    assert ending == ListingEnd()


async def test_names_of_all_kinds_come_through_the_pipe() -> None:
    names = [b"caf\xe9", "ä/😀".encode(), b"a\nb", b'"\\', b"x" * 4000]
    data = b"".join(
        header(b"L", len(name), b"L")
        + name.ljust(4096, b"\0")[: -(-len(name) // 512) * 512]
        + header()
        for name in names
    )
    found, _ = await listed(data + bytes(1024))
    assert [entry.path for entry in found if not entry.is_implied] == [
        "caf\\xe9",
        "ä/😀",
        "a\\x0ab",
        '"\\\\',
        "x" * 4000,
    ]


async def test_a_file_is_read_from_a_file_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(LAYER)
    source = LocalFile(str(path), "blob", len(LAYER))
    found, _ = await listed(LAYER)
    entry = next(entry for entry in found if entry.size > 20)
    pieces = read_content(source, len(LAYER), entry.offset, entry.size)
    assert b"".join([piece async for piece in pieces]) == b"x = 1\n" * (entry.size // 6)


async def test_what_is_no_archive_fails_and_what_ends_early_is_cut_off() -> None:
    assert (await listed(b"{}"))[1].failed
    found, ending = await listed(LAYER[: len(LAYER) // 2])
    assert found
    assert ending.cut_off
    with pytest.raises(ReadingFailed):
        [piece async for piece in read_content(InMemory(LAYER), len(LAYER), 10**9, 5)]


async def test_a_child_that_takes_too_long_is_killed() -> None:
    with pytest.raises(ReadingFailed, match="too long"):
        async for _ in list_entries(InMemory(LAYER), len(LAYER), seconds=0.0):
            pass


async def test_a_child_is_idle_and_bounded_and_ends_with_who_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[asyncio.subprocess.Process] = []
    create = asyncio.create_subprocess_exec

    async def noted(*args: Any, **kwargs: Any) -> asyncio.subprocess.Process:
        started.append(await create(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    layer = archive({f"{number}": os.urandom(4000) for number in range(4000)})
    batches = list_entries(InMemory(layer), len(layer))
    await anext(batches)
    (running,) = started
    assert os.sched_getscheduler(running.pid) == os.SCHED_IDLE
    limits = Path(f"/proc/{running.pid}/limits").read_text()
    assert any(str(child.MEMORY) in line for line in limits.splitlines() if "address" in line)
    assert any(str(child.CPU_SECONDS) in line for line in limits.splitlines() if "cpu" in line)
    await batches.aclose()
    assert running.returncode is not None


@dataclass(frozen=True)
class TwoObjects:
    """An object store that has a layer in two objects."""

    data: bytes

    async def read(self, key: str, start: int, size: int) -> bytes:
        first = int(key)
        return self.data[first + start : first + start + size]

    async def pieces(self, key: str, start: int, size: int) -> AsyncGenerator[bytes, None]:
        for at in range(start, start + size, 1000):
            yield await self.read(key, at, min(1000, start + size - at))

    def piped(self, key: str, start: int, size: int) -> AsyncGenerator[bytes, None]:
        return self.pieces(key, start, size)

    async def sign(self, key: str, seconds: float) -> str | None:
        return None


async def test_a_layer_is_read_out_of_an_object_store() -> None:
    half = len(LAYER) // 2
    segments = [Segment("0", half), Segment(str(half), len(LAYER) - half)]
    source = Chunks(TwoObjects(LAYER), segments)
    found: list[Entry] = []
    async for batch in list_entries(source, len(LAYER)):
        if not isinstance(batch, ListingEnd):
            found += batch
    assert len({entry.path for entry in found if not entry.is_implied}) == 1200


@dataclass(frozen=True)
class Failing(TwoObjects):
    """An object store that fails after a while."""

    async def pieces(self, key: str, start: int, size: int) -> AsyncGenerator[bytes, None]:
        yield self.data[:1000]
        raise LostObject("it is gone")


async def test_a_store_that_fails_is_not_taken_for_a_layer_that_ends_early() -> None:
    source = Chunks(Failing(LAYER), [Segment("0", len(LAYER))])
    with pytest.raises(LostObject):
        async for _ in list_entries(source, len(LAYER)):
            pass
