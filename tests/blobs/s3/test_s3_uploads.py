"""Uploads to an object store: what they cost, what of them lasts, and who may write to them."""

import asyncio
import errno
import os
from contextlib import suppress

import pytest

from lading.blobs.s3 import object_writer, staged_objects, waiting_files
from lading.blobs.s3.object_room import ObjectRoom
from lading.blobs.s3.object_writer import FROM_FILE, MEMORY, WHOLE
from lading.blobs.s3.staged_objects import LEASE
from lading.blobs.s3.waiting_files import DISK
from lading.core.digest import SHA512, Digest
from lading.core.errors import (
    DigestMismatch,
    Unavailable,
    UploadInvalid,
    UploadOutOfOrder,
    UploadUnknown,
)
from lading.core.names import UploadKey
from lading.metadata import uploads
from lading.ports.object_sources import Chunks
from lading.ports.objects import READING
from lading.system.room import Budget
from tests.support.contents import begin, begun, fetch, store
from tests.support.object_places import Clock, OpenPlace, PlaceInS3

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024


async def write(place: OpenPlace, upload: UploadKey, data: bytes) -> None:
    """Write to an upload in a request of its own, in pieces as they come from the network."""
    async with place.stores.uploads.stage(upload) as staged:
        for start in range(0, len(data), MIB):
            await staged.write(data[start : start + MIB])


async def commit(place: OpenPlace, upload: UploadKey, data: bytes) -> Digest:
    digest = Digest.of(data)
    async with place.stores.uploads.stage(upload) as staged, place.stores.locks.lock(digest):
        await staged.commit(digest)
        await place.stores.uploads.settle(upload, digest)
    return digest


@pytest.mark.parametrize(
    ("size", "kinds"),
    [
        (0, ["PUT"]),
        (4096, ["PUT"]),
        (WHOLE, ["PUT"]),
        (WHOLE + 1, ["CREATE", "PART", "PART", "COMPLETE", "HEAD"]),
        (40 * MIB, ["CREATE", "PART", "PART", "PART", "COMPLETE", "HEAD"]),
    ],
)
async def test_a_push_is_as_many_requests_as_it_has_to_be(
    place: PlaceInS3, here: OpenPlace, size: int, kinds: list[str]
) -> None:
    """Nothing is copied when it becomes a blob; what was joined of parts is looked for once."""
    data, requests = os.urandom(size), place.s3.proxy.requests
    upload = await begin(here.stores)
    if size:
        await write(here, upload, data)
    digest = await commit(here, upload, data)
    assert requests == kinds

    assert await here.stores.blobs.stat(digest) is not None
    found = await here.stores.blobs.find(digest)
    if isinstance(found, Chunks):
        assert requests == kinds
        assert len(found.segments) == 1
    assert await fetch(found) == data


async def test_requests_that_reach_other_replicas_go_on_where_the_last_one_ended(
    place: PlaceInS3, here: OpenPlace, there: OpenPlace
) -> None:
    """The state of the hash goes with the upload: nothing is read back."""
    data = os.urandom(100_001)
    upload = await begin(here.stores)
    for number, start in enumerate(range(0, len(data), 9_999)):
        await write((here, there)[number % 2], upload, data[start : start + 9_999])
    digest = await commit(there, upload, data)

    assert place.s3.proxy.count("GET", "HEAD", "LIST") == 0
    assert await fetch(await here.stores.blobs.find(digest)) == data


async def test_an_upload_is_not_as_many_objects_as_a_client_likes(
    here: OpenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a request of every pull; but what has come so far can be finished."""
    monkeypatch.setattr(uploads, "MOST_SMALL", 3)
    upload = await begin(here.stores)
    for _ in range(3):
        await write(here, upload, b"x")
    with pytest.raises(UploadInvalid, match="send larger ones"):
        await write(here, upload, b"x")
    digest = await commit(here, upload, b"xxx")
    assert await fetch(await here.stores.blobs.find(digest)) == b"xxx"


async def test_another_algorithm_than_expected_is_read_once(
    place: PlaceInS3, here: OpenPlace
) -> None:
    """From all segments, in their order."""
    upload = await begun(here.stores, b"hello ")
    await write(here, upload, b"world")
    digest = Digest.of(b"hello world", SHA512)
    async with here.stores.uploads.stage(upload) as staged:
        await staged.commit(digest)

    assert place.s3.proxy.count("GET") == 2
    assert await fetch(await here.stores.blobs.find(digest)) == b"hello world"


async def test_a_replica_that_is_killed_leaves_what_was_acknowledged(
    here: OpenPlace, there: OpenPlace, clock: Clock
) -> None:
    """Another one goes on there, once the first has not said for some seconds that it is there."""
    upload = await begun(here.stores, b"hello ")
    staged = await here.stores.uploads.stage(upload).__aenter__()  # and never leaves
    await staged.write(b"wor")

    with pytest.raises(UploadOutOfOrder):
        await write(there, upload, b"world")
    clock.ahead += LEASE + 1
    assert await there.stores.uploads.size(upload) == 6
    await write(there, upload, b"world")
    digest = await commit(there, upload, b"hello world")

    assert await fetch(await there.stores.blobs.find(digest)) == b"hello world"


async def test_a_request_that_stood_still_for_too_long_changes_nothing(
    here: OpenPlace, there: OpenPlace, clock: Clock
) -> None:
    """Another one had the upload since: what the first brings is not acknowledged."""
    upload = await begun(here.stores, b"hello ")

    async def stand_still() -> None:
        async with here.stores.uploads.stage(upload) as staged:
            await staged.write(b"all")
            clock.ahead += LEASE + 1
            await write(there, upload, b"wor")

    with pytest.raises(UploadOutOfOrder) as refused:
        await stand_still()
    assert refused.value.size == 9

    await write(there, upload, b"ld")
    digest = await commit(there, upload, b"hello world")
    assert await fetch(await there.stores.blobs.find(digest)) == b"hello world"


async def test_a_request_that_fails_for_another_reason_does_not_have_its_upload_for_ever(
    here: OpenPlace, there: OpenPlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where memory is short: from then on it does not say any more that it has it."""

    async def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(staged_objects, "RENEWAL", 0.02)
    upload = await begun(here.stores)
    monkeypatch.setattr(here.store, "put", fail)
    with pytest.raises(MemoryError):
        await write(here, upload, b"hello")
    clock.ahead += LEASE + 1
    await asyncio.sleep(0.5)
    await write(there, upload, b"hello")


async def test_a_request_that_is_cancelled_while_its_object_is_joined_leaves_nothing_behind(
    place: PlaceInS3,
    here: OpenPlace,
    there: OpenPlace,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither its hold on the upload, nor what it has taken of the memory for all uploads."""
    monkeypatch.setattr(staged_objects, "RENEWAL", 0.02)
    place.s3.proxy.fail("COMPLETE", "hang", times=100)
    upload, budget = await begun(here.stores), here.stores.uploads._room.budget  # type: ignore[attr-defined]

    async def request() -> None:
        async with here.stores.uploads.stage(upload) as staged:
            for _ in range(WHOLE // MIB + 1):
                await staged.write(bytes(MIB))
            await staged.finish()

    given_up = asyncio.create_task(request())
    while "COMPLETE" not in place.s3.proxy.requests:
        await asyncio.sleep(0.02)
    assert not budget.has(MEMORY)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert budget.has(MEMORY)
    clock.ahead += LEASE + 1
    await asyncio.sleep(0.5)
    await write(there, upload, b"hello")


async def test_a_request_has_its_upload_for_as_long_as_it_lasts(
    here: OpenPlace, there: OpenPlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so again and again."""
    monkeypatch.setattr(staged_objects, "RENEWAL", 0.02)
    renewals, renew = 0, here.metadata.uploads.renew

    async def noting(upload: UploadKey, generation: int, until: float) -> bool:
        nonlocal renewals
        held = await renew(upload, generation, until)
        renewals += 1
        return held

    monkeypatch.setattr(here.metadata.uploads, "renew", noting)
    upload = await begun(here.stores)
    async with here.stores.uploads.stage(upload) as staged:
        for _ in range(3):
            clock.ahead += LEASE - 1
            enough = renewals + 2  # one of which begins after this
            while renewals < enough:
                await asyncio.sleep(0.02)
            with pytest.raises(UploadOutOfOrder):
                await there.stores.uploads.stage(upload).__aenter__()
        await staged.write(b"hello")


async def test_what_came_before_a_client_went_away_is_kept(here: OpenPlace) -> None:
    """Also of an object that is sent in parts: it ends there."""
    data = os.urandom(20 * MIB)
    upload = await begin(here.stores)
    with suppress(ConnectionError):
        async with here.stores.uploads.stage(upload) as staged:
            for start in range(0, len(data), MIB):
                await staged.write(data[start : start + MIB])
            raise ConnectionError
    assert await here.stores.uploads.size(upload) == len(data)

    await write(here, upload, b"!")
    digest = await commit(here, upload, data + b"!")
    assert await fetch(await here.stores.blobs.find(digest)) == data + b"!"


async def test_a_client_that_leaves_while_the_store_hangs_leaves_nothing_behind_soon(
    place: PlaceInS3, here: OpenPlace, there: OpenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came last is not waited for as long as the store may take for it."""
    monkeypatch.setattr(staged_objects, "LEAVING", 0.5)
    monkeypatch.setattr(object_writer, "GIVING_UP", 0.5)
    place.s3.proxy.fail("PART", "hang", times=100)
    upload, budget = await begun(here.stores), here.stores.uploads._room.budget  # type: ignore[attr-defined]
    with suppress(ConnectionError):
        async with here.stores.uploads.stage(upload) as staged:
            for _ in range(20):
                await staged.write(bytes(MIB))
            began = asyncio.get_running_loop().time()
            raise ConnectionError
    assert asyncio.get_running_loop().time() - began < 30  # the store would hang for an hour
    async with asyncio.timeout(60):
        while not budget.has(MEMORY):
            await asyncio.sleep(0.01)
    place.s3.proxy.reset()
    await write(there, upload, b"hello")
    assert await here.stores.uploads.size(upload) == 5


@pytest.mark.parametrize("size", [5, 20 * MIB])
async def test_bytes_that_the_store_does_not_take_are_not_acknowledged(
    place: PlaceInS3, here: OpenPlace, size: int
) -> None:
    """The upload is as it was; it can go on when the store is there again."""
    upload = await begun(here.stores, b"hello ")
    for kind in ("PUT", "PART"):
        place.s3.proxy.fail(kind, "403", times=100)
    with pytest.raises(Unavailable):
        await write(here, upload, os.urandom(size))
    assert await here.stores.uploads.size(upload) == 6

    place.s3.proxy.faults.clear()
    await write(here, upload, b"world")
    digest = await commit(here, upload, b"hello world")
    assert await fetch(await here.stores.blobs.find(digest)) == b"hello world"


def spend(here: OpenPlace, *, but: int) -> ObjectRoom:
    """Have others take all memory but so much."""
    room: ObjectRoom = here.stores.uploads._room  # type: ignore[attr-defined]
    assert room.budget.take(object_writer.MEMORY - but)
    return room


@pytest.mark.parametrize(
    ("size", "puts"), [(7 * MIB, 1), (FROM_FILE, 1), (FROM_FILE + 1, 2), (3 * FROM_FILE, 3)]
)
async def test_what_finds_no_memory_waits_in_a_file(
    place: PlaceInS3, here: OpenPlace, size: int, puts: int
) -> None:
    """So objects stay large; in the end all of memory and disk is given back."""
    room = spend(here, but=2 * MIB)
    data = os.urandom(size)
    upload = await begin(here.stores)
    await write(here, upload, data)
    digest = await commit(here, upload, data)

    assert place.s3.proxy.requests == ["PUT"] * puts
    assert room.budget.has(2 * MIB)
    assert room.files.budget.has(DISK)
    assert await fetch(await here.stores.blobs.find(digest)) == data


async def test_a_file_whose_object_the_store_does_not_take_is_not_acknowledged(
    place: PlaceInS3, here: OpenPlace
) -> None:
    room = spend(here, but=0)
    upload = await begun(here.stores, b"hello ")
    place.s3.proxy.fail("PUT", "403", times=100)
    with pytest.raises(Unavailable):
        await write(here, upload, os.urandom(3 * MIB))
    assert await here.stores.uploads.size(upload) == 6
    assert room.files.budget.has(DISK)


@pytest.mark.parametrize("full", ["budget", "disk"])
async def test_where_the_disk_has_no_room_either_objects_are_smaller(
    place: PlaceInS3,
    here: OpenPlace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    full: str,
) -> None:
    """Nobody waits for it: what does not fit is stored at once, and the next object begins."""
    room = spend(here, but=2 * MIB)
    if full == "budget":
        assert room.files.budget.take(DISK)
    else:
        monkeypatch.setattr(waiting_files, "write_at", no_space)
    data = os.urandom(7 * MIB)
    upload = await begin(here.stores)
    await write(here, upload, data)
    digest = await commit(here, upload, data)

    assert place.s3.proxy.requests == ["PUT"] * 4
    assert room.budget.has(2 * MIB)
    assert not room.budget.has(2 * MIB + 1)
    assert await fetch(await here.stores.blobs.find(digest)) == data
    assert caplog.text.count("cannot wait on the disk") == (full == "disk")


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_many_uploads_at_once_keep_to_their_budget(here: OpenPlace) -> None:
    """Whatever the mixture of whole objects and parts; in the end all of it is given back."""
    budget, least = Budget(80 * MIB), 80 * MIB
    object.__setattr__(here.stores.uploads._room, "budget", budget)  # type: ignore[attr-defined]

    async def push(seed: int) -> None:
        nonlocal least
        data = bytes([seed]) * (20 * MIB)
        upload = await begin(here.stores)
        async with here.stores.uploads.stage(upload) as staged:
            for start in range(0, len(data), MIB):
                await staged.write(data[start : start + MIB])
                least = min(least, budget._left)
        digest = await commit(here, upload, data)
        assert await fetch(await here.stores.blobs.find(digest)) == data

    await asyncio.gather(*(push(seed) for seed in range(4)))

    assert least >= -4 * MIB
    assert budget._left == 80 * MIB


async def test_going_back_leaves_objects_that_nothing_needs(
    place: PlaceInS3, here: OpenPlace, clock: Clock
) -> None:
    """They are deleted when nobody can be reading them any more."""
    upload = await begun(here.stores, b"hello ")
    async with here.stores.uploads.stage(upload) as staged:
        await staged.write(b"word")
        await staged.finish()
        await staged.rewind(6)
        await staged.write(b"world")
    digest = await commit(here, upload, b"hello world")
    assert place.s3.proxy.count("GET") == 0
    assert len(await here.keys()) == 3

    clock.ahead += 2 * READING
    await here.stores.uploads.tidy(clock())
    assert len(await here.keys()) == 2
    assert await fetch(await here.stores.blobs.find(digest)) == b"hello world"


async def test_a_wrong_digest_of_one_request_leaves_the_upload_as_it_was(
    here: OpenPlace,
) -> None:
    """Without reading anything back."""
    upload = await begun(here.stores, b"hello ")
    async with here.stores.uploads.stage(upload) as staged:
        await staged.write(b"word")
        with pytest.raises(DigestMismatch):
            await staged.verify(Digest.of(b"hello world"))
        await staged.rewind(6)
    await write(here, upload, b"world")
    digest = await commit(here, upload, b"hello world")
    assert await fetch(await here.stores.blobs.find(digest)) == b"hello world"


async def test_a_second_push_replaces_objects_and_readers_of_the_first_go_on(
    here: OpenPlace, clock: Clock
) -> None:
    """A key is never used twice, so what somebody reads does not change under the reader."""
    data = os.urandom(MIB)
    digest = await store(here.stores, data)
    first = await here.stores.blobs.find(digest)
    assert await store(here.stores, data) == digest
    assert await here.stores.blobs.find(digest) != first
    assert await fetch(first) == data

    clock.ahead += 2 * READING
    await here.stores.uploads.tidy(clock())
    assert len(await here.keys()) == 1
    assert await fetch(await here.stores.blobs.find(digest)) == data


async def test_a_discarded_upload_takes_its_objects_along(
    here: OpenPlace, there: OpenPlace
) -> None:
    """At once; and what a request writes that did not know is no upload, as it is told."""
    upload = await begun(here.stores, b"hello ")
    staging = here.stores.uploads.stage(upload)
    staged = await staging.__aenter__()
    await there.stores.uploads.discard(upload)
    assert await here.keys() == []
    await staged.write(b"world")
    with pytest.raises(UploadUnknown):
        await staging.__aexit__(None, None, None)
    with pytest.raises(UploadUnknown):
        await here.stores.uploads.size(upload)
