"""Rows of objects, whatever becomes of connections and locks meanwhile."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lading.core.digest import Digest
from lading.core.errors import Unavailable, UploadOutOfOrder
from lading.metadata import linked_blobs, uploads
from lading.metadata.metadata import Metadata
from lading.ports.database import COUNTED, SqlConnection
from lading.ports.objects import PlacedSegment, UploadProgress
from lading.ports.uploads import UploadNotReady
from tests.support.contents import HELLO, new_upload
from tests.support.objects import commit_objects, progress, take
from tests.support.rows import add, by_alice

_PUT = "INSERT INTO objects (key, start, size, stored_at, digest) VALUES (?, ?, ?, ?, ?)"


async def test_objects_of_a_blob_that_is_in_a_repository_are_not_unused(
    metadata: Metadata,
) -> None:
    """A collector that has lost its lock may come to the bytes when they were pushed again."""
    (digest,) = await add(metadata, b"hello")
    await commit_objects(metadata, digest, "pushed again")
    await metadata.objects.unuse([digest], 2.0)
    assert await metadata.objects.retire(before=2.0, limit=1) == []
    assert len(await metadata.objects.find(digest)) == 1


async def test_the_objects_of_a_blob_are_told_with_its_link_or_nothing_is_said_of_them(
    metadata: Metadata,
) -> None:
    """In their order, and each blob has its own, however many are asked for at once."""
    contents = [b"%d" % number for number in range(40)]
    digests = await add(metadata, *contents)
    rows = [
        (f"{number} {start}", start, 1, 1.0, digest)
        for number, digest in enumerate(digests)
        for start in reversed(range(number % 4))
    ]
    await metadata.database.write(lambda connection: connection.executemany(_PUT, rows))
    found = await asyncio.gather(*(metadata.links.find_placed(HELLO, each) for each in digests))
    for digest, data, linked in zip(digests, contents, found, strict=True):
        assert linked is not None
        assert linked.size == len(data)
        assert linked.segments in (None, await metadata.objects.find(digest))


@pytest.mark.parametrize("number", range(1, 10))
async def test_no_object_is_told_twice_however_many_blobs_are_asked_for(
    metadata: Metadata, number: int
) -> None:
    """The statements are for numbers that are powers of two."""
    digests = await add(metadata, *(b"%d" % each for each in range(number)))
    rows = [(digest, 0, 1, 1.0, digest) for digest in digests]
    await metadata.database.write(lambda connection: connection.executemany(_PUT, rows))
    wanted = [(HELLO, digest) for digest in digests]
    found = await metadata.database.read(linked_blobs.find_together, wanted)
    told = [linked and linked.segments for linked in found]
    assert told == [await metadata.objects.find(digest) for digest in digests]


async def test_objects_of_a_blob_that_was_pushed_since_are_not_taken_aside(
    metadata: Metadata,
) -> None:
    """Whoever has found the damage may have lost the lock over it."""
    (digest,) = await add(metadata, b"hello")
    await commit_objects(metadata, digest, "pushed again")
    assert await metadata.objects.quarantine(digest) == []
    assert len(await metadata.objects.find(digest)) == 1
    await metadata.damage.lose_blob(digest, now=2.0)
    assert await metadata.objects.quarantine(digest) == ["pushed again"]


async def test_parts_count_as_somebodys_only_while_somebody_is_at_them(
    metadata: Metadata,
) -> None:
    """Neither those of an object that is there already, nor of one that was to be written."""
    await take(metadata, "is written")
    await metadata.objects.reserve("is joined", 1.0)
    await commit_objects(metadata, Digest.of(b"hello"), "is there")
    keys = ["is written", "is joined", "is there"]
    assert await metadata.objects.unknown(keys) == frozenset()
    assert await metadata.objects.unknown(keys, parts_at=2.0) == {"is there"}
    assert await metadata.objects.unknown(keys, parts_at=1e9) == {"is written", "is there"}


async def test_objects_of_many_blobs_that_are_asked_for_at_once_are_each_blobs_own(
    metadata: Metadata,
) -> None:
    digests = [Digest.of(b"%d" % number) for number in range(50)]
    for digest in digests[::2]:
        await commit_objects(metadata, digest, f"of {digest}")
    found = await asyncio.gather(*(metadata.objects.find(digest) for digest in digests * 2))
    for digest, segments in zip(digests * 2, found, strict=True):
        is_there = digest in digests[::2]
        assert [segment.key for segment in segments] == ([f"of {digest}"] if is_there else [])


async def test_all_that_an_upload_has_is_saved_once_and_for_one_request(metadata: Metadata) -> None:
    """Said twice it is the same, as when an answer is lost; another request is refused."""
    upload, rows = new_upload(), metadata.uploads
    await rows.reserve(["key", "late"], 1.0)
    await rows.begin(upload, b"nothing", 1.0)
    ours, late = (PlacedSegment(key, 0, 5, 2.0) for key in ("key", "late"))
    for _ in range(2):
        await rows.save_small(upload, ours, b"nothing", b"hello")
    with pytest.raises(UploadNotReady):
        await rows.save_small(upload, late, b"nothing", b"world")
    assert await rows.segments(upload) == [ours]
    assert await rows.size(upload) == 5
    assert await metadata.objects.retire(before=9.0, limit=9) == ["late"]


async def test_a_key_that_is_reserved_is_no_unused_object(metadata: Metadata) -> None:
    """Nothing is there yet: who counts what takes room is told of what was stored alone."""
    digest, objects = Digest.of(b"hello"), metadata.objects
    await metadata.uploads.reserve(["small"], 1.0)
    await objects.reserve("joined", 1.0)
    assert await objects.count_unused() == (0, 0, 0)
    await commit_objects(metadata, digest, "there")
    (there,) = await objects.find(digest)
    assert await objects.replace(digest, [there], PlacedSegment("joined", 0, 5, 2.0))
    assert await objects.count_unused() == (1, there.size, 0)


async def test_a_restored_database_forgets_objects_that_newer_blobs_may_have(
    metadata: Metadata,
) -> None:
    """A key is reserved before its object is stored: the backup may be of the time between."""
    digest, objects = Digest.of(b"hello"), metadata.objects
    await commit_objects(metadata, digest, "blob")
    await objects.set_badge("badge", 1.0)
    await metadata.uploads.reserve(["reserved"], 1.0)
    upload, generation = await take(metadata, "begun")
    await metadata.uploads.save(upload, generation, progress("begun", writing="writing"))
    keys = ["blob", "badge", "reserved", "begun", "writing"]
    assert await objects.unknown(keys) == frozenset()

    await metadata.strangers.begin_restored(by_alice(2.0))

    assert await objects.unknown(keys) == {"reserved", "begun", "writing"}
    assert await metadata.uploads.list_all() == []
    assert await objects.retire(before=9.0, limit=9) == []


async def test_of_replicas_that_begin_at_once_one_writes_down_the_badge(
    metadata: Metadata,
) -> None:
    """The others go on with it: one with a badge of its own is refused in the folder."""
    keys = [f"badge {number}" for number in range(8)]
    written = await asyncio.gather(*(metadata.objects.set_badge(key, 1.0) for key in keys))
    assert set(written) == set(await metadata.objects.badges())


async def test_an_object_that_is_being_deleted_becomes_nothing_any_more(
    metadata: Metadata,
) -> None:
    """Whoever has stored it may have stood still for as long as what is unused is kept."""
    upload, digest, objects = new_upload(), Digest.of(b"hello"), metadata.objects
    keys = ["appended", "committed", "joined"]
    await commit_objects(metadata, digest, "there")
    await metadata.uploads.reserve(keys, 1.0)
    await metadata.uploads.begin(upload, b"nothing", 1.0)
    assert sorted(await objects.retire(before=2.0, limit=9)) == keys

    appended, committed, joined = (PlacedSegment(key, 0, 5, 2.0) for key in keys)
    with pytest.raises(UploadNotReady):
        await metadata.uploads.save_small(upload, appended, b"nothing", b"hello")
    becoming = metadata.uploads.becoming_small(upload, committed)
    with pytest.raises(UploadNotReady):
        await metadata.links.add(HELLO, digest, becoming, upload=upload, change=by_alice())
    await objects.reserve("joined", 3.0)
    there = await objects.find(digest)
    with pytest.raises(Unavailable):
        await objects.replace(digest, there, joined)
    assert await objects.find(digest) == there
    assert sorted(await objects.retire(before=2.0, limit=9)) == keys, "a killed collection goes on"


async def test_an_object_that_the_store_refuses_to_delete_is_asked_for_again_later(
    metadata: Metadata,
) -> None:
    """And becomes nothing any more, as one that is being deleted."""
    objects = metadata.objects
    await metadata.uploads.reserve(["first"], 1.5)
    await metadata.uploads.reserve(["second"], 1.0)
    assert await objects.retire(before=2.0, limit=1) == ["first"]
    await objects.refuse(["first", "unknown"], 5.0)
    assert await objects.retire(before=2.0, limit=1) == ["second"]
    await objects.remove(["second"])
    assert await objects.retire(before=2.0, limit=9, refused_before=4.0) == []
    await objects.reserve("first", 6.0)
    assert await objects.retire(before=9.0, limit=9, refused_before=5.0) == ["first"]


async def test_objects_that_the_store_refuses_to_delete_are_in_nobodys_way(
    metadata: Metadata,
) -> None:
    """However many they are: what can be deleted is not behind them."""
    objects, refused = metadata.objects, ["one", "other", "third"]
    await metadata.uploads.reserve(refused, 1.0)
    await objects.refuse(await objects.retire(before=2.0, limit=9), 5.0)
    await metadata.uploads.reserve(["later"], 6.0)
    await metadata.uploads.reserve(["killed"], 2.0)
    assert await objects.retire(before=2.0, limit=1) == ["killed"]
    assert await objects.retire(before=9.0, limit=1, refused_before=7.0) == ["later"]
    await objects.remove(["later"])
    assert await objects.retire(before=9.0, limit=1, refused_before=7.0) == ["killed"]
    await objects.remove(["killed"])
    assert sorted(await objects.retire(before=9.0, limit=9, refused_before=7.0)) == refused


async def test_what_came_is_written_down_twice_if_nobody_knows_whether_it_was(
    metadata: Metadata,
) -> None:
    """As when the answer to a commit is lost: the request says it again as it ends."""
    digest = Digest.of(b"hello")
    upload, generation = await take(metadata, "key")
    await metadata.uploads.save(upload, generation, progress("key", writing="next"))
    await metadata.uploads.save(upload, generation, progress("key"))
    assert await metadata.uploads.size(upload) == 5
    await metadata.uploads.take(upload, generation=7, writing="last", now=2.0, until=12.0)
    await metadata.uploads.commit(upload, 7, progress("key"), digest)
    assert [segment.key for segment in await metadata.objects.find(digest)] == ["key"]


async def test_statements_that_are_run_together_each_do_what_they_do_alone(
    metadata: Metadata,
) -> None:
    """Those that return something say what, be it nothing; of the others nothing is said."""
    statements = {
        "made": "INSERT INTO objects (key, start, size, stored_at) VALUES (:key, 0, 7, 1.0)",
        "changed": "UPDATE objects SET size = 8 WHERE key = 'there' RETURNING size",
        "removed": "DELETE FROM objects WHERE key = 'nowhere' RETURNING key",
        "counted": f"UPDATE objects SET size = 9 WHERE key IN ('one', 'two') {COUNTED}",
        "none": f"DELETE FROM objects WHERE key = 'nobody' {COUNTED}",
    }

    def change(connection: SqlConnection) -> Mapping[str, Sequence[Any]]:
        return connection.execute_together(statements, {"key": "new"})

    for key in ("there", "one", "two"):
        await metadata.objects.reserve(key, 1.0)
    returned = dict(await metadata.database.write(change))
    assert len(returned.pop("counted")) == 2
    assert {name: list(values) for name, values in returned.items()} == {
        "changed": [8],
        "removed": [],
        "none": [],
    }
    assert await metadata.objects.unknown(["there", "new", "other"]) == {"other"}


async def test_what_another_request_has_taken_is_written_down_neither_wholly_nor_in_part(
    metadata: Metadata,
) -> None:
    upload, generation = await take(metadata, "key")
    await metadata.uploads.take(upload, generation=7, writing="its", now=12.0, until=22.0)
    late = replace(progress("another"), unused=["dropped"])
    with pytest.raises(UploadOutOfOrder):
        await metadata.uploads.save(upload, generation, late)
    assert await metadata.uploads.segments(upload) == []
    assert await metadata.objects.unknown(["another", "dropped"]) == {"another", "dropped"}


async def test_what_does_not_add_up_is_no_blob(metadata: Metadata) -> None:
    """As the row of an object is missing: nothing has changed then, and nothing is unused."""
    upload, generation = await take(metadata, "key")
    said = replace(progress("key"), size=6)
    becoming = metadata.uploads.becoming(upload, generation, said)
    digest = Digest.of(b"hello!")
    with pytest.raises(Unavailable):
        await metadata.links.add(HELLO, digest, becoming, upload=upload, change=by_alice())
    assert await metadata.objects.find(digest) == []
    assert await metadata.uploads.size(upload) == 0


async def test_what_was_written_down_without_anybody_knowing_becomes_a_blob_once(
    metadata: Metadata,
) -> None:
    digest = Digest.of(b"hello")
    upload, generation = await take(metadata, "key")
    await metadata.uploads.save(upload, generation, progress("key", writing="next"))
    becoming = metadata.uploads.becoming(upload, generation, progress("key"))
    assert await metadata.links.add(HELLO, digest, becoming, upload=upload, change=by_alice())
    assert [segment.key for segment in await metadata.objects.find(digest)] == ["key"]
    assert await metadata.links.find(HELLO, digest) == 5


async def test_pushes_of_the_same_blobs_at_once_leave_one_object_of_each(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """Whoever does not see what another has just committed, if locks were lost, does it again."""
    digests = [Digest.of(b"hello"), Digest.of(b"world")]

    async def push(number: int) -> None:
        rows, key, digest = (
            (metadata, other_metadata)[number % 2],
            f"key {number}",
            digests[number // 4],
        )
        upload, generation = await take(rows, key)
        becoming = rows.uploads.becoming(upload, generation, progress(key))
        if number % 3 == 0:
            await rows.uploads.save(upload, generation, progress(key))
            becoming = rows.uploads.becoming_as_it_is(upload, digest, lambda _: digest, 1.0)
        assert await rows.links.add(HELLO, digest, becoming, upload=upload, change=by_alice())

    await asyncio.gather(*map(push, range(8)))
    for digest in digests:
        assert len(await metadata.objects.find(digest)) == 1
        assert await other_metadata.links.find(HELLO, digest) == 5
    assert (await metadata.objects.count_unused()).objects == 6
    assert await metadata.uploads.count_all() == 0


async def test_an_upload_that_has_come_in_crumbs_is_told(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the bytes of its last segments, whatever was before them."""
    monkeypatch.setattr(uploads, "MOST_SMALL", 3)
    monkeypatch.setattr(uploads, "FEW_BYTES", 300)
    sizes, told = [1, 1, 1, 200, 99, 1, 1000, 1, 1, 1], []
    upload, generation = await take(metadata, "0")
    size = 0
    for number, more in enumerate(sizes):
        segment = PlacedSegment(f"{number}", size, more, 1.0)
        size += more
        written = UploadProgress(size=size, hash=b"", active_at=1.0, now=1.0, stored=segment)
        await metadata.uploads.save(upload, generation, written)
        generation += 1
        taken = await metadata.uploads.take(
            upload, generation=generation, writing=f"{number + 1}", now=1.0, until=2.0
        )
        told.append(taken.is_crumbled)
    assert told == [False, False, True, True, False, False, False, False, False, True]
