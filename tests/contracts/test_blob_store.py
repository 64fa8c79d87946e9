"""What every `BlobStore` promises, sentence by sentence."""

import asyncio
import uuid

import pytest

from lading.core.digest import SHA256, SHA512, Digest
from lading.core.errors import DigestMismatch, UploadOutOfOrder, UploadUnknown
from lading.core.names import Owner, RepositoryName, UploadId, UploadKey
from lading.ports.blobs import WRONG_DIGESTS, BlobStore, Staged
from tests.support.contents import HELLO, OTHER, begin, new_upload, read, store

WRONG = Digest.of(b"something else")


async def begun(blobs: BlobStore, data: bytes = b"", algorithm: str = SHA256) -> UploadKey:
    """Begin an upload and give it some bytes."""
    upload = await begin(blobs, algorithm)
    async with blobs.stage(upload) as staged:
        await staged.write(data)
    return upload


async def commit(blobs: BlobStore, upload: UploadKey, digest: Digest) -> None:
    """Commit an upload as it is."""
    async with blobs.stage(upload) as staged, blobs.lock(digest):
        await staged.commit(digest)


async def test_bytes_come_back_as_they_were_written(blobs: BlobStore) -> None:
    """In several writes, of bytes and bytearrays, over several requests."""
    digest = Digest.of(b"hello world")
    upload = await begun(blobs, b"he")
    async with blobs.stage(upload) as staged:
        await staged.write(bytearray(b"llo"))
        await staged.write(b" world")
        assert staged.size == len(b"hello world")
    await commit(blobs, upload, digest)

    assert read(await blobs.find(digest)) == b"hello world"


async def test_a_small_blob_can_be_had_in_memory(blobs: BlobStore) -> None:
    """As long as it is there, as often as it is asked for."""
    digest = await store(blobs, b"hello")
    for _ in range(2):
        assert read(await blobs.read_small(digest, 5)) == b"hello"
    assert await blobs.read_small(WRONG, 5) is None

    await blobs.delete([digest])
    assert await blobs.read_small(digest, 5) is None


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
@pytest.mark.parametrize("hint", [SHA256, SHA512])
async def test_the_algorithm_of_an_upload_is_a_hint(
    blobs: BlobStore, algorithm: str, hint: str
) -> None:
    """Any supported digest can be committed, whichever hash was kept running."""
    digest = Digest.of(b"hello", algorithm)
    upload = await begun(blobs, b"hello", hint)

    await commit(blobs, upload, digest)

    assert read(await blobs.find(digest)) == b"hello"


async def test_the_same_bytes_under_two_algorithms_are_two_blobs(blobs: BlobStore) -> None:
    """Deleting one leaves the other."""
    first, second = await store(blobs, b"hello"), await store(blobs, b"hello", SHA512)

    await blobs.delete([first])

    assert await blobs.find(first) is None
    assert read(await blobs.find(second)) == b"hello"


async def test_nothing_is_a_blob_too(blobs: BlobStore) -> None:
    """An upload without any bytes can be committed."""
    digest = await store(blobs, b"")

    assert read(await blobs.find(digest)) == b""


async def test_an_upload_is_written_by_one_request_at_a_time(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """The second is told how many bytes there are, whichever worker it reaches."""
    upload = await begun(blobs, b"hello")
    async with blobs.stage(upload):
        for store in (blobs, other_blobs):
            with pytest.raises(UploadOutOfOrder) as refused:
                await store.stage(upload).__aenter__()
            assert refused.value.size == 5

    async with other_blobs.stage(upload) as staged:
        assert staged.size == 5


async def test_an_upload_is_free_again_after_a_failed_request(blobs: BlobStore) -> None:
    """And it has what was written before the failure."""
    upload = await begun(blobs)

    async def request() -> None:
        async with blobs.stage(upload) as staged:
            await staged.write(b"hel")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await request()
    async with blobs.stage(upload) as staged:
        assert staged.size == 3
        await staged.write(b"lo")
        await staged.commit(Digest.of(b"hello"))


@pytest.mark.parametrize("workers", [1, 2])
async def test_requests_of_one_upload_may_reach_different_workers(
    blobs: BlobStore, other_blobs: BlobStore, workers: int
) -> None:
    """A hash that one worker kept is not taken for that of what another has written since."""
    stores = [blobs, other_blobs][:workers]
    upload = await begun(blobs)
    for number in range(6):
        async with stores[number % workers].stage(upload) as staged:
            await staged.write(b"%d" % number)

    await commit(stores[-1], upload, Digest.of(b"012345"))


async def test_staged_size_is_what_has_been_written(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """Also while a request is writing."""
    upload = await begun(blobs)
    assert await blobs.staged_size(upload) == 0
    async with blobs.stage(upload) as staged:
        await staged.write(b"hello")
        assert await other_blobs.staged_size(upload) == 5


async def test_an_upload_that_never_began_is_unknown(blobs: BlobStore) -> None:
    """Nothing can be written to it, and it has no size."""
    upload = new_upload()
    with pytest.raises(UploadUnknown):
        await blobs.stage(upload).__aenter__()
    with pytest.raises(UploadUnknown):
        await blobs.staged_size(upload)


async def test_a_committed_upload_is_over(blobs: BlobStore) -> None:
    """Its bytes belong to the blob now."""
    upload = await begun(blobs, b"hello")
    await commit(blobs, upload, Digest.of(b"hello"))

    with pytest.raises(UploadUnknown):
        await blobs.stage(upload).__aenter__()
    with pytest.raises(UploadUnknown):
        await blobs.staged_size(upload)


async def test_a_discarded_upload_is_over(blobs: BlobStore) -> None:
    """Discarding it again does nothing."""
    upload = await begun(blobs, b"hello")
    for _ in range(2):
        await blobs.discard(upload)

    with pytest.raises(UploadUnknown):
        await blobs.stage(upload).__aenter__()
    with pytest.raises(UploadUnknown):
        await blobs.staged_size(upload)


async def test_an_upload_that_is_discarded_while_written_never_becomes_a_blob(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """The request that writes may go on; its commit says that the upload is unknown."""
    digest = Digest.of(b"hello")
    upload = await begun(blobs, b"hel")
    async with blobs.stage(upload) as staged:
        await other_blobs.discard(upload)
        await staged.write(b"lo")
        with pytest.raises(UploadUnknown):
            await staged.commit(digest)
        await staged.rewind(3)

    assert await blobs.find(digest) is None


async def test_discarding_what_became_a_blob_leaves_the_blob(blobs: BlobStore) -> None:
    """Only what was uploaded and not committed goes."""
    upload = await begun(blobs, b"hello")
    await commit(blobs, upload, Digest.of(b"hello"))

    await blobs.discard(upload)

    assert read(await blobs.find(Digest.of(b"hello"))) == b"hello"


async def test_a_wrong_digest_is_refused_and_the_upload_stays(blobs: BlobStore) -> None:
    """It can go on to the right one."""
    upload = await begun(blobs, b"hel")
    async with blobs.stage(upload) as staged:
        with pytest.raises(DigestMismatch) as refused:
            await staged.commit(WRONG)
        assert refused.value.details == ({"expected": WRONG, "actual": Digest.of(b"hel")},)
        assert staged.size == 3
    assert await blobs.find(WRONG) is None
    assert await blobs.find(Digest.of(b"hel")) is None
    async with blobs.stage(upload) as staged:
        await staged.write(b"lo")
        await staged.commit(Digest.of(b"hello"))


async def test_a_few_wrong_digests_end_an_upload(blobs: BlobStore, other_blobs: BlobStore) -> None:
    """Whichever workers they come to: for each, all bytes may have to be read."""
    upload = await begun(blobs, b"hello")
    for number in range(WRONG_DIGESTS):
        algorithm = (SHA256, SHA512)[number % 2]
        async with (blobs, other_blobs)[number % 2].stage(upload) as staged:
            with pytest.raises(DigestMismatch):
                await staged.verify(Digest.of(b"something else", algorithm))
            await staged.rewind(5)
            await staged.touch(7)

    for worker in (blobs, other_blobs):
        with pytest.raises(UploadUnknown):
            await worker.stage(upload).__aenter__()
    assert await blobs.list_staged() == []


async def test_bytes_that_come_after_a_check_are_checked_as_well(blobs: BlobStore) -> None:
    """What was found out holds for what was there."""
    upload = await begun(blobs, b"hello")
    async with blobs.stage(upload) as staged:
        await staged.verify(Digest.of(b"hello"))
        await staged.write(b"!")
        with pytest.raises(DigestMismatch):
            await staged.commit(Digest.of(b"hello"))
        await staged.verify(Digest.of(b"hello!"))
        await staged.rewind(5)
        with pytest.raises(DigestMismatch):
            await staged.commit(Digest.of(b"hello!"))


async def test_going_back_forgets_the_bytes_after(blobs: BlobStore) -> None:
    """What is written next takes their place."""
    upload = await begun(blobs, b"help!")
    async with blobs.stage(upload) as staged:
        await staged.rewind(3)
        assert staged.size == 3
        await staged.write(b"lo")
        await staged.commit(Digest.of(b"hello"))

    assert read(await blobs.find(Digest.of(b"hello"))) == b"hello"


async def test_going_back_in_one_worker_invalidates_the_hash_kept_in_another(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """Else the other would call new bytes of the same length by the digest of the old ones."""
    upload = await begun(blobs, b"old!!")
    async with other_blobs.stage(upload) as staged:
        await staged.rewind(0)
        await staged.write(b"hello")

    async with blobs.stage(upload) as staged:
        with pytest.raises(DigestMismatch):
            await staged.commit(Digest.of(b"old!!"))
        await staged.commit(Digest.of(b"hello"))


async def test_going_back_after_a_commit_does_nothing(blobs: BlobStore) -> None:
    """The bytes are a blob's now, and blobs never change."""
    digest = Digest.of(b"hello")
    upload = await begun(blobs, b"hello")
    async with blobs.stage(upload) as staged:
        await staged.commit(digest)
        await staged.rewind(0)

    assert read(await blobs.find(digest)) == b"hello"


async def test_a_blob_that_is_there_is_left_as_it_is(blobs: BlobStore) -> None:
    """Readers of it are not disturbed, and the upload is over as usual."""
    digest = await store(blobs, b"hello")
    before = await blobs.find(digest)
    upload = await begun(blobs, b"hello")
    async with blobs.stage(upload) as staged:
        await staged.commit(digest)
        await staged.rewind(0)

    assert await blobs.find(digest) == before
    assert read(before) == b"hello"
    with pytest.raises(UploadUnknown):
        await blobs.staged_size(upload)


async def test_one_blob_is_committed_by_many_at_once(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """Each succeeds, and there is one blob."""
    digest = Digest.of(b"hello")
    await asyncio.gather(*(store(each, b"hello") for each in [blobs, other_blobs] * 10))

    assert read(await blobs.find(digest)) == b"hello"
    assert [found async for found in blobs.digests()] == [digest]


async def test_a_blob_is_found_by_all_workers(blobs: BlobStore, other_blobs: BlobStore) -> None:
    """And is gone for all of them."""
    digest = await store(blobs, b"hello")
    assert read(await other_blobs.find(digest)) == b"hello"

    await other_blobs.delete([digest])

    assert await blobs.find(digest) is None


async def test_a_blob_that_is_not_there_is_not_found(blobs: BlobStore) -> None:
    """And deleting it does nothing."""
    await blobs.delete([WRONG])
    assert await blobs.find(WRONG) is None


async def test_a_deleted_blob_can_be_stored_again(blobs: BlobStore) -> None:
    """At once, under the same name."""
    digest = await store(blobs, b"hello")
    await blobs.delete([digest])
    assert await store(blobs, b"hello") == digest

    assert read(await blobs.find(digest)) == b"hello"


async def test_digests_are_those_of_all_blobs_and_of_nothing_else(blobs: BlobStore) -> None:
    """Uploads are no blobs, nor is what was deleted."""
    kept = {await store(blobs, b"%d" % number) for number in range(5)}
    kept.add(await store(blobs, b"0", SHA512))
    await blobs.delete([await store(blobs, b"deleted")])
    await begun(blobs, b"not committed")

    assert sorted([digest async for digest in blobs.digests()]) == sorted(kept)


async def test_the_lock_of_a_blob_is_held_against_all_workers(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """Whoever comes second waits, and gets it as soon as it is free."""
    events: list[str] = []

    async def hold(store: BlobStore, name: str) -> None:
        async with store.lock(WRONG):
            events.append(f"{name} has it")
            await asyncio.sleep(0.02)
            events.append(f"{name} is done")

    await asyncio.gather(*(hold(store, "one") for store in [blobs, other_blobs] * 3))

    assert events == ["one has it", "one is done"] * 6


async def test_the_lock_is_free_after_a_failure(blobs: BlobStore, other_blobs: BlobStore) -> None:
    """Of who held it, or of who waited for it."""
    with pytest.raises(ConnectionError):
        async with blobs.lock(WRONG):
            raise ConnectionError
    async with other_blobs.lock(WRONG):
        waiting = asyncio.create_task(blobs.lock(WRONG).__aenter__())
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(5), blobs.lock(WRONG):
        pass


async def test_an_upload_is_listed_with_its_last_activity(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """Which whoever opens it is told as well; after the commit nothing touches it."""
    upload, digest = await begin(blobs, now=7), Digest.of(b"hello")
    assert await other_blobs.list_staged() == [Staged(upload, 0, 7)]
    async with other_blobs.stage(upload) as staged:
        assert staged.active_at == 7
        await staged.write(b"hello")
        await staged.touch(9.5)

    assert await blobs.list_staged() == [Staged(upload, 5, 9.5)]
    async with blobs.stage(upload) as staged, blobs.lock(digest):
        assert staged.active_at == 9.5
        await staged.commit(digest)
        await staged.touch(11)
        await blobs.settle(upload, digest)
    assert await blobs.list_staged() == []


async def test_unfinished_uploads_are_counted_by_their_owners(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """Whichever workers they began in; until they are committed or discarded."""
    alice, bob = Owner.of("alice"), Owner.of("bob")
    keys = [UploadKey.of(HELLO, UploadId.of(uuid.uuid4(), owner)) for owner in (alice, alice, bob)]
    assert await blobs.count_staged(alice) == 0
    for number, key in enumerate(keys):
        assert key.owner == (alice, alice, bob)[number]
        await (blobs, other_blobs)[number % 2].begin(key, algorithm=SHA256, now=0)
    for store_ in (blobs, other_blobs):
        assert (await store_.count_staged(alice), await store_.count_staged(bob)) == (2, 1)

    await commit(blobs, keys[0], Digest.of(b""))
    await blobs.settle(keys[0], Digest.of(b""))
    await other_blobs.discard(keys[1])
    await blobs.tidy(0)

    assert (await blobs.count_staged(alice), await blobs.count_staged(bob)) == (0, 1)


async def test_all_unfinished_uploads_are_counted_about(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """What this worker begins at once, what others did after some seconds."""
    for number in range(10):
        await begin(blobs)
        assert await blobs.count_all_staged(now=0) >= number + 1
    before = await blobs.count_all_staged(now=0)
    ended = await begin(other_blobs)

    assert await blobs.count_all_staged(now=100) > before
    await blobs.discard(ended)
    assert await other_blobs.count_all_staged(now=200) >= 10


async def test_an_upload_is_known_in_its_repository(blobs: BlobStore) -> None:
    """And in no other, whoever knows its id."""
    id_ = UploadId("00000000-0000-4000-8000-000000000001")
    await blobs.begin(UploadKey.of(HELLO, id_), algorithm=SHA256, now=0)

    assert await blobs.staged_size(UploadKey.of(HELLO, id_)) == 0
    for other in (OTHER, RepositoryName("hello")):
        with pytest.raises(UploadUnknown):
            await blobs.staged_size(UploadKey.of(other, id_))


async def test_a_commit_is_listed_until_it_is_settled(blobs: BlobStore) -> None:
    """A crash may come before a row knows the blob; the collector finds its bytes here."""
    upload = await begun(blobs, b"hello")
    digest = Digest.of(b"hello")
    async with blobs.stage(upload) as staged, blobs.lock(digest):
        await staged.commit(digest)
    (staged_item,) = await blobs.list_staged()
    assert (staged_item.upload, staged_item.size, staged_item.digest) == (upload, 5, digest)

    await blobs.settle(upload, digest)

    assert await blobs.list_staged() == []


async def test_blobs_that_somebody_holds_are_left_out(
    blobs: BlobStore, other_blobs: BlobStore
) -> None:
    """Locking many at once never waits."""
    held, free = Digest.of(b"hello"), Digest.of(b"other")
    async with other_blobs.lock(held), blobs.lock_idle([held, free]) as idle:
        assert idle == [free]
        async with asyncio.timeout(5), other_blobs.lock_idle([free]) as also_idle:
            assert also_idle == []
    async with blobs.lock_idle([held, free]) as idle:
        assert idle == [held, free]
