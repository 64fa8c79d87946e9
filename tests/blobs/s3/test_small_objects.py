"""Small uploads that come at once: stored without being opened, under keys known before."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lading.blobs.s3.deletions import RefusedObject
from lading.blobs.s3.object_room import FIRST, LASTING, MOST, ReservedKeys
from lading.blobs.s3.staged_objects import LEASE
from lading.core.digest import SHA256, SHA512, Digest
from lading.core.errors import Unavailable, UploadUnknown
from lading.core.history import Change
from lading.core.names import UploadKey
from lading.ports.database import Work
from lading.ports.objects import READING
from lading.ports.uploads import UploadNotReady
from tests.support.contents import HELLO, begin, begun, fetch, new_upload
from tests.support.object_places import Clock, OpenPlace, PlaceInS3
from tests.support.postgresql import PostgreSQL
from tests.support.s3 import S3


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, s3: S3, tmp_path: Path, clock: Clock) -> PlaceInS3:
    if request.param == "sqlite":
        return PlaceInS3(s3, tmp_path, clock)
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return PlaceInS3(s3, tmp_path, clock, server.new_url())


async def append(place: OpenPlace, upload: UploadKey, data: bytes) -> bool:
    return await place.stores.uploads.append_small(upload, data)


async def commit(place: OpenPlace, upload: UploadKey, digest: Digest) -> bytes:
    """Open an upload and commit it; the bytes of the blob."""
    async with place.stores.uploads.stage(upload) as staged, place.stores.locks.lock(digest):
        await staged.commit(digest)
    found = await place.stores.blobs.find(digest)
    assert found is not None
    return await fetch(found)


@pytest.mark.e2e
async def test_what_is_appended_at_once_is_an_upload_as_any_other(
    place: PlaceInS3, here: OpenPlace, there: OpenPlace
) -> None:
    """Another replica goes on with it, without reading anything."""
    upload = await begin(here.stores)
    assert await append(here, upload, b"hello")
    assert await there.stores.uploads.size(upload) == len(b"hello")
    async with there.stores.uploads.stage(upload) as staged:
        await staged.write(b" world")

    assert place.s3.proxy.requests == ["PUT", "PUT"]
    assert await commit(here, upload, Digest.of(b"hello world")) == b"hello world"


@pytest.mark.e2e
@pytest.mark.parametrize("why", ["unknown", "has bytes", "written to", "of a hash", "over"])
async def test_an_upload_that_is_to_be_opened_stays_as_it_is(here: OpenPlace, why: str) -> None:
    digest = Digest.of(b"before", SHA512 if why == "of a hash" else SHA256)
    upload = new_upload()
    match why:
        case "unknown":
            pass
        case "of a hash":
            upload = await begun(here.stores, b"", SHA512)
        case _:
            upload = await begun(here.stores, b"before")
    if why == "over":
        await here.stores.uploads.discard(upload)
    if why == "written to":
        upload = await begin(here.stores)
        async with here.stores.uploads.stage(upload) as staged:
            assert not await append(here, upload, b"hello")
            await staged.write(b"before")
    else:
        assert not await append(here, upload, b"hello")
    if why == "of a hash":
        async with here.stores.uploads.stage(upload) as staged:
            await staged.write(b"before")
    if why in {"unknown", "over"}:
        with pytest.raises(UploadUnknown):
            await here.stores.uploads.size(upload)
    else:
        assert await commit(here, upload, digest) == b"before"


@pytest.mark.e2e
async def test_an_upload_whose_writer_was_killed_is_opened(here: OpenPlace, clock: Clock) -> None:
    """What that one may have stored is noted there as unused."""
    upload = await begin(here.stores)
    writing = here.stores.uploads.stage(upload)
    await writing.__aenter__()
    writing._renewing.cancel()  # type: ignore[attr-defined]
    clock.ahead = LEASE + 1
    assert not await append(here, upload, b"hello")


@pytest.mark.e2e
async def test_a_statement_that_is_sent_twice_is_done_once(here: OpenPlace) -> None:
    """As one is whose answer was lost with the connection."""
    upload = await begin(here.stores)
    database = here.metadata.database
    write_once = database.write_once

    async def twice(work: Work[object], *, durable: bool = False) -> object:
        await write_once(work, durable=durable)
        return await write_once(work, durable=durable)

    database.write_once = twice  # type: ignore[assignment, method-assign]
    assert await append(here, upload, b"hello")
    del database.write_once
    assert await commit(here, upload, Digest.of(b"hello")) == b"hello"
    assert [item.size for item in await here.metadata.objects.find(Digest.of(b"hello"))] == [5]


@pytest.mark.e2e
async def test_what_is_in_vain_is_deleted_like_all_that_is_unused(
    here: OpenPlace, clock: Clock
) -> None:
    """As are keys that a process has reserved and never used; no row or object stays."""
    upload = await begin(here.stores)
    await here.stores.uploads.discard(upload)
    assert not await append(here, upload, b"hello")
    assert len(await here.keys()) == 1
    rows = "SELECT count(*) FROM objects WHERE unused_at IS NOT NULL"
    count = here.metadata.database.read(lambda connection: connection.execute(rows).fetchone())
    assert await count == (FIRST,)

    clock.ahead = READING + 1
    await here.stores.uploads.tidy(clock())
    assert await here.keys() == []
    count = here.metadata.database.read(lambda connection: connection.execute(rows).fetchone())
    assert await count == (0,)


@pytest.mark.e2e
@pytest.mark.parametrize("way", ["appended", "committed"])
async def test_an_object_that_was_collected_before_its_row_says_what_it_is_counts_for_nothing(
    here: OpenPlace, there: OpenPlace, clock: Clock, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """As that of a machine which stood still for a day; another replica went on meanwhile.

    A server that is killed may have forgotten the row, too, which was not synced.
    """
    upload, digest = await begin(here.stores), Digest.of(b"hello")
    put = here.store.put

    async def stand_still(key: str, data: Any) -> None:
        await put(key, data)
        clock.ahead = READING + 1
        await there.stores.uploads.tidy(clock())
        clock.ahead = 0

    monkeypatch.setattr(here.stores.uploads._room.store, "put", stand_still)  # type: ignore[attr-defined]
    if way == "appended":
        assert not await append(here, upload, b"hello")
    else:
        becoming = await here.stores.uploads.commit_small(upload, digest, b"hello")
        assert becoming is not None
        add = here.metadata.links.add
        with pytest.raises(UploadNotReady):
            await add(HELLO, digest, becoming, upload=upload, change=Change("", 0.0))
    monkeypatch.undo()
    assert await here.stores.uploads.size(upload) == 0
    async with here.stores.uploads.stage(upload) as staged:
        await staged.write(b"hello")
    assert await commit(here, upload, digest) == b"hello"


@pytest.mark.e2e
@pytest.mark.parametrize("way", ["appended", "committed"])
async def test_an_object_that_is_being_collected_is_not_served_after_all(
    here: OpenPlace, there: OpenPlace, clock: Clock, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A machine stood still for a day, and goes on just as another replica deletes the object."""
    upload, digest = await begin(here.stores), Digest.of(b"hello")
    put, delete = here.store.put, there.store.delete
    deleting, goes_on = asyncio.Event(), asyncio.Event()
    collecting: list[asyncio.Task[None]] = []

    async def stand_still(key: str, data: Any) -> None:
        await put(key, data)
        clock.ahead = READING + 1
        collecting.append(asyncio.create_task(there.stores.uploads.tidy(clock())))
        await deleting.wait()
        clock.ahead = 0

    async def delete_late(keys: Any) -> Sequence[RefusedObject]:
        deleting.set()
        await goes_on.wait()
        return await delete(keys)

    monkeypatch.setattr(here.store, "put", stand_still)
    monkeypatch.setattr(there.store, "delete", delete_late)
    if way == "appended":
        is_done = await append(here, upload, b"hello")
    else:
        becoming = await here.stores.uploads.commit_small(upload, digest, b"hello")
        assert becoming is not None
        add = here.metadata.links.add
        with pytest.raises(UploadNotReady):
            await add(HELLO, digest, becoming, upload=upload, change=Change("", 0.0))
        is_done = False
    goes_on.set()
    await collecting[0]
    monkeypatch.undo()
    assert not is_done
    async with here.stores.uploads.stage(upload) as staged:
        await staged.write(b"hello")
    assert await commit(here, upload, digest) == b"hello"


class Reserved:
    """Keys that were written down, in the order of that."""

    def __init__(self) -> None:
        self.keys: list[list[str]] = []
        self.calls = 0
        self.fails = False

    async def __call__(self, keys: object, now: float) -> None:
        del now
        self.calls += 1
        await asyncio.sleep(0)
        if self.fails:
            raise Unavailable
        self.keys.append(list(keys))  # type: ignore[call-overload]


def _keys_of(reserved: Reserved) -> ReservedKeys:
    return ReservedKeys(reserved, lambda: 0.0)


async def test_each_key_is_one_callers_and_was_written_down_before() -> None:
    """Many by one call, more each time, up to a bound."""
    reserved = Reserved()
    keys = _keys_of(reserved)
    taken = await asyncio.gather(*[keys.take() for _ in range(300)])
    assert len(set(taken)) == 300
    assert set(taken) <= {key for some in reserved.keys for key in some}
    assert [len(some) for some in reserved.keys][:5] == [FIRST, 8, 16, 32, MOST]
    assert {len(some) for some in reserved.keys[4:]} == {MOST}


async def test_a_key_that_was_reserved_long_ago_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reserved = Reserved()
    keys = _keys_of(reserved)
    await keys.take()
    later = time.monotonic() + LASTING + 1
    monkeypatch.setattr("time.monotonic", lambda: later)
    key = await keys.take()
    assert key == reserved.keys[1][0]


async def test_keys_that_cannot_be_written_down_are_not_used() -> None:
    """All who wait for some are told so at once."""
    reserved = Reserved()
    keys = _keys_of(reserved)
    reserved.fails = True
    failures = await asyncio.gather(*[keys.take() for _ in range(9)], return_exceptions=True)
    assert [type(failure) for failure in failures] == [Unavailable] * 9
    assert reserved.calls == 1
    reserved.fails = False
    assert await keys.take() == reserved.keys[0][0]
