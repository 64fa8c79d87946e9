"""What every adapter of `Uploads` promises, sentence by sentence."""

import uuid

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import SHA256, SHA512, Digest
from lading.core.errors import DigestMismatch, UploadOutOfOrder, UploadUnknown
from lading.core.names import Owner, RepositoryName, UploadId, UploadKey
from lading.ports.uploads import WRONG_DIGESTS, Staged
from tests.support.contents import HELLO, OTHER, begin, begun, fetch, new_upload, store

WRONG = Digest.of(b"something else")


async def commit(stores: Stores, upload: UploadKey, digest: Digest) -> None:
    """Commit an upload as it is."""
    async with stores.uploads.stage(upload) as staged, stores.locks.lock(digest):
        await staged.commit(digest)


async def is_unknown(stores: Stores, upload: UploadKey) -> None:
    """Nothing can be written to an upload, and it has no size."""
    with pytest.raises(UploadUnknown):
        await stores.uploads.stage(upload).__aenter__()
    with pytest.raises(UploadUnknown):
        await stores.uploads.size(upload)


async def test_bytes_come_back_as_they_were_written(stores: Stores) -> None:
    """In several writes, of bytes and bytearrays, over several requests."""
    digest = Digest.of(b"hello world")
    upload = await begun(stores, b"he")
    async with stores.uploads.stage(upload) as staged:
        await staged.write(bytearray(b"llo"))
        await staged.write(b" world")
        assert staged.size == len(b"hello world")
    await commit(stores, upload, digest)

    assert await fetch(await stores.blobs.find(digest)) == b"hello world"


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
@pytest.mark.parametrize("hint", [SHA256, SHA512])
async def test_the_algorithm_of_an_upload_is_a_hint(
    stores: Stores, algorithm: str, hint: str
) -> None:
    """Any supported digest can be committed, whichever hash was kept running."""
    digest = Digest.of(b"hello", algorithm)
    upload = await begun(stores, b"hello", hint)

    await commit(stores, upload, digest)

    assert await fetch(await stores.blobs.find(digest)) == b"hello"


async def test_an_upload_is_written_by_one_request_at_a_time(
    stores: Stores, others: Stores
) -> None:
    """The second is told how many bytes there are, whichever worker it reaches."""
    upload = await begun(stores, b"hello")
    async with stores.uploads.stage(upload):
        for store in (stores, others):
            with pytest.raises(UploadOutOfOrder) as refused:
                await store.uploads.stage(upload).__aenter__()
            assert refused.value.size == 5

    async with others.uploads.stage(upload) as staged:
        assert staged.size == 5


async def test_an_upload_is_free_again_after_a_failed_request(stores: Stores) -> None:
    """And it has what was written before the failure."""
    upload = await begun(stores)

    async def request() -> None:
        async with stores.uploads.stage(upload) as staged:
            await staged.write(b"hel")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await request()
    async with stores.uploads.stage(upload) as staged:
        assert staged.size == 3
        await staged.write(b"lo")
        await staged.commit(Digest.of(b"hello"))


@pytest.mark.parametrize("workers", [1, 2])
async def test_requests_of_one_upload_may_reach_different_workers(
    stores: Stores, others: Stores, workers: int
) -> None:
    """A hash that one worker kept is not taken for that of what another has written since."""
    asked = [stores, others][:workers]
    upload = await begun(stores)
    for number in range(6):
        async with asked[number % workers].uploads.stage(upload) as staged:
            await staged.write(b"%d" % number)

    await commit(asked[-1], upload, Digest.of(b"012345"))


async def test_staged_size_is_what_has_been_written(stores: Stores, others: Stores) -> None:
    """By requests that are over; of one that is writing, as much as the store has already."""
    upload = await begun(stores)
    assert await stores.uploads.size(upload) == 0
    async with stores.uploads.stage(upload) as staged:
        await staged.write(b"hello")
        assert await others.uploads.size(upload) in {0, 5}
    assert await others.uploads.size(upload) == 5


async def test_an_upload_that_never_began_is_unknown(stores: Stores) -> None:
    await is_unknown(stores, new_upload())


async def test_a_committed_upload_is_over(stores: Stores) -> None:
    """Its bytes belong to the blob now."""
    upload = await begun(stores, b"hello")
    await commit(stores, upload, Digest.of(b"hello"))

    await is_unknown(stores, upload)


async def test_a_discarded_upload_is_over(stores: Stores) -> None:
    """Discarding it again does nothing."""
    upload = await begun(stores, b"hello")
    for _ in range(2):
        await stores.uploads.discard(upload)

    await is_unknown(stores, upload)


async def test_an_upload_that_is_discarded_while_written_never_becomes_a_blob(
    stores: Stores, others: Stores
) -> None:
    """The request that writes may go on; its commit says that the upload is unknown."""
    digest = Digest.of(b"hello")
    upload = await begun(stores, b"hel")
    async with stores.uploads.stage(upload) as staged:
        await others.uploads.discard(upload)
        await staged.write(b"lo")
        with pytest.raises(UploadUnknown):
            await staged.commit(digest)
        await staged.rewind(3)

    assert await stores.blobs.find(digest) is None


async def test_discarding_what_became_a_blob_leaves_the_blob(stores: Stores) -> None:
    """Only what was uploaded and not committed goes."""
    upload = await begun(stores, b"hello")
    await commit(stores, upload, Digest.of(b"hello"))

    await stores.uploads.discard(upload)

    assert await fetch(await stores.blobs.find(Digest.of(b"hello"))) == b"hello"


async def test_a_wrong_digest_is_refused_and_the_upload_stays(stores: Stores) -> None:
    """It can go on to the right one."""
    upload = await begun(stores, b"hel")
    async with stores.uploads.stage(upload) as staged:
        with pytest.raises(DigestMismatch) as refused:
            await staged.commit(WRONG)
        assert refused.value.details == ({"expected": WRONG, "actual": Digest.of(b"hel")},)
        assert staged.size == 3
    assert await stores.blobs.find(WRONG) is None
    assert await stores.blobs.find(Digest.of(b"hel")) is None
    async with stores.uploads.stage(upload) as staged:
        await staged.write(b"lo")
        await staged.commit(Digest.of(b"hello"))


async def test_a_few_wrong_digests_end_an_upload(stores: Stores, others: Stores) -> None:
    """Whichever workers they come to: for each, all bytes may have to be read."""
    upload = await begun(stores, b"hello")
    for number in range(WRONG_DIGESTS):
        algorithm = (SHA256, SHA512)[number % 2]
        async with (stores, others)[number % 2].uploads.stage(upload) as staged:
            with pytest.raises(DigestMismatch):
                await staged.verify(Digest.of(b"something else", algorithm))
            await staged.rewind(5)
            await staged.touch(7)

    for worker in (stores, others):
        with pytest.raises(UploadUnknown):
            await worker.uploads.stage(upload).__aenter__()
    assert await stores.uploads.list_all() == []


async def test_bytes_that_come_after_a_check_are_checked_as_well(stores: Stores) -> None:
    """What was found out holds for what was there."""
    upload = await begun(stores, b"hello")
    async with stores.uploads.stage(upload) as staged:
        await staged.verify(Digest.of(b"hello"))
        await staged.write(b"!")
        with pytest.raises(DigestMismatch):
            await staged.commit(Digest.of(b"hello"))
        await staged.verify(Digest.of(b"hello!"))
        await staged.rewind(5)
        with pytest.raises(DigestMismatch):
            await staged.commit(Digest.of(b"hello!"))


async def test_going_back_forgets_the_bytes_after(stores: Stores) -> None:
    """What is written next takes their place."""
    upload = await begun(stores, b"help!")
    async with stores.uploads.stage(upload) as staged:
        await staged.rewind(3)
        assert staged.size == 3
        await staged.write(b"lo")
        await staged.commit(Digest.of(b"hello"))

    assert await fetch(await stores.blobs.find(Digest.of(b"hello"))) == b"hello"


async def test_going_back_in_one_worker_invalidates_the_hash_kept_in_another(
    stores: Stores, others: Stores
) -> None:
    """Else the other would call new bytes of the same length by the digest of the old ones."""
    upload = await begun(stores, b"old!!")
    async with others.uploads.stage(upload) as staged:
        await staged.rewind(0)
        await staged.write(b"hello")

    async with stores.uploads.stage(upload) as staged:
        with pytest.raises(DigestMismatch):
            await staged.commit(Digest.of(b"old!!"))
        await staged.commit(Digest.of(b"hello"))


async def test_going_back_after_a_commit_does_nothing(stores: Stores) -> None:
    """The bytes are a blob's now, and blobs never change."""
    digest = Digest.of(b"hello")
    upload = await begun(stores, b"hello")
    async with stores.uploads.stage(upload) as staged:
        await staged.commit(digest)
        await staged.rewind(0)

    assert await fetch(await stores.blobs.find(digest)) == b"hello"


async def test_a_blob_that_is_there_is_left_as_it_is(stores: Stores) -> None:
    """Readers of it are not disturbed, and the upload is over as usual."""
    digest = await store(stores, b"hello")
    before = await stores.blobs.find(digest)
    upload = await begun(stores, b"hello")
    async with stores.uploads.stage(upload) as staged:
        await staged.commit(digest)
        await staged.rewind(0)

    assert await fetch(before) == await fetch(await stores.blobs.find(digest)) == b"hello"
    with pytest.raises(UploadUnknown):
        await stores.uploads.size(upload)


async def test_an_upload_is_listed_with_its_last_activity(stores: Stores, others: Stores) -> None:
    """Which whoever opens it is told as well; after the commit nothing touches it."""
    upload, digest = await begin(stores, now=7), Digest.of(b"hello")
    assert await others.uploads.list_all() == [Staged(upload, 0, 7)]
    async with others.uploads.stage(upload) as staged:
        assert staged.active_at == 7
        await staged.write(b"hello")
        await staged.touch(9.5)

    assert await stores.uploads.list_all() == [Staged(upload, 5, 9.5)]
    async with stores.uploads.stage(upload) as staged, stores.locks.lock(digest):
        assert staged.active_at == 9.5
        await staged.commit(digest)
        await staged.touch(11)
        await stores.uploads.settle(upload, digest)
    assert await stores.uploads.list_all() == []


async def test_unfinished_uploads_are_counted_by_their_owners(
    stores: Stores, others: Stores
) -> None:
    """Whichever workers they began in; until they are committed or discarded."""
    alice, bob = Owner.of("alice"), Owner.of("bob")
    keys = [UploadKey.of(HELLO, UploadId.of(uuid.uuid4(), owner)) for owner in (alice, alice, bob)]
    assert await stores.uploads.count(alice) == 0
    for number, key in enumerate(keys):
        assert key.owner == (alice, alice, bob)[number]
        await (stores, others)[number % 2].uploads.begin(key, algorithm=SHA256, now=0)
    for store_ in (stores, others):
        assert (await store_.uploads.count(alice), await store_.uploads.count(bob)) == (2, 1)

    await commit(stores, keys[0], Digest.of(b""))
    await stores.uploads.settle(keys[0], Digest.of(b""))
    await others.uploads.discard(keys[1])
    await stores.uploads.tidy(0)

    assert (await stores.uploads.count(alice), await stores.uploads.count(bob)) == (0, 1)


async def test_an_upload_begins_if_its_owner_has_few(stores: Stores, others: Stores) -> None:
    """What others have does not count, nor what is over."""
    alice, bob = Owner.of("alice"), Owner.of("bob")

    async def begin_one(of: Stores, owner: Owner) -> UploadKey | None:
        key = UploadKey.of(HELLO, UploadId.of(uuid.uuid4(), owner))
        begun = await of.uploads.begin(key, algorithm=SHA256, now=0, most=2)
        return key if begun else None

    first = await begin_one(stores, alice)
    assert first is not None
    assert await begin_one(others, alice)
    assert await begin_one(stores, alice) is None
    assert await stores.uploads.count(alice) == 2
    assert await begin_one(stores, bob)
    await stores.uploads.discard(first)
    assert await begin_one(others, alice)


async def test_all_unfinished_uploads_are_counted_about(stores: Stores, others: Stores) -> None:
    """What this worker begins at once, what others did after some seconds."""
    for number in range(10):
        await begin(stores)
        assert await stores.uploads.count_all(now=0) >= number + 1
    before = await stores.uploads.count_all(now=0)
    ended = await begin(others)

    assert await stores.uploads.count_all(now=100) > before
    await stores.uploads.discard(ended)
    assert await others.uploads.count_all(now=200) >= 10


async def test_an_upload_is_known_in_its_repository(stores: Stores) -> None:
    """And in no other, whoever knows its id."""
    id_ = UploadId("00000000-0000-4000-8000-000000000001")
    await stores.uploads.begin(UploadKey.of(HELLO, id_), algorithm=SHA256, now=0)

    assert await stores.uploads.size(UploadKey.of(HELLO, id_)) == 0
    for other in (OTHER, RepositoryName("hello")):
        with pytest.raises(UploadUnknown):
            await stores.uploads.size(UploadKey.of(other, id_))


async def test_a_commit_is_listed_until_it_is_settled(stores: Stores) -> None:
    """A crash may come before a row knows the blob; the collector finds its bytes here."""
    upload = await begun(stores, b"hello")
    digest = Digest.of(b"hello")
    async with stores.uploads.stage(upload) as staged, stores.locks.lock(digest):
        await staged.commit(digest)
    (staged_item,) = await stores.uploads.list_all()
    assert (staged_item.upload, staged_item.size, staged_item.digest) == (upload, 5, digest)

    await stores.uploads.settle(upload, digest)

    assert await stores.uploads.list_all() == []
