"""Blobs in an object store that does not keep what it was given."""

import asyncio
import os
import urllib.request
from contextlib import aclosing

import pytest

from lading.blobs.s3 import unused_objects
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.ports.object_sources import Chunks, LostObject
from lading.ports.objects import READING
from tests.support.contents import begun, fetch, store
from tests.support.object_places import OpenPlace, PlaceInS3
from tests.support.segments import taken

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024


async def test_a_lost_object_is_noticed_when_it_is_read(here: OpenPlace) -> None:
    """The rows do not know; whoever looks closely does."""
    digest = await store(here.stores, os.urandom(MIB))
    await here.store.delete(await here.keys())

    found = await here.stores.blobs.find(digest)
    with pytest.raises(LostObject):
        await fetch(found)
    assert await here.stores.blobs.stat(digest) is not None
    assert await here.stores.blobs.stat(digest, closely=True) is None
    assert await here.stores.blobs.hash(digest, lambda _: None) is None


async def test_a_short_object_is_noticed_when_it_is_read(here: OpenPlace) -> None:
    """Its size is told to who looks closely."""
    digest = await store(here.stores, os.urandom(MIB))
    (key,) = await here.keys()
    await here.store.put(key, os.urandom(MIB - 1))

    with pytest.raises(LostObject):
        await fetch(await here.stores.blobs.find(digest))
    stored = await here.stores.blobs.stat(digest, closely=True)
    assert stored is not None
    assert stored.size == MIB - 1
    assert await here.stores.blobs.hash(digest, lambda _: None) is None


async def test_a_small_blob_whose_bytes_changed_is_not_served(here: OpenPlace) -> None:
    """It counts as not there, so that it is looked at again, and pushed again."""
    digest = await store(here.stores, b"hello")
    (key,) = await here.keys()
    await here.store.put(key, b"hullo")

    assert await here.stores.blobs.find(digest) is None
    assert await here.stores.blobs.hash(digest, lambda _: None) not in {None, digest}
    await store(here.stores, b"hello")
    assert await fetch(await here.stores.blobs.find(digest)) == b"hello"


async def test_a_store_that_is_away_says_nothing_about_blobs(
    place: PlaceInS3, here: OpenPlace
) -> None:
    """None of them counts as lost for that."""
    digest = await store(here.stores, os.urandom(MIB))
    for kind in ("GET", "HEAD"):
        place.s3.proxy.fail(kind, "403", times=100)

    with pytest.raises(Unavailable):
        await here.stores.blobs.hash(digest, lambda _: None)
    with pytest.raises(Unavailable):
        await here.stores.blobs.stat(digest, closely=True)


async def test_blobs_are_deleted_many_in_one_request(place: PlaceInS3, here: OpenPlace) -> None:
    """And one that was pushed again meanwhile has another key, so that it stays."""
    await here.upkeep.require_own()
    contents = [b"%d" % number for number in range(30)]
    digests = [await store(here.stores, content) for content in contents]
    place.s3.proxy.reset()

    await here.stores.blobs.delete(digests)
    assert place.s3.proxy.requests == []
    assert await here.metadata.objects.count_unused() == (30, sum(map(len, contents)), 0)
    again = await store(here.stores, contents[7])
    place.s3.proxy.reset()
    place.clock.ahead += 2 * READING  # type: ignore[attr-defined]
    await here.stores.uploads.tidy(place.clock())

    assert place.s3.proxy.requests == ["GET", "DELETE"]  # whose the objects are, first
    assert len(await here.keys()) == 1
    assert await fetch(await here.stores.blobs.find(again)) == contents[7]
    assert await here.metadata.objects.count_unused() == (0, 0, 0)


@pytest.mark.parametrize("piped", [False, True])
async def test_every_reader_of_a_collected_blob_goes_on(
    place: PlaceInS3, here: OpenPlace, piped: bool
) -> None:
    """Who streams it, asks for a range of it, or comes a minute later to where it was sent.

    On files an open descriptor does that; a store would say that nothing is there.
    """
    data = os.urandom(24 * MIB)
    digest = await store(here.stores, data)
    found = await here.stores.blobs.find(digest)
    assert isinstance(found, Chunks)
    sent_to = await found.address(600)
    assert sent_to is not None
    place.s3.proxy.fail("GET", "half")  # so that the rest is asked for anew
    parts = found.piped(0, len(data)) if piped else found.pieces(0, len(data))
    async with aclosing(parts) as pieces:
        read = taken(await anext(pieces))
        await here.stores.blobs.delete([digest])
        place.clock.ahead += 1800  # type: ignore[attr-defined]
        await here.stores.uploads.tidy(place.clock())
        async for piece in pieces:
            read += taken(piece)
    assert read == data
    assert place.s3.proxy.count("GET") > 1
    assert await found.read(MIB, 7) == data[MIB : MIB + 7]
    assert await asyncio.to_thread(_get, sent_to) == data
    assert await here.stores.blobs.find(digest) is None


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:
        body: bytes = answer.read()
        return body


async def test_much_that_nothing_needs_is_deleted_in_steps(
    place: PlaceInS3, here: OpenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the lease of the collection that does it would end meanwhile."""
    digests = [await store(here.stores, b"%d" % number) for number in range(5)]
    await here.stores.blobs.delete(digests)
    place.clock.ahead += 2 * READING  # type: ignore[attr-defined]
    monkeypatch.setattr(unused_objects, "BATCH", 2)
    monkeypatch.setattr(unused_objects, "TIDYING", 1e-9)
    place.s3.proxy.reset()

    for left in (3, 1, 0):
        await here.stores.uploads.tidy(place.clock())
        assert len(await here.keys()) == left
    assert place.s3.proxy.count("DELETE") == 3


async def test_a_deletion_that_the_store_does_not_take_is_done_later(
    place: PlaceInS3, here: OpenPlace
) -> None:
    """The blob is gone at once; its object is known to be nobody's."""
    digest = await store(here.stores, b"hello")
    place.s3.proxy.fail("DELETE", "403", times=100)
    await here.stores.blobs.delete([digest])
    assert await here.stores.blobs.find(digest) is None
    place.clock.ahead += 2 * READING  # type: ignore[attr-defined]
    with pytest.raises(Unavailable):
        await here.stores.uploads.tidy(place.clock())
    assert len(await here.keys()) == 1

    place.s3.proxy.reset()
    place.clock.ahead += 2 * READING  # type: ignore[attr-defined]
    await here.stores.uploads.tidy(place.clock())
    assert await here.keys() == []


async def test_whose_objects_are_is_asked_before_a_deletion_and_seldom_where_that_fails(
    place: PlaceInS3, here: OpenPlace
) -> None:
    """A collection has many steps, and waits in each for as long as a store is asked again."""
    await here.upkeep.require_own()
    place.s3.proxy.reset()
    await here.stores.uploads.tidy(place.clock())
    assert place.s3.proxy.requests == [], "nothing is to be deleted"

    await here.stores.blobs.delete([await store(here.stores, b"hello")])
    place.clock.ahead += 2 * READING  # type: ignore[attr-defined]
    place.s3.proxy.fail("GET", "403", times=100)
    with pytest.raises(Unavailable):
        await here.stores.uploads.tidy(place.clock())
    asked = place.s3.proxy.count("GET")
    await here.stores.uploads.tidy(place.clock())
    assert place.s3.proxy.count("GET") == asked
    assert len(await here.keys()) == 1


async def test_bytes_in_quarantine_stay_in_the_store(place: PlaceInS3, here: OpenPlace) -> None:
    """A person is told under which keys; nothing deletes them."""
    digest = await store(here.stores, b"hello")
    where = await here.stores.blobs.quarantine(digest)
    (key,) = await here.keys()
    assert where is not None
    assert key in where

    place.clock.ahead += 2 * READING  # type: ignore[attr-defined]
    await here.stores.uploads.tidy(place.clock())
    strays = [stray async for page in here.upkeep.strays(place.clock()) for stray in page]
    assert strays == []
    assert await here.keys() == [key]


async def test_segments_are_one_blob(here: OpenPlace) -> None:
    """Each is read where it is, as far as it is asked for."""
    first, second = os.urandom(MIB), os.urandom(MIB)
    upload = await begun(here.stores, first)
    async with here.stores.uploads.stage(upload) as staged:
        await staged.write(second)
        digest = Digest.of(first + second)
        await staged.commit(digest)
    found = await here.stores.blobs.find(digest)

    assert isinstance(found, Chunks)
    assert len(found.segments) == 2
    assert await fetch(found) == first + second
    assert await found.read(MIB - 2, 4) == first[-2:] + second[:2]
    stored = await here.stores.blobs.stat(digest, closely=True)
    assert stored == await here.stores.blobs.stat(digest)
