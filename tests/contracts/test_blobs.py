"""What every adapter of `Blobs` promises, sentence by sentence."""

import asyncio
import os

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import SHA512, Digest
from tests.support.contents import begun, fetch, store

WRONG = Digest.of(b"something else")


async def test_a_blob_that_was_read_before_is_found_until_it_is_deleted(stores: Stores) -> None:
    """As long as it is there, as often as it is asked for."""
    digest = await store(stores, b"hello")
    for _ in range(2):
        assert await fetch(await stores.blobs.find(digest)) == b"hello"

    await stores.blobs.delete([digest])
    assert await stores.blobs.find(digest) is None


@pytest.mark.parametrize("size", [5, 1_000_000])
async def test_parts_of_a_blob_are_read_from_where_it_is(stores: Stores, size: int) -> None:
    """At once, or a piece at a time."""
    data = os.urandom(size)
    found = await stores.blobs.find(await store(stores, data))

    assert found is not None
    assert found.size == size
    with found.open() as opened:
        for start, count in ((0, size), (1, size - 2), (size - 1, 1)):
            pieces = [bytes(piece) async for piece in opened.pieces(start, count)]
            assert b"".join(pieces) == data[start : start + count]
            assert await opened.read(start, count) == data[start : start + count]


async def test_what_is_there_of_a_blob_is_told_without_reading_it(
    stores: Stores, others: Stores
) -> None:
    """The same to all workers, until other bytes take their place."""
    digest = await store(stores, b"hello")
    stored = await stores.blobs.stat(digest)

    assert stored is not None
    assert stored.size == 5
    assert await others.blobs.stat(digest) == stored
    assert await stores.blobs.stat(WRONG) is None


async def test_bytes_taken_aside_are_no_blob_any_more(stores: Stores) -> None:
    """Wherever they were found before; a person is told where they are."""
    digest = await store(stores, b"hello")
    await stores.blobs.find(digest)

    assert await stores.blobs.quarantine(digest)
    assert await stores.blobs.find(digest) is None
    assert await stores.blobs.hash(digest, lambda _: None) is None
    assert await stores.blobs.quarantine(digest) is None


async def test_all_bytes_are_hashed_as_they_are_read(stores: Stores) -> None:
    """Which is told, for those who wait."""
    digest, told = await store(stores, b"hello", SHA512), list[int]()

    assert await stores.blobs.hash(digest, told.append) == digest
    assert sum(told) == 5


async def test_the_same_bytes_under_two_algorithms_are_two_blobs(stores: Stores) -> None:
    """Deleting one leaves the other."""
    first, second = await store(stores, b"hello"), await store(stores, b"hello", SHA512)

    await stores.blobs.delete([first])

    assert await stores.blobs.find(first) is None
    assert await fetch(await stores.blobs.find(second)) == b"hello"


async def test_nothing_is_a_blob_too(stores: Stores) -> None:
    """An upload without any bytes can be committed."""
    digest = await store(stores, b"")

    assert await fetch(await stores.blobs.find(digest)) == b""


async def test_a_blob_is_found_by_all_workers(stores: Stores, others: Stores) -> None:
    """And is gone for all of them."""
    digest = await store(stores, b"hello")
    assert await fetch(await others.blobs.find(digest)) == b"hello"

    await others.blobs.delete([digest])

    assert await stores.blobs.find(digest) is None


async def test_a_blob_that_is_not_there_is_not_found(stores: Stores) -> None:
    """And deleting it does nothing."""
    await stores.blobs.delete([WRONG])
    assert await stores.blobs.find(WRONG) is None


async def test_a_deleted_blob_can_be_stored_again(stores: Stores) -> None:
    """At once, under the same name."""
    digest = await store(stores, b"hello")
    await stores.blobs.delete([digest])
    assert await store(stores, b"hello") == digest

    assert await fetch(await stores.blobs.find(digest)) == b"hello"


async def test_digests_are_those_of_all_blobs_and_of_nothing_else(stores: Stores) -> None:
    """Uploads are no blobs, nor is what was deleted."""
    kept = {await store(stores, b"%d" % number) for number in range(5)}
    kept.add(await store(stores, b"0", SHA512))
    await stores.blobs.delete([await store(stores, b"deleted")])
    await begun(stores, b"not committed")

    assert sorted([digest async for digest in stores.blobs.digests()]) == sorted(kept)


async def test_one_blob_is_committed_by_many_at_once(stores: Stores, others: Stores) -> None:
    """Each succeeds, and there is one blob."""
    digest = Digest.of(b"hello")
    await asyncio.gather(*(store(each, b"hello") for each in [stores, others] * 10))

    assert await fetch(await stores.blobs.find(digest)) == b"hello"
    assert [found async for found in stores.blobs.digests()] == [digest]
