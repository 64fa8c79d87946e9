"""Pushing a blob: in one request, in many, again, wrongly, and broken off anywhere."""

import asyncio
import itertools
import os
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lading.blobs.stores import Stores
from lading.core.access import ANYBODY, EVERY_ACCESS, Action, Grant
from lading.core.digest import SHA256, SHA512, Digest
from lading.core.errors import (
    BlobUnknown,
    DigestInvalid,
    DigestMismatch,
    SizeMismatch,
    TooManyRequests,
    Unavailable,
    UploadOutOfOrder,
    UploadUnknown,
)
from lading.core.names import UploadId
from lading.core.ranges import ByteRange
from lading.metadata.attempts import Attempts
from lading.metadata.links import Links
from lading.services import push_blob
from lading.services.chunks import Chunk
from lading.services.pull import pull_blob
from tests.support.contents import HELLO, OTHER, path_of, read
from tests.support.disk import Disk
from tests.support.people import People, pieces
from tests.support.rows import open_metadata

DATA = b"hello world"
DIGEST = Digest.of(DATA)


def of_nobody(grant: Grant) -> Grant:
    """Return the same grant for a caller that has no name."""
    return Grant(grant.repository, grant.actions, ANYBODY)


def chunk(data: bytes, *, start: int | None = None) -> Chunk:
    """Return the chunk of a client that says where it belongs, or not."""
    named = None if start is None else ByteRange(start, start + len(data))
    return Chunk(pieces(data), named, len(data))


def broken_off(data: bytes) -> Chunk:
    """Return the chunk of a client that goes away after these bytes."""

    async def until_gone() -> AsyncIterator[bytes]:
        yield data
        raise ConnectionError("the client went away")

    return Chunk(until_gone())


def hanging(data: bytes, arrived: asyncio.Event) -> Chunk:
    """Return the chunk of a client that sends these bytes and then nothing."""

    async def for_ever() -> AsyncIterator[bytes]:
        yield data
        arrived.set()
        await asyncio.sleep(60)

    return Chunk(for_ever())


async def started(people: People, data: bytes = b"") -> UploadId:
    """Start an upload and give it some bytes."""
    upload = await push_blob.start(people.registry, people.may())
    await push_blob.append(people.registry, people.may(), upload, chunk(data))
    return upload


async def commit(people: People, upload: UploadId, last: Chunk, digest: Digest = DIGEST) -> None:
    """Finish an upload."""
    await push_blob.commit(
        people.registry, people.may(), upload, digest, last, change=people.change()
    )


async def size(people: People, upload: UploadId) -> int:
    """Ask how far an upload is."""
    return await push_blob.status(people.registry, people.may(), upload)


async def pulled(people: People, digest: Digest = DIGEST) -> bytes:
    """Pull a blob."""
    blob = await pull_blob(people.registry, people.may(), digest)
    data = read(blob.source)
    assert (blob.digest, blob.size) == (digest, len(data))
    return data


async def is_empty(people: People) -> bool:
    """Whether the store has nothing, be it a blob or an upload."""
    return not await people.stored() and not await people.uploads.list_all()


async def test_a_blob_is_pushed_in_one_request(people: People) -> None:
    """And nothing else is left of the push."""
    await push_blob.push_whole(
        people.registry, people.may(), DIGEST, chunk(DATA), change=people.change()
    )

    assert await pulled(people) == DATA
    assert await people.uploads.list_all() == []


async def test_a_push_that_takes_days_counts_from_its_end(people: People) -> None:
    """Or its blob could be collected before the manifest comes that needs it."""

    async def slowly() -> AsyncIterator[bytes]:
        people.now += 2 * people.policy.grace
        yield DATA

    await push_blob.push_whole(
        people.registry, people.may(), DIGEST, Chunk(slowly()), change=people.change()
    )
    assert await people.collect() == []
    assert await people.stored() == {DIGEST}


async def test_a_blob_is_pushed_in_chunks(people: People) -> None:
    """With the last one, if any, in the request that finishes it."""
    for split in (0, 5, len(DATA)):
        upload = await started(people)
        for start, data in ((0, DATA[:2]), (2, DATA[2:split])):
            await push_blob.append(people.registry, people.may(), upload, chunk(data, start=start))
        await commit(people, upload, chunk(DATA[max(2, split) :]))

    assert await pulled(people) == DATA
    assert await people.uploads.list_all() == []


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
async def test_either_algorithm_will_do(people: People, algorithm: str) -> None:
    """Whether or not it was announced."""
    digest = Digest.of(DATA, SHA512)
    upload = await push_blob.start(people.registry, people.may(), algorithm)
    await commit(people, upload, chunk(DATA), digest)

    assert await pulled(people, digest) == DATA


async def test_an_unknown_algorithm_starts_no_upload(people: People) -> None:
    """The client is told at once, not after it has sent everything."""
    with pytest.raises(DigestInvalid):
        await push_blob.start(people.registry, people.may(), "md5")
    assert await is_empty(people)


async def few(people: People, most: int | None, in_all: int | None) -> People:
    """Return people of whom each may leave so many uploads unfinished, and all together so many."""
    policy = replace(people.policy, max_staged=most, max_staged_in_all=in_all)
    return People(people.metadata, people.stores, policy=policy)


async def test_a_caller_leaves_so_many_uploads_unfinished(people: People) -> None:
    """Then it is told to finish some. Others are not concerned, whether they have a name or not."""
    people = await few(people, 3, None)
    registry, grant = people.registry, people.may()
    nobody = of_nobody(grant)
    uploads = [await push_blob.start(registry, grant) for _ in range(3)]
    for request in (
        lambda: push_blob.start(registry, grant, client="192.0.2.7"),
        lambda: push_blob.push_whole(registry, grant, DIGEST, chunk(DATA), change=people.change()),
    ):
        with pytest.raises(TooManyRequests, match="begun 3 uploads"):
            await request()
    for client in ("192.0.2.7", "192.0.2.8"):
        for _ in range(3):
            await push_blob.start(registry, nobody, client=client)
        with pytest.raises(TooManyRequests):
            await push_blob.start(registry, nobody, client=client)

    await push_blob.cancel(registry, grant, uploads[0])
    await push_blob.push_whole(registry, grant, DIGEST, chunk(DATA), change=people.change())
    await commit(people, uploads[1], chunk(DATA))
    for _ in range(2):
        await push_blob.start(registry, grant)
    with pytest.raises(TooManyRequests):
        await push_blob.start(registry, grant)


async def test_all_callers_leave_about_so_many_uploads_unfinished(people: People) -> None:
    """Twice as many, of callers with one each: then all have to wait; what has begun goes on."""
    people = await few(people, None, 25)
    registry, nobody = people.registry, of_nobody(people.may())
    begun: list[UploadId] = []

    async def begin_all() -> None:
        for number in range(60):
            begun.append(await push_blob.start(registry, nobody, client=f"client {number}"))
            people.now += 1

    with pytest.raises(Unavailable, match="too many uploads"):
        await begin_all()
    assert len(begun) == 50

    for upload in begun:
        await push_blob.commit(
            registry, nobody, upload, DIGEST, chunk(DATA), change=people.change()
        )


async def test_who_has_few_uploads_may_begin_one_though_others_have_too_many(
    people: People,
) -> None:
    """Or some callers, who finish nothing, would keep all others out."""
    people = await few(people, None, 30)
    registry, nobody = people.registry, of_nobody(people.may())
    for number in range(30):
        await push_blob.start(registry, nobody, client=f"greedy {number % 2}")

    for number in range(2):
        with pytest.raises(Unavailable, match="too many uploads"):
            await push_blob.start(registry, nobody, client=f"greedy {number}")
    for _ in range(10):
        await push_blob.start(registry, nobody, client="modest")
    with pytest.raises(Unavailable, match="too many uploads"):
        await push_blob.start(registry, nobody, client="modest")


async def test_who_has_too_many_uploads_is_told_so_even_if_all_together_have(
    people: People,
) -> None:
    """There may be room for others before long, but not for them."""
    people = await few(people, 3, 3)
    grant = people.may()
    for _ in range(3):
        await push_blob.start(people.registry, grant)
    with pytest.raises(TooManyRequests):
        await push_blob.start(people.registry, grant)
    await push_blob.start(people.registry, of_nobody(grant), client="other")


async def test_a_chunk_goes_where_it_says_or_nowhere(people: People) -> None:
    """The client is told how many bytes there are; the upload goes on from there."""
    upload = await started(people, DATA[:5])
    for start in (0, 4, 6):
        with pytest.raises(UploadOutOfOrder) as refused:
            await push_blob.append(
                people.registry, people.may(), upload, chunk(b"xxx", start=start)
            )
        assert refused.value.size == 5
    await push_blob.append(people.registry, people.may(), upload, chunk(DATA[5:], start=5))

    await commit(people, upload, chunk(b""))


@pytest.mark.parametrize("length", [None, 6, 4])
@pytest.mark.parametrize("named", [5, 7])
async def test_a_chunk_of_another_length_than_its_range_leaves_nothing(
    people: People, length: int | None, named: int
) -> None:
    """Whether the client says the length or not."""
    upload = await started(people, DATA[:5])
    wrong = Chunk(pieces(b"xxxxxx"), ByteRange(5, 5 + named), length)
    with pytest.raises(SizeMismatch):
        await push_blob.append(people.registry, people.may(), upload, wrong)

    assert await size(people, upload) == 5
    await commit(people, upload, chunk(DATA[5:]))


async def test_what_arrived_before_the_client_went_away_is_kept(people: People) -> None:
    """It can ask how far it got, and go on."""
    upload = await started(people)
    with pytest.raises(ConnectionError):
        await push_blob.append(people.registry, people.may(), upload, broken_off(DATA[:5]))

    assert await size(people, upload) == 5
    await commit(people, upload, chunk(DATA[5:], start=5))
    assert await pulled(people) == DATA


async def test_a_commit_that_breaks_off_leaves_the_upload_as_it_was(people: People) -> None:
    """So that repeating the request is right."""
    upload = await started(people, DATA[:5])
    with pytest.raises(ConnectionError):
        await commit(people, upload, broken_off(DATA[5:8]))

    assert await size(people, upload) == 5
    await commit(people, upload, chunk(DATA[5:]))
    assert await pulled(people) == DATA


async def test_a_commit_that_is_cancelled_leaves_the_upload_as_it_was(people: People) -> None:
    """As when the server stops before the client has sent everything."""
    upload = await started(people, DATA[:5])
    arrived = asyncio.Event()
    request = asyncio.create_task(commit(people, upload, hanging(DATA[5:8], arrived)))
    await arrived.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request

    assert await size(people, upload) == 5
    await commit(people, upload, chunk(DATA[5:]))


async def test_a_wrong_digest_leaves_the_upload_as_it_was(people: People) -> None:
    """And there is no blob of either digest."""
    upload = await started(people, DATA[:5])
    with pytest.raises(DigestMismatch):
        await commit(people, upload, chunk(b"wrong"))

    assert await size(people, upload) == 5
    assert await people.stored() == set()
    await commit(people, upload, chunk(DATA[5:]))


async def test_a_few_wrong_digests_end_an_upload(people: People) -> None:
    """Of whichever algorithms, and with whichever bytes; the client starts again."""
    upload = await started(people, DATA[:5])
    for wrong in (Digest.of(b"wrong"), Digest.of(b"wrong", SHA512), Digest.of(b"also wrong")):
        with pytest.raises(DigestMismatch):
            await commit(people, upload, chunk(DATA[5:]), wrong)
    with pytest.raises(UploadUnknown):
        await commit(people, upload, chunk(DATA[5:]))

    assert await is_empty(people)


@pytest.mark.parametrize(
    ("call", "algorithm"), [("pread", SHA512), ("fsync", SHA256)], ids=["hashed", "synced"]
)
async def test_nobody_waits_while_a_large_upload_is_hashed_and_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, algorithm: str
) -> None:
    """Others may want the same lock: it has one of 256, by the first digits of its digest."""
    metadata, stores = open_metadata(tmp_path / "db"), Stores.in_files(tmp_path / "data")
    people, large = People(metadata, stores), bytes(1_000_000)
    digest = Digest.of(large, algorithm)
    neighbours = (b"%d" % number for number in itertools.count())
    neighbour = next(data for data in neighbours if Digest.of(data).hex[:2] == digest.hex[:2])
    upload = await started(people, large)
    busy, go_on, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()
    function = getattr(os, call)

    def slow(descriptor: int, *arguments: int) -> object:
        if os.fstat(descriptor).st_size == len(large):
            loop.call_soon_threadsafe(busy.set)
            go_on.wait(60)
        return function(descriptor, *arguments)

    monkeypatch.setattr(os, call, slow)
    pushing = asyncio.create_task(commit(people, upload, chunk(b""), digest))
    await busy.wait()
    async with asyncio.timeout(30):
        await people.push_blob(neighbour)
    assert not pushing.done()
    go_on.set()
    await pushing

    assert await pulled(people, digest) == large
    stores.close()
    await metadata.close()


async def test_a_push_in_one_request_that_fails_leaves_nothing(people: People) -> None:
    """Be it wrong, broken off or cancelled."""
    with pytest.raises(DigestMismatch):
        await push_blob.push_whole(
            people.registry, people.may(), DIGEST, chunk(b"wrong"), change=people.change()
        )
    with pytest.raises(ConnectionError):
        await push_blob.push_whole(
            people.registry, people.may(), DIGEST, broken_off(DATA), change=people.change()
        )
    arrived = asyncio.Event()
    request = asyncio.create_task(
        push_blob.push_whole(
            people.registry, people.may(), DIGEST, hanging(DATA, arrived), change=people.change()
        )
    )
    await arrived.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request

    assert await is_empty(people)


async def test_repeating_a_commit_succeeds(people: People) -> None:
    """For the client that did not get the answer; with the same digest only."""
    upload = await started(people, DATA)
    for _ in range(2):
        await commit(people, upload, chunk(b""))
    with pytest.raises(UploadUnknown):
        await commit(people, upload, chunk(b""), Digest.of(b"another"))

    assert await pulled(people) == DATA


async def test_a_finished_upload_is_over(people: People) -> None:
    """It has no status, takes no bytes and cannot be cancelled."""
    upload = await started(people, DATA)
    await commit(people, upload, chunk(b""))
    registry, grant = people.registry, people.may()
    for request in (
        lambda: push_blob.status(registry, grant, upload),
        lambda: push_blob.append(registry, grant, upload, chunk(b"x")),
        lambda: push_blob.cancel(registry, grant, upload),
    ):
        with pytest.raises(UploadUnknown):
            await request()

    assert await pulled(people) == DATA


async def test_a_cancelled_upload_is_gone(people: People) -> None:
    """With its bytes."""
    upload = await started(people, DATA)
    await push_blob.cancel(people.registry, people.may(), upload)

    with pytest.raises(UploadUnknown):
        await commit(people, upload, chunk(b""))
    assert await is_empty(people)


async def test_a_chunk_of_an_upload_that_is_cancelled_meanwhile_is_not_taken(
    people: People,
) -> None:
    """Its client would think that the bytes are here."""
    registry, grant = people.registry, people.may()
    upload = await started(people, DATA)

    async def cancelled_meanwhile() -> AsyncIterator[bytes]:
        yield b"some"
        await push_blob.cancel(registry, grant, upload)
        yield b"more"

    with pytest.raises(UploadUnknown):
        await push_blob.append(registry, grant, upload, Chunk(cancelled_meanwhile()))
    assert await is_empty(people)


async def test_an_upload_belongs_to_its_repository(people: People) -> None:
    """Who may push elsewhere cannot touch it."""
    upload = await started(people, DATA)
    registry, elsewhere = people.registry, people.may(OTHER)
    for request in (
        lambda: push_blob.status(registry, elsewhere, upload),
        lambda: push_blob.append(registry, elsewhere, upload, chunk(b"x")),
        lambda: push_blob.commit(
            registry, elsewhere, upload, DIGEST, chunk(b""), change=people.change()
        ),
        lambda: push_blob.cancel(registry, elsewhere, upload),
    ):
        with pytest.raises(UploadUnknown):
            await request()

    assert await size(people, upload) == len(DATA)


async def test_two_requests_write_to_one_upload_one_after_the_other(people: People) -> None:
    """The second is told to wait; cancelling ends the upload under the first."""
    upload = await started(people)
    arrived = asyncio.Event()
    first = asyncio.create_task(commit(people, upload, hanging(DATA[:5], arrived)))
    await arrived.wait()
    with pytest.raises(UploadOutOfOrder) as refused:
        await push_blob.append(people.registry, people.may(), upload, chunk(b"x"))
    assert refused.value.size == 5
    await push_blob.cancel(people.registry, people.may(), upload)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    assert await is_empty(people)


async def test_a_blob_is_served_from_the_repositories_that_have_it(people: People) -> None:
    """Its bytes are stored once, whatever they are called for."""
    await people.push_blob(DATA)
    with pytest.raises(BlobUnknown):
        await pull_blob(people.registry, people.may(OTHER), DIGEST)
    await people.push_blob(DATA, OTHER)

    assert (await pull_blob(people.registry, people.may(OTHER), DIGEST)).size == len(DATA)
    assert await people.stored() == {DIGEST}


async def test_a_mount_needs_the_right_to_pull(people: People) -> None:
    """From a repository that is named, or from any that has the blob."""
    await people.push_blob(DATA, OTHER)
    registry, here = people.registry, people.may()

    for hidden in (Grant(OTHER, frozenset({Action.PUSH})), people.may(HELLO)):
        assert not await push_blob.mount(registry, here, DIGEST, hidden, change=people.change())
    assert await push_blob.mount(
        registry, here, DIGEST, Grant(OTHER, frozenset({Action.PULL})), change=people.change()
    )
    assert await pulled(people) == DATA


async def test_a_mount_from_anywhere_finds_what_may_be_pulled(people: People) -> None:
    """And what is nowhere is to be uploaded."""
    await people.push_blob(DATA, OTHER)

    assert await push_blob.mount(
        people.registry, people.may(), DIGEST, EVERY_ACCESS, change=people.change()
    )
    assert not await push_blob.mount(
        people.registry, people.may(), Digest.of(b"nowhere"), EVERY_ACCESS, change=people.change()
    )
    assert await pulled(people) == DATA


class FailingLinks(Links):
    """Links of which none can be added."""

    failing = True

    async def add(self, *arguments: Any, **more: Any) -> bool:
        if self.failing:
            raise Unavailable
        return await super().add(*arguments, **more)


async def test_bytes_whose_row_failed_are_not_served_and_not_left(tmp_path: Path) -> None:
    """The client pushes anew; if it never does, the collector deletes them."""
    metadata, stores = open_metadata(tmp_path / "db"), Stores.in_files(tmp_path)
    links = FailingLinks(metadata.database, Attempts(metadata.database))
    metadata.links = links
    people = People(metadata, stores)
    with pytest.raises(Unavailable):
        await people.push_blob(DATA)
    with pytest.raises(BlobUnknown):
        await pulled(people)
    assert await people.stored() == {DIGEST}
    await people.collect()
    assert await is_empty(people)

    links.failing = False
    await people.push_blob(DATA)
    await people.collect()
    assert await pulled(people) == DATA
    stores.close()
    await metadata.close()


class LateLinks(Links):
    """Links that are added when they may be."""

    begun: asyncio.Event
    may_go_on: asyncio.Event

    async def add(self, *arguments: Any, **more: Any) -> bool:
        self.begun.set()
        await self.may_go_on.wait()
        return await super().add(*arguments, **more)


async def test_committing_twice_at_once_succeeds_twice(tmp_path: Path) -> None:
    """A proxy may send a request once more before the first one was answered."""
    metadata, stores = open_metadata(tmp_path / "db"), Stores.in_files(tmp_path)
    links = LateLinks(metadata.database, Attempts(metadata.database))
    links.begun, links.may_go_on = asyncio.Event(), asyncio.Event()
    metadata.links = links
    people = People(metadata, stores)
    upload = await started(people, DATA)

    first = asyncio.create_task(commit(people, upload, chunk(b"")))
    await links.begun.wait()  # the bytes have their name by now
    second = asyncio.create_task(commit(people, upload, chunk(b"")))
    await asyncio.wait([second], timeout=0.05)
    links.may_go_on.set()
    await asyncio.gather(first, second)
    assert await pulled(people) == DATA
    stores.close()
    await metadata.close()


class WatchedLinks(Links):
    """Links that call back before one is added."""

    before: Callable[[], None]

    async def add(self, *arguments: Any, **more: Any) -> bool:
        self.before()
        return await super().add(*arguments, **more)


async def test_a_row_says_that_a_blob_is_there_when_no_power_cut_can_take_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Bytes first, rows second; else a row could outlive its bytes."""
    disk = Disk(monkeypatch, tmp_path)
    metadata, stores = open_metadata(tmp_path / "db"), Stores.in_files(tmp_path / "data")
    links = WatchedLinks(metadata.database, Attempts(metadata.database))
    kept: list[bool] = []
    links.before = lambda: kept.append(disk.keeps(path_of(stores, DIGEST)))

    for _ in range(2):
        metadata.links = links
        await People(metadata, stores).push_blob(DATA)

    assert kept == [True, True]
    stores.close()
    await metadata.close()
