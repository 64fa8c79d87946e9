"""The object store: what it asks of a real S3 server, and what becomes of each way to fail."""

import asyncio
import os
import resource
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import pytest

from lading.blobs.s3 import attempts
from lading.blobs.s3.object_store import ObjectStore
from lading.core.errors import StorageFull, Unavailable
from lading.ports.measures import Count, Timing, Unmeasured
from lading.ports.object_sources import LostObject
from tests.support.s3 import S3, address_of, unfinished
from tests.support.s3_proxy import How, Kind

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024


class Noted(Unmeasured):
    """Measures that remember."""

    def __init__(self) -> None:
        self.counts: list[Count] = []
        self.timings: list[Timing] = []

    def count(self, what: Count, by: float = 1) -> None:
        self.counts.append(what)

    def observe(self, what: Timing, seconds: float) -> None:
        self.timings.append(what)


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def store(s3: S3, noted: Noted) -> ObjectStore:
    return ObjectStore(s3.bucket, noted)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that is over soon, so that tests are, too."""
    monkeypatch.setattr(attempts, "ATTEMPT", 0.5)
    monkeypatch.setattr(attempts, "PATIENCE", 1.0)


async def in_pieces(data: bytes, size: int = 700_001) -> AsyncIterator[bytes]:
    for first in range(0, len(data), size):
        yield data[first : first + size]


async def read_all(store: ObjectStore, key: str, start: int, size: int) -> bytes:
    async with aclosing(store.pieces(key, start, size)) as pieces:
        return b"".join([bytes(piece) async for piece in pieces])


async def test_a_small_object_takes_one_request_to_put_and_one_to_read(
    s3: S3, store: ObjectStore, noted: Noted
) -> None:
    await store.put("uploads/a", b"some bytes")
    assert await store.read("uploads/a", 5, 3) == b"byt"
    assert s3.proxy.requests == ["PUT", "GET"]
    assert noted.timings == [Timing.STORE_PUT_CONTENT, Timing.STORE_GET_CONTENT]
    assert noted.counts == []


async def test_a_large_object_takes_three_requests_beside_its_parts(
    s3: S3, store: ObjectStore
) -> None:
    data = os.urandom(40 * MIB)
    assert await store.put_pieces("a", in_pieces(data)) == len(data)
    assert s3.proxy.count() == 3 + s3.proxy.count("PART") == 6
    assert await read_all(store, "a", 0, len(data)) == data
    assert await read_all(store, "a", 16 * MIB - 3, 7) == data[16 * MIB - 3 : 16 * MIB + 4]
    assert s3.proxy.count("GET") == 2


async def test_pieces_may_be_overwritten_as_soon_as_the_next_one_is_asked_for(
    store: ObjectStore,
) -> None:
    async def reused() -> AsyncIterator[bytearray]:
        buffer = bytearray(MIB)
        for number in range(20):
            buffer[:] = bytes([number]) * MIB
            yield buffer

    await store.put_pieces("a", reused())
    assert await store.read("a", 7 * MIB, 1) == b"\x07"
    assert await store.read("a", 20 * MIB - 1, 1) == b"\x13"


async def test_a_large_object_takes_bounded_memory_of_pieces(s3: S3, store: ObjectStore) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while taken < 256:
            taken += 1
            yield bytes(MIB)
        await asyncio.Event().wait()

    s3.proxy.fail("PART", "hang", times=100)
    putting = asyncio.ensure_future(store.put_pieces("a", endless()))
    while taken < 48:
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)  # in which more would be taken
    assert taken <= 66
    putting.cancel()


async def test_the_size_of_what_is_not_there_is_none(store: ObjectStore) -> None:
    assert await store.size_of("nothing") is None
    with pytest.raises(LostObject):
        await store.read("nothing", 0, 1)
    with pytest.raises(LostObject):
        await read_all(store, "nothing", 0, 1)


async def test_an_object_that_is_shorter_than_it_was_is_lost(store: ObjectStore) -> None:
    await store.put("a", b"12345")
    for start, size in ((0, 6), (4, 2), (5, 1), (9, 3)):
        with pytest.raises(LostObject):
            await store.read("a", start, size)
        with pytest.raises(LostObject):
            await read_all(store, "a", start, size)


async def test_a_list_has_all_objects_in_order_and_none_of_other_folders(
    s3: S3, store: ObjectStore
) -> None:
    beside = ObjectStore(replace(s3.bucket, root=f"{s3.bucket.root}-2"))
    await beside.put("a", b"x")
    for number in range(5):
        await store.put(f"b/{number}", b"x" * number)
    await store.put("a/0", b"")
    everything = [stored async for page in store.pages() for stored in page]
    assert [stored.key for stored in everything] == ["a/0", *(f"b/{n}" for n in range(5))]
    assert [stored.size for stored in everything] == [0, 0, 1, 2, 3, 4]
    assert all(abs(stored.since - time.time()) < 60 for stored in everything)
    some = [stored.key async for page in store.pages("b") for stored in page]
    assert some == [f"b/{n}" for n in range(5)]


async def test_objects_are_deleted_a_thousand_at_a_time(s3: S3, store: ObjectStore) -> None:
    keys = [f"{number:04}" for number in range(1003)]
    for key in keys:
        await store.put(key, b"")
    s3.proxy.reset()
    await store.delete([*keys, "absent"])
    assert s3.proxy.requests == ["DELETE", "DELETE"]
    assert [page async for page in store.pages()] == []


async def test_who_has_a_signed_address_gets_the_object_and_no_other(
    s3: S3, store: ObjectStore
) -> None:
    await store.put("a", b"some bytes")
    await store.put("b", b"others")
    s3.proxy.reset()
    address = await address_of(store, "a")
    assert s3.proxy.requests == []
    assert await fetch(address) == (200, b"some bytes")
    assert await fetch(address, Range="bytes=5-7") == (206, b"byt")
    assert (await fetch(address.replace("/a?", "/b?")))[0] == 403
    assert (await fetch(address.partition("?")[0]))[0] == 403


async def test_a_signed_address_ends(store: ObjectStore) -> None:
    await store.put("a", b"some bytes")
    address = await address_of(store, "a", 1)
    await asyncio.sleep(2.1)
    assert (await fetch(address))[0] == 403


async def test_a_signed_address_is_that_of_the_public_endpoint(s3: S3) -> None:
    public = replace(s3.bucket, public_endpoint=f"http://localhost:{s3.port}")
    store = ObjectStore(public)
    await store.put("a", b"some bytes")
    address = await address_of(store, "a")
    assert address.startswith(f"http://localhost:{s3.port}/blobs/{s3.bucket.root}/a?")
    assert await fetch(address) == (200, b"some bytes")


@pytest.mark.parametrize("how", ["503", "500", "cut"])
async def test_what_passes_is_repeated(s3: S3, store: ObjectStore, noted: Noted, how: How) -> None:
    s3.proxy.fail("PUT", how, times=2)
    s3.proxy.fail("GET", how, times=2)
    s3.proxy.fail("HEAD", how)
    s3.proxy.fail("LIST", how)
    s3.proxy.fail("DELETE", how)
    await store.put("a", b"some bytes")
    assert await store.read("a", 0, 10) == b"some bytes"
    assert await store.size_of("a") == 10
    assert [stored.key async for page in store.pages() for stored in page] == ["a"]
    await store.delete(["a"])
    assert await store.size_of("a") is None
    assert len(noted.counts) == 7
    reason = {
        "503": Count.STORE_REPEATED_THROTTLED,
        "500": Count.STORE_REPEATED_SERVER_ERROR,
        "cut": Count.STORE_REPEATED_CONNECTION,
    }[how]
    assert set(noted.counts) == {reason}


async def test_what_hangs_is_given_up_and_repeated(
    s3: S3, store: ObjectStore, noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than once on a busy machine, where what does not hang may take as long."""
    monkeypatch.setattr(attempts, "ATTEMPT", 0.5)
    s3.proxy.fail("PUT", "hang")
    s3.proxy.fail("GET", "hang")
    await store.put("a", b"some bytes")
    assert await store.read("a", 0, 10) == b"some bytes"
    assert len(noted.counts) >= 2
    assert set(noted.counts) == {Count.STORE_REPEATED_TIMEOUT}


@pytest.mark.parametrize("how", ["503", "hang", "cut", "elsewhere", "no bucket", "403", "301"])
async def test_what_does_not_pass_is_unavailable_within_a_bound(
    s3: S3, store: ObjectStore, noted: Noted, how: How, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put("a", b"some bytes")
    monkeypatch.setattr(attempts, "ATTEMPT", 0.3)
    monkeypatch.setattr(attempts, "PATIENCE", 0.4)
    kinds: tuple[Kind, ...] = ("PUT", "GET", "HEAD", "LIST", "DELETE")
    for kind in kinds:
        s3.proxy.fail(kind, how, times=1000)
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        await store.put("b", b"some bytes")
    with pytest.raises(Unavailable):
        await store.read("a", 0, 10)
    with pytest.raises(Unavailable):
        await read_all(store, "a", 0, 10)
    with pytest.raises(Unavailable):
        await store.size_of("a")
    with pytest.raises(Unavailable):
        [page async for page in store.pages()]
    with pytest.raises(Unavailable):
        await store.delete(["a"])
    assert time.monotonic() - begun < 6 * 4  # the usual patience would be over after 6 * 12
    assert noted.counts.count(Count.STORE_ERRORS) == 6


async def test_nobody_listening_is_unavailable(s3: S3, impatient: None) -> None:
    store = ObjectStore(replace(s3.bucket, endpoint="http://127.0.0.1:9"))
    with pytest.raises(Unavailable):
        await store.check()


async def test_the_store_is_checked_with_the_bucket_and_the_keys(s3: S3) -> None:
    await ObjectStore(s3.bucket).check()
    for wrong in (replace(s3.bucket, name="nowhere"), replace(s3.bucket, secret_key="wrong")):
        with pytest.raises(Unavailable):
            await ObjectStore(wrong).check()


async def test_a_download_that_is_cut_goes_on_where_it_was(
    s3: S3, store: ObjectStore, noted: Noted
) -> None:
    data = os.urandom(9 * MIB)
    await store.put("a", data)
    s3.proxy.fail("GET", "half", times=3)
    assert await read_all(store, "a", 11, len(data) - 11) == data[11:]
    assert s3.proxy.count("GET") == 4
    assert noted.counts == [Count.STORE_REPEATED_CONNECTION] * 3


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_takes_its_time_does_not_use_up_the_patience(
    s3: S3, store: ObjectStore
) -> None:
    data = os.urandom(9 * MIB)
    await store.put("a", data)
    s3.proxy.fail("GET", "half")
    got = bytearray()
    async with aclosing(store.pieces("a", 0, len(data))) as pieces:
        async for piece in pieces:
            if not got:
                await asyncio.sleep(2)
            got += piece
    assert got == data


async def test_nothing_is_asked_of_pieces_when_their_object_is_given_up(store: ObjectStore) -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(2 * MIB)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    putting = asyncio.ensure_future(store.put_pieces("a", endless()))
    await asyncio.sleep(0.5)
    putting.cancel()
    await asyncio.wait_for(ended.wait(), 60)


@pytest.mark.usefixtures("impatient")
async def test_a_download_of_a_store_that_goes_away_ends_with_an_error(
    s3: S3, store: ObjectStore
) -> None:
    data = os.urandom(9 * MIB)
    await store.put("a", data)
    s3.proxy.fail("GET", "half")
    got = bytearray()

    async def read() -> None:
        async with aclosing(store.pieces("a", 0, len(data))) as pieces:
            async for piece in pieces:
                got.extend(piece)
                s3.proxy.fail("GET", "503", times=1000)

    with pytest.raises(Unavailable):
        await read()
    assert 0 < len(got) < len(data)
    assert data.startswith(got)


@pytest.mark.parametrize("how", ["503", "cut"])
@pytest.mark.parametrize("kind", ["CREATE", "PART", "COMPLETE"])
async def test_parts_are_repeated(s3: S3, store: ObjectStore, kind: Kind, how: How) -> None:
    data = os.urandom(20 * MIB)
    s3.proxy.fail(kind, how)
    await store.put_pieces("a", in_pieces(data))
    assert await store.read("a", 0, len(data)) == data


async def test_parts_whose_joining_fails_after_the_head_of_the_answer_are_joined_again(
    s3: S3, store: ObjectStore
) -> None:
    """A store that takes long for it says 200 first, and an error in the body."""
    data = os.urandom(20 * MIB)
    s3.proxy.fail("COMPLETE", "200")
    await store.put_pieces("a", in_pieces(data))
    assert await store.read("a", 0, len(data)) == data


@pytest.mark.parametrize("how", ["507", "full"])
@pytest.mark.parametrize("kind", ["PUT", "CREATE", "PART", "COMPLETE"])
async def test_a_store_that_is_full_says_so_and_has_nothing_of_the_object(
    s3: S3, store: ObjectStore, kind: Kind, how: How
) -> None:
    s3.proxy.fail(kind, how, times=1000)
    begun = time.monotonic()
    putting = (
        store.put("a", b"x" * 20)
        if kind == "PUT"
        else store.put_pieces("a", in_pieces(b"x" * 20 * MIB))
    )
    with pytest.raises(StorageFull):
        await putting
    assert time.monotonic() - begun < 40
    s3.proxy.reset()
    assert await store.size_of("a") is None


@pytest.mark.parametrize("kind", ["PUT", "COMPLETE"])
async def test_a_lost_answer_is_no_loss(s3: S3, store: ObjectStore, kind: Kind) -> None:
    s3.proxy.fail(kind, "lost answer")
    if kind == "PUT":
        await store.put("a", b"x" * 20)
    else:
        await store.put_pieces("a", in_pieces(b"x" * 20 * MIB))
    assert await store.read("a", 0, 20) == b"x" * 20


async def test_pieces_that_end_by_an_error_are_no_object(store: ObjectStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(20 * MIB)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.put_pieces("a", broken())
    assert await store.size_of("a") is None
    for parts in await unfinished(store, time.time() + 60):
        await store.abort(parts)
    assert await unfinished(store, time.time() + 60) == []


async def test_parts_that_were_never_joined_are_found_and_given_up(
    s3: S3, store: ObjectStore
) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(20 * MIB)
        await asyncio.Event().wait()

    begun = time.time()
    putting = [asyncio.ensure_future(store.put_pieces(f"u/{n}", stalled())) for n in range(2)]
    while s3.proxy.count("PART") < 2:
        await asyncio.sleep(0.05)
    for task in putting:
        task.cancel()
    await asyncio.wait(putting)
    assert await unfinished(store, begun - 60) == []
    found = await unfinished(store, time.time() + 60)
    assert sorted(parts.key for parts in found) == ["u/0", "u/1"]
    assert all(abs(parts.since - begun) < 60 for parts in found)
    for parts in (*found, found[0]):
        await store.abort(parts)
    assert await unfinished(store, time.time() + 60) == []
    assert s3.proxy.count("ABORT") == 3


async def test_a_storage_class_is_kept(s3: S3) -> None:
    await ObjectStore(replace(s3.bucket, storage_class="STANDARD")).put("a", b"x")


async def fetch(address: str, **headers: str) -> tuple[int, bytes]:
    """Get what is at an address, as a client does that was sent there."""
    return await asyncio.to_thread(_fetch, address, headers)


def _fetch(address: str, headers: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


async def test_streams_that_stand_still_take_no_more_memory_the_more_there_are(
    s3: S3, store: ObjectStore
) -> None:
    """Beside them others get all that they ask for; when they end, it streams again."""
    data = os.urandom(16 * MIB)
    await store.put("a", data)
    with Path("/proc/self/statm").open() as file:
        before = resident(file)
        still = [store.pieces("a", 0, len(data)) for _ in range(120)]
        for pieces in still:
            assert len(await anext(pieces)) > 0
        await asyncio.sleep(0.5)
        assert resident(file) - before < 120 * MIB
    assert b"".join([piece async for piece in store.pieces("a", 1, MIB)]) == data[1 : MIB + 1]
    for pieces in still:
        await pieces.aclose()
    asked = s3.proxy.count("GET")
    assert b"".join([piece async for piece in store.pieces("a", 0, len(data))]) == data
    assert s3.proxy.count("GET") == asked + 1


def resident(file: TextIO) -> int:
    file.seek(0)
    return int(file.read().split()[1]) * resource.getpagesize()
