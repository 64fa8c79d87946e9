"""What an object store needs beside pushes, pulls and collections."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from lading.blobs.s3 import object_upkeep
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.ports.object_sources import Chunks
from lading.ports.objects import READING, StoredObject
from tests.support.contents import begin, begun, fetch, store
from tests.support.object_places import Clock, OpenPlace, PlaceInS3
from tests.support.s3 import unfinished

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024


async def in_segments(place: OpenPlace, *parts: bytes) -> Digest:
    """Push a blob in several requests."""
    upload = await begin(place.stores)
    for part in parts:
        async with place.stores.uploads.stage(upload) as staged:
            await staged.write(part)
    digest = Digest.of(b"".join(parts))
    async with place.stores.uploads.stage(upload) as staged:
        await staged.commit(digest)
        await place.stores.uploads.settle(upload, digest)
    return digest


async def join(place: OpenPlace) -> list[Digest]:
    return [digest async for digest in place.upkeep.join(_go_on)]


async def _go_on() -> None:
    """Nobody else has taken over."""


async def strays(place: OpenPlace, before: float) -> list[StoredObject]:
    return [stray async for page in place.upkeep.strays(before) for stray in page]


async def test_blobs_in_segments_become_one_object(
    here: OpenPlace, there: OpenPlace, clock: Clock
) -> None:
    """Those who read the segments go on; later these are deleted. Once is enough."""
    parts = [os.urandom(MIB), os.urandom(7), os.urandom(MIB)]
    digest = await in_segments(here, *parts)
    whole = await store(here.stores, b"whole")
    before = await there.stores.blobs.find(digest)

    assert await join(here) == [digest]
    after = await there.stores.blobs.find(digest)
    assert after is not None
    assert before is not None
    assert after.size == before.size == sum(map(len, parts))
    assert len(after.segments) == 1  # type: ignore[union-attr]
    assert await fetch(after) == await fetch(before) == b"".join(parts)
    assert await join(here) == []

    clock.ahead += 2 * READING
    await here.stores.uploads.tidy(clock())
    assert len(await here.keys()) == 2
    assert await fetch(await here.stores.blobs.find(digest)) == b"".join(parts)
    assert await here.stores.blobs.find(whole) is not None


async def test_who_joins_a_large_blob_says_so_and_stops_when_another_one_does(
    here: OpenPlace,
) -> None:
    """Else each replica would take over from the one before, and all join the same blob."""
    digest = await in_segments(here, os.urandom(3 * MIB), os.urandom(MIB))
    said = 0

    async def lose() -> None:
        nonlocal said
        said += 1
        if said == 3:
            raise Unavailable("another worker has taken over")

    with pytest.raises(Unavailable, match="taken over"):
        _ = [joined async for joined in here.upkeep.join(lose)]
    found = await here.stores.blobs.find(digest)
    assert isinstance(found, Chunks)
    assert len(found.segments) == 2


async def test_pages_without_strays_are_told_too(here: OpenPlace) -> None:
    """Who goes through a large bucket has to say so now and then."""
    await store(here.stores, b"kept")
    assert [list(page) async for page in here.upkeep.strays(0.0)] == [[]]


async def test_segments_that_are_not_what_was_pushed_are_left_alone(here: OpenPlace) -> None:
    """Else the damage would look whole. A check tells a person."""
    digest = await in_segments(here, os.urandom(MIB), os.urandom(MIB))
    first, *_ = await here.keys()
    await here.store.put(first, os.urandom(MIB))
    assert await join(here) == []

    await here.store.delete([first])
    assert await join(here) == []
    found = await here.stores.blobs.find(digest)
    assert len(found.segments) == 2  # type: ignore[union-attr]
    assert len(await here.keys()) == 1


async def test_blobs_that_go_or_become_one_object_while_others_are_joined_are_passed_over(
    here: OpenPlace, there: OpenPlace, caplog: pytest.LogCaptureFixture
) -> None:
    """They are found together, and it may take long until it is their turn."""
    parts = {}
    for _ in range(3):
        some = [os.urandom(MIB), os.urandom(MIB)]
        parts[await in_segments(here, *some)] = some
    first, gone, whole = sorted(parts)

    async def take_long() -> None:
        if await there.stores.blobs.find(gone) is not None:
            await there.stores.blobs.delete([gone])
            await store(there.stores, b"".join(parts[whole]))

    assert [digest async for digest in here.upkeep.join(take_long)] == [first]
    assert "is damaged" not in caplog.text
    assert len(await here.keys()) == 2 * 3 + 2


async def test_a_blob_that_is_pushed_again_while_it_is_joined_is_the_pushed_one(
    here: OpenPlace, there: OpenPlace, clock: Clock
) -> None:
    """What was joined is nobody's then."""
    parts = [os.urandom(MIB), os.urandom(MIB)]
    digest = await in_segments(here, *parts)
    put_pieces = here.store.put_pieces

    async def slowly(key, pieces):  # type: ignore[no-untyped-def]
        size = await put_pieces(key, pieces)
        await store(there.stores, b"".join(parts))
        return size

    here.store.put_pieces = slowly  # type: ignore[method-assign]
    pushed = await join(here)
    assert pushed == []
    clock.ahead += 2 * READING
    await here.stores.uploads.tidy(clock())
    assert len(await here.keys()) == 1
    assert await fetch(await here.stores.blobs.find(digest)) == b"".join(parts)


async def test_strays_are_found_and_nothing_else(here: OpenPlace, clock: Clock) -> None:
    """Neither blobs, nor uploads, nor what is unused and known, nor what is young."""
    await here.upkeep.require_own()
    await store(here.stores, b"kept")
    await begun(here.stores, b"an upload")
    await in_segments(here, b"two", b"segments")
    await join(here)
    async with here.stores.uploads.stage(await begin(here.stores)) as staged:
        await staged.write(b"about to be")
        await staged.finish()
        await here.store.put("objects/00/stray", b"nobody's")
        assert await strays(here, clock() - 60) == []
        found = await strays(here, clock() + 60)
    assert [(stray.key, stray.size) for stray in found] == [("objects/00/stray", 8)]
    await here.upkeep.remove(found)
    assert await strays(here, clock() + 60) == []


async def test_parts_that_were_never_joined_are_found(
    place: PlaceInS3, here: OpenPlace, clock: Clock
) -> None:
    """Unless a request is alive that sends them."""
    upload = await begin(here.stores)

    async def stand_still() -> None:
        async with here.stores.uploads.stage(upload) as staged:
            for _ in range(40):
                await staged.write(os.urandom(MIB))
            # "If any part uploads are currently in progress, those part uploads might or might not
            # succeed" (Amazon S3, AbortMultipartUpload): so those that were sent are to be there.
            while place.s3.proxy.answered.count("PART") < 2:
                await asyncio.sleep(0.05)
            assert place.s3.proxy.count("CREATE") == 1
            assert await strays(here, clock() + 60) == []
            clock.ahead += 20
            (found,) = await strays(here, clock() + 60)
            assert found.size is None
            await here.upkeep.remove([found])
            assert await strays(here, clock() + 60) == []

    with pytest.raises(Unavailable):  # it can be joined no more
        await stand_still()
    assert await here.stores.uploads.size(upload) == 0


async def test_parts_of_others_in_the_bucket_are_left_alone(here: OpenPlace, clock: Clock) -> None:
    """As their objects are: what is not in the folder of objects is nobody's business here."""

    async def stalled() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield os.urandom(MIB)
        await asyncio.Event().wait()

    keys = ("backups/large", "objects/00/large")
    putting = [asyncio.create_task(here.store.put_pieces(key, stalled())) for key in keys]
    while len(await unfinished(here.store, clock() + 60)) < len(keys):
        await asyncio.sleep(0.05)
    assert [stray.key for stray in await strays(here, clock() + 60)] == ["objects/00/large"]
    for task in putting:
        task.cancel()
    await asyncio.wait(putting)


async def test_parts_of_an_object_that_is_there_are_found(
    place: PlaceInS3, here: OpenPlace, clock: Clock
) -> None:
    """As when the answer to who began them was lost, and they were begun once more."""
    place.s3.proxy.fail("CREATE", "lost answer")
    data = os.urandom(20 * MIB)
    digest = await store(here.stores, data)
    assert place.s3.proxy.count("CREATE") == 2

    (found,) = await strays(here, clock() + 60)
    assert [found.key] == await here.keys()
    await here.upkeep.remove([found])
    assert await strays(here, clock() + 60) == []
    assert await fetch(await here.stores.blobs.find(digest)) == data


async def test_many_parts_are_given_up_a_few_at_a_time(
    here: OpenPlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by a request of its own: whoever does it says between them that it is still there."""
    monkeypatch.setattr(object_upkeep, "PARTS", 2)

    async def stalled() -> AsyncIterator[bytes]:
        yield os.urandom(20 * MIB)
        await asyncio.Event().wait()

    keys = [f"objects/00/{number}" for number in range(3)]
    putting = [asyncio.create_task(here.store.put_pieces(key, stalled())) for key in keys]
    while len(await unfinished(here.store, clock() + 60)) < len(keys):
        await asyncio.sleep(0.05)
    for task in putting:
        task.cancel()
    await asyncio.wait(putting)
    pages = [page async for page in here.upkeep.strays(clock() + 60) if page]
    assert [len(page) for page in pages] == [2, 1]
