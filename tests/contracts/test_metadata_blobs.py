"""What every `Metadata` promises of blobs and uploads, sentence by sentence."""

import asyncio

import pytest

from lading.core.digest import Digest
from lading.core.errors import BlobInUse
from lading.core.names import RepositoryName
from lading.metadata.metadata import Metadata
from tests.support.contents import HELLO, OTHER, image, new_upload
from tests.support.rows import add, by_alice, delete, push

CONFIG, LAYER = b"config", b"layer"
IMAGE = image(CONFIG, LAYER)


async def test_a_blob_is_in_the_repository_it_was_pushed_to(metadata: Metadata) -> None:
    """And in no other: bytes are shared, knowing of them is not."""
    (digest,) = await add(metadata, LAYER)

    assert await metadata.links.find(HELLO, digest) == len(LAYER)
    assert await metadata.links.find(OTHER, digest) is None
    assert await metadata.links.promise(OTHER, digest, now=0, grace=10) is None
    assert await metadata.links.find(HELLO, Digest.of(b"unknown")) is None


async def test_many_that_are_looked_up_at_once_are_each_what_was_asked_for(
    metadata: Metadata,
) -> None:
    """Some are in one repository only, some in none, and some are asked for by several."""
    contents = [b"%d" % number * (number % 5 + 1) for number in range(100)]
    for number, data in enumerate(contents):
        if number % 3:
            await add(metadata, data, to=(HELLO, OTHER)[number % 2])
    asked = [(place, data) for data in contents for place in (HELLO, OTHER, HELLO)]
    found = await asyncio.gather(
        *(metadata.links.find(place, Digest.of(data)) for place, data in asked)
    )
    for (place, data), size in zip(asked, found, strict=True):
        number = contents.index(data)
        is_there = number % 3 and place == (HELLO, OTHER)[number % 2]
        assert size == (len(data) if is_there else None)


async def test_adding_a_blob_again_changes_nothing(metadata: Metadata) -> None:
    """Neither by the same upload, as after a lost answer, nor by another."""
    upload = new_upload()
    digest = Digest.of(LAYER)
    for _ in range(2):
        await metadata.links.add(HELLO, digest, len(LAYER), upload=upload, change=by_alice())
    await add(metadata, LAYER)

    assert await metadata.links.find(HELLO, digest) == len(LAYER)
    assert await metadata.links.repositories_with(digest, limit=10) == [HELLO]
    assert await metadata.links.delete(HELLO, digest, change=by_alice())
    assert await metadata.links.find(HELLO, digest) is None


async def test_one_blob_is_added_by_many_at_once(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """To one repository and to several, from several workers."""
    names = [RepositoryName(f"r{number % 5}") for number in range(20)]
    workers = [metadata, other_metadata] * 10
    await asyncio.gather(
        *(add(worker, LAYER, to=name) for worker, name in zip(workers, names, strict=True))
    )

    found = await metadata.links.repositories_with(Digest.of(LAYER), limit=10)
    assert sorted(found) == sorted(set(names))


async def test_a_mount_takes_a_blob_over(metadata: Metadata) -> None:
    """Also one that is there already; from then on the repositories are independent."""
    (digest,) = await add(metadata, LAYER)
    for _ in range(2):
        assert await metadata.links.mount(OTHER, digest, source=HELLO, change=by_alice())
    await metadata.links.delete(HELLO, digest, change=by_alice())

    assert await metadata.links.find(OTHER, digest) == len(LAYER)


async def test_a_mount_fails_where_there_is_nothing(metadata: Metadata) -> None:
    """An unknown blob, an unknown repository, one without the blob, or with it deleted."""
    (digest,) = await add(metadata, LAYER, to=OTHER)
    await metadata.links.delete(OTHER, digest, change=by_alice())
    await add(metadata, LAYER, to=RepositoryName("third"))

    assert not await metadata.links.mount(HELLO, digest, source=OTHER, change=by_alice())
    assert not await metadata.links.mount(HELLO, digest, source=HELLO, change=by_alice())
    assert not await metadata.links.mount(
        HELLO, digest, source=RepositoryName("never"), change=by_alice()
    )
    unknown = Digest.of(b"unknown")
    assert not await metadata.links.mount(
        HELLO, unknown, source=RepositoryName("third"), change=by_alice()
    )
    assert await metadata.links.find(HELLO, digest) is None


async def test_repositories_with_a_blob_are_limited(metadata: Metadata) -> None:
    """Some are enough; those that have deleted it are none of them."""
    for number in range(5):
        await add(metadata, LAYER, to=RepositoryName(f"r{number}"))
    digest = Digest.of(LAYER)
    await metadata.links.delete(RepositoryName("r0"), digest, change=by_alice())

    assert len(await metadata.links.repositories_with(digest, limit=3)) == 3
    assert RepositoryName("r0") not in await metadata.links.repositories_with(digest, limit=10)
    assert await metadata.links.repositories_with(Digest.of(b"unknown"), limit=3) == []


async def test_a_deleted_blob_is_gone_from_its_repository(metadata: Metadata) -> None:
    """It can be deleted once, and pushed again."""
    (digest,) = await add(metadata, LAYER)
    assert await metadata.links.delete(HELLO, digest, change=by_alice())

    assert not await metadata.links.delete(HELLO, digest, change=by_alice())
    assert await metadata.links.find(HELLO, digest) is None
    assert await metadata.links.promise(HELLO, digest, now=0, grace=10) is None
    await add(metadata, LAYER)
    assert await metadata.links.find(HELLO, digest) == len(LAYER)


async def test_what_is_not_there_is_not_deleted(metadata: Metadata) -> None:
    """In an unknown repository, or one without the blob."""
    (digest,) = await add(metadata, LAYER)

    assert not await metadata.links.delete(OTHER, digest, change=by_alice())
    assert not await metadata.links.delete(HELLO, Digest.of(b"unknown"), change=by_alice())


async def test_what_a_manifest_needs_is_not_deleted(metadata: Metadata) -> None:
    """The image would be broken; where no manifest needs it, it can go."""
    config, layer = await add(metadata, CONFIG, LAYER)
    await add(metadata, LAYER, to=OTHER)
    await push(metadata, IMAGE, "latest")

    for digest in (config, layer):
        with pytest.raises(BlobInUse) as refused:
            await metadata.links.delete(HELLO, digest, change=by_alice())
        assert list(refused.value.details) == [{"digest": digest, "manifest": IMAGE.digest}]
        assert await metadata.links.find(HELLO, digest) is not None
    assert await metadata.links.delete(OTHER, layer, change=by_alice())


async def test_what_a_deleted_manifest_needs_can_be_deleted(metadata: Metadata) -> None:
    """It is hidden; pushing the blob and the manifest again brings both back."""
    _, layer = await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE)
    await delete(metadata, IMAGE.digest)

    assert await metadata.links.delete(HELLO, layer, change=by_alice())

    assert not await metadata.links.delete(HELLO, layer, change=by_alice())
    assert await metadata.links.find(HELLO, layer) is None
    assert await metadata.links.repositories_with(layer, limit=1) == []
    assert not await metadata.links.mount(OTHER, layer, source=HELLO, change=by_alice())
    await add(metadata, LAYER)
    await push(metadata, IMAGE)
    assert await metadata.links.find(HELLO, layer) == len(LAYER)


async def test_a_committed_upload_remembers_its_blob(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """For the client that did not get the answer, whichever worker it asks then."""
    upload, digest = new_upload(), Digest.of(LAYER)
    await metadata.links.add(HELLO, digest, len(LAYER), upload=upload, change=by_alice(1))

    assert await other_metadata.links.committed(upload) == digest
    assert await metadata.links.committed(new_upload()) is None


async def test_blobs_make_no_repository(metadata: Metadata) -> None:
    """A repository exists from its first manifest on."""
    await add(metadata, LAYER)

    assert not await metadata.repositories.exists(HELLO)
    assert await metadata.repositories.page(after="", limit=10) == []
    assert await metadata.repositories.with_manifests() == []
