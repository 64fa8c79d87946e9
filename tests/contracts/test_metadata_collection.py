"""What every `Metadata` promises of collecting, sentence by sentence."""

import pytest

from lading.core.digest import Digest
from lading.core.garbage import Criteria, GarbageLink
from lading.metadata.metadata import Metadata
from tests.support.contents import HELLO, OTHER, image, index
from tests.support.rows import add, by_alice, delete, digest_of, push

CONFIG, LAYER = b"config", b"layer"
IMAGE = image(CONFIG, LAYER)
INDEX = index([IMAGE])
GRACE = 100.0
# What was done at 0 is old by then.
NOW = 1000.0


def limits(*, now: float = NOW, untagged: bool = False, at_most: int | None = None) -> Criteria:
    """Return what a collection by hand may take."""
    return Criteria(now, GRACE, now, untagged, at_most)


async def collect(metadata: Metadata, allowed: Criteria) -> list[str]:
    """Collect rows, as the service does; return the digests of what went."""
    garbage = await metadata.collection.find(allowed)
    removed = [
        *(
            item.digest
            for item in await metadata.collection.remove_manifests([*garbage.manifests], allowed)
        ),
        *(
            item.digest
            for item in await metadata.collection.remove_links([*garbage.links], allowed)
        ),
    ]
    blobs = await metadata.collection.remove_blobs([blob.digest for blob in garbage.blobs], now=NOW)
    await metadata.collection.end_deletions(blobs)
    return [*removed, *blobs]


@pytest.fixture
async def pushed(metadata: Metadata) -> Metadata:
    """An index with one image, pushed long ago."""
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE)
    await push(metadata, INDEX, "latest")
    return metadata


async def test_nothing_that_is_needed_is_garbage(pushed: Metadata) -> None:
    """Whatever is asked for."""
    garbage = await pushed.collection.find(limits(untagged=True))

    assert [*garbage.manifests, *garbage.links, *garbage.blobs] == []


async def test_what_keeps_something_comes_before_it(pushed: Metadata) -> None:
    """So that removing in this order finds each of them still right."""
    await delete(pushed, "latest", at=1)
    allowed = limits(untagged=True)
    garbage = await pushed.collection.find(allowed)

    assert [item.digest for item in garbage.manifests] == [INDEX.digest, IMAGE.digest]
    assert {link.digest for link in garbage.links} == {Digest.of(CONFIG), Digest.of(LAYER)}
    assert {(blob.digest, blob.size) for blob in garbage.blobs} == {
        (Digest.of(CONFIG), len(CONFIG)),
        (Digest.of(LAYER), len(LAYER)),
    }
    assert len(await collect(pushed, allowed)) == 6
    assert await collect(pushed, allowed) == []


async def test_finding_garbage_changes_nothing(pushed: Metadata) -> None:
    """What is found can be restored as before."""
    await delete(pushed, INDEX.digest, at=1)
    garbage = [await pushed.collection.find(limits()) for _ in range(2)]
    found = [[*each.manifests, *each.tags, *each.links, *each.blobs] for each in garbage]

    assert found[0] == found[1]
    assert await push(pushed, INDEX) == INDEX.digest


@pytest.mark.parametrize("change", ["tag", "index", "push"])
async def test_a_manifest_that_is_needed_again_is_not_removed(
    pushed: Metadata, change: str
) -> None:
    """Though it was garbage when it was found."""
    await delete(pushed, "latest", at=1)
    allowed = limits(untagged=True)
    garbage = await pushed.collection.find(allowed)
    match change:
        case "tag":
            await push(pushed, INDEX, "again", at=NOW)
        case "index":
            await push(pushed, index([INDEX]), "again", at=NOW)
        case "push":
            await push(pushed, INDEX, at=NOW)

    assert await pushed.collection.remove_manifests([*garbage.manifests], allowed) == []
    assert await pushed.collection.remove_links([*garbage.links], allowed) == []
    assert (
        await pushed.collection.remove_blobs([blob.digest for blob in garbage.blobs], now=NOW) == []
    )
    assert await digest_of(pushed, INDEX.digest) == INDEX.digest


async def test_a_deleted_manifest_that_came_back_is_not_removed(pushed: Metadata) -> None:
    """By a push, between the finding and the removing."""
    await delete(pushed, INDEX.digest, at=1)
    allowed = limits()
    garbage = await pushed.collection.find(allowed)
    assert [item.digest for item in garbage.manifests] == [INDEX.digest]
    await push(pushed, INDEX, at=NOW)

    assert await pushed.collection.remove_manifests([*garbage.manifests], allowed) == []


async def test_what_was_deleted_later_is_not_removed(pushed: Metadata) -> None:
    """Than the time before which the trash goes."""
    await delete(pushed, INDEX.digest, at=NOW)
    early = limits(now=NOW - 1)

    assert [*(await pushed.collection.find(early)).manifests] == []


@pytest.mark.parametrize("change", ["promise", "push", "mount", "manifest"])
async def test_a_link_that_is_needed_again_is_not_removed(metadata: Metadata, change: str) -> None:
    """A client was told that it is there, or a manifest relies on it."""
    layer, config = await add(metadata, LAYER, CONFIG)
    await add(metadata, LAYER, to=OTHER)
    allowed = limits()
    garbage = [
        link for link in (await metadata.collection.find(allowed)).links if link.digest == layer
    ]
    assert GarbageLink(HELLO, layer) in garbage
    match change:
        case "promise":
            assert await metadata.links.promise(HELLO, layer, now=NOW, grace=GRACE)
        case "push":
            await add(metadata, LAYER, at=NOW)
        case "mount":
            assert await metadata.links.mount(HELLO, layer, source=OTHER, change=by_alice(NOW))
        case "manifest":
            await push(metadata, IMAGE, at=NOW)

    removed = await metadata.collection.remove_links(garbage, allowed)

    assert removed == [GarbageLink(OTHER, layer)]
    assert await metadata.links.find(HELLO, layer) == len(LAYER)
    assert config


@pytest.mark.parametrize("told_at", [0.0, 49.0, 51.0, 100.0])
async def test_a_promise_holds_for_half_of_the_grace_at_least(
    metadata: Metadata, told_at: float
) -> None:
    """Whether or not it had to be written down."""
    (layer,) = await add(metadata, LAYER, at=0)
    await metadata.links.promise(HELLO, layer, now=told_at, grace=GRACE)

    almost = limits(now=told_at + GRACE / 2 - 1)
    assert [*(await metadata.collection.find(almost)).links] == []
    after = limits(now=told_at + GRACE)
    assert [*(await metadata.collection.find(after)).links] == [GarbageLink(HELLO, layer)]


async def test_a_manifest_uses_up_the_promise_of_its_blobs(metadata: Metadata) -> None:
    """Deleted and collected by hand right after the push, an image is gone at once."""
    await add(metadata, CONFIG, LAYER, at=NOW)
    await push(metadata, IMAGE, "latest", at=NOW)
    await delete(metadata, IMAGE.digest, at=NOW)

    assert len(await collect(metadata, limits(now=NOW))) == 5


async def test_a_blob_that_some_repository_has_is_not_removed(metadata: Metadata) -> None:
    """Also one that the repository got since it was found."""
    (layer,) = await add(metadata, LAYER)
    await metadata.links.delete(HELLO, layer, change=by_alice(1))
    assert [blob.digest for blob in (await metadata.collection.find(limits())).blobs] == [layer]
    await add(metadata, LAYER, to=OTHER, at=NOW)

    assert await metadata.collection.remove_blobs([layer], now=NOW) == []
    assert await metadata.links.find(OTHER, layer) == len(LAYER)


async def test_a_deletion_that_was_interrupted_is_named_again(metadata: Metadata) -> None:
    """Until the bytes are said to be gone; what never had a row may have bytes as well."""
    (layer,) = await add(metadata, LAYER)
    await metadata.links.delete(HELLO, layer, change=by_alice(1))
    unknown = Digest.of(b"unknown")
    for _ in range(2):
        assert await metadata.collection.remove_blobs([layer, unknown], now=NOW) == [layer, unknown]
        found = (await metadata.collection.find(limits())).blobs
        assert {(blob.digest, blob.interrupted) for blob in found} == {
            (layer, True),
            (unknown, True),
        }
    await metadata.collection.end_deletions([layer, unknown])

    assert [*(await metadata.collection.find(limits())).blobs] == []


async def test_a_push_takes_the_note_of_a_deletion_away(metadata: Metadata) -> None:
    """The bytes are there again."""
    (layer,) = await add(metadata, LAYER)
    await metadata.links.delete(HELLO, layer, change=by_alice(1))
    await metadata.collection.remove_blobs([layer], now=NOW)
    await add(metadata, LAYER, at=NOW)

    assert [*(await metadata.collection.find(limits())).blobs] == []
    assert await metadata.collection.remove_blobs([layer], now=NOW) == []


async def test_a_part_of_the_garbage(metadata: Metadata) -> None:
    """As much of each kind as is asked for; what is left is found by the next."""
    layers = await add(metadata, *(b"%d" % number for number in range(5)))
    found = [await collect(metadata, limits(at_most=2)) for _ in range(3)]

    assert [len(removed) for removed in found] == [4, 4, 2]
    assert {digest for removed in found for digest in removed} == set(layers)


async def test_all_manifests_are_listed_with_what_they_refer_to(pushed: Metadata) -> None:
    """Deleted ones too."""
    await delete(pushed, INDEX.digest, at=1)

    found = dict(await pushed.manifests.with_children(HELLO))

    assert {digest: set(children) for digest, children in found.items()} == {
        IMAGE.digest: {Digest.of(CONFIG), Digest.of(LAYER)},
        INDEX.digest: {IMAGE.digest},
    }
    assert await pushed.manifests.with_children(OTHER) == []
    assert await pushed.repositories.with_manifests() == [HELLO]


async def test_uploads_that_became_blobs_are_forgotten(metadata: Metadata) -> None:
    """After a while, a part at a time; their blobs stay."""
    digests = await add(metadata, *(b"%d" % number for number in range(5)), at=10)

    assert await metadata.links.remove_committed(before=9, at_most=10) == 0
    assert await metadata.links.remove_committed(before=10, at_most=3) == 3
    assert await metadata.links.remove_committed(before=10, at_most=3) == 2
    assert await metadata.links.find(HELLO, digests[0]) == 1


async def test_a_restored_database_forgets_what_was_being_deleted_when_it_was_backed_up(
    metadata: Metadata,
) -> None:
    """Somebody may have pushed it again since; what the database does not know is kept."""
    unknown = Digest.of(b"unknown")
    assert await metadata.collection.remove_blobs([unknown], now=NOW) == [unknown]
    assert [blob.digest for blob in (await metadata.collection.find(limits())).blobs] == [unknown]

    await metadata.strangers.begin_restored(by_alice(NOW))

    assert list((await metadata.collection.find(limits())).blobs) == []
