"""What was deleted comes back whole, for as long as it was promised to."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.errors import BlobUnknown, ManifestUnknown, NotRestorable, TagImmutable
from lading.core.globs import Glob
from lading.core.history import Restored, TagMove, TrashedManifest, TrashedTag
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest
from lading.core.names import Tag
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.services import trash
from lading.services.delete import delete_blob
from lading.services.pull import pull_blob, pull_manifest
from tests.support.contents import HELLO, OTHER, image, index, read
from tests.support.people import DAY, People

LATEST = Tag("latest")


async def restore(people: People, reference: str, at: float | None = None) -> Restored:
    """Bring something of the one repository back."""
    parsed = Digest(reference) if ":" in reference else Tag(reference)
    return await trash.restore(people.registry, people.may(), parsed, at=at, change=people.change())


async def pull(people: People, reference: str) -> bytes:
    """Pull a manifest, and all that it refers to; returns its bytes."""
    parsed = Digest(reference) if ":" in reference else Tag(reference)
    manifest = await pull_manifest(people.registry, people.may(), parsed)
    for known, children in await people.metadata.manifests.with_children(HELLO):
        for child in children if known == manifest.digest else ():
            if await people.has(child):
                await pull(people, child)
            else:
                blob = await pull_blob(people.registry, people.may(), child)
                assert Digest.of(read(blob.source)) == child
    return manifest.body


async def test_a_deleted_image_comes_back_byte_for_byte(people: People) -> None:
    """With its tags, to the last moment of its window."""
    manifest = await people.push_image(b"one", "latest", "v1")
    await people.delete(manifest.digest)
    people.now += people.window - 1
    await people.collect(untagged=True)

    restored = await restore(people, manifest.digest)

    assert restored == Restored(
        (manifest.digest,), ((LATEST, manifest.digest), (Tag("v1"), manifest.digest))
    )
    assert await pull(people, "latest") == await pull(people, "v1") == manifest.body
    people.now += 1000 * DAY
    assert await people.collect(by_hand=True, untagged=True) == []


async def test_an_image_comes_back_with_blobs_that_were_deleted_after_it(people: People) -> None:
    """Clients that clean up delete the manifest first, and then its layers."""
    manifest = await people.push_image(b"one", "latest")
    await people.delete(manifest.digest)
    for blob in (b"one", b"one layer"):
        await delete_blob(people.registry, people.may(), Digest.of(blob), change=people.change())
    people.now += people.policy.grace
    await people.collect()
    with pytest.raises(BlobUnknown):
        await pull_blob(people.registry, people.may(), Digest.of(b"one"))

    await restore(people, "latest")

    assert await pull(people, "latest") == manifest.body


async def test_an_index_comes_back_with_children_that_were_deleted_too(people: People) -> None:
    """Whichever was deleted first, and with the blobs of the children."""
    children = [await people.push_image(name) for name in (b"amd64", b"arm64")]
    whole = index(children)
    await people.push(whole, "latest")
    for digest in (children[0].digest, whole.digest, children[1].digest):
        await people.delete(digest)
    await delete_blob(
        people.registry, people.may(), Digest.of(b"arm64 layer"), change=people.change()
    )
    people.now += people.window - 1
    await people.collect(untagged=True)

    restored = await restore(people, whole.digest)

    assert set(restored.manifests) == {whole.digest, *(child.digest for child in children)}
    assert await pull(people, "latest") == whole.body


async def test_a_live_index_is_made_whole(people: People) -> None:
    """If one of its children was deleted."""
    child = await people.push_image(b"amd64")
    whole = index([child])
    await people.push(whole, "latest")
    await people.delete(child.digest)

    assert await restore(people, whole.digest) == Restored((child.digest,), ())


async def test_a_deleted_tag_comes_back(people: People) -> None:
    """It alone was deleted, and its manifest is there."""
    manifest = await people.push_image(b"one", "latest", "v1")
    await people.delete("latest")

    assert await restore(people, "latest") == Restored((), ((LATEST, manifest.digest),))

    assert await people.has("latest")


async def test_a_tag_comes_back_with_its_manifest(people: People) -> None:
    """And without the other tags that were deleted."""
    manifest = await people.push_image(b"one", "latest", "v1")
    await people.delete(manifest.digest)

    restored = await restore(people, "latest")

    assert restored == Restored((manifest.digest,), ((LATEST, manifest.digest),))
    assert not await people.has("v1")


async def test_a_tag_that_is_in_use_again_is_left_alone(people: People) -> None:
    """The old image comes back without it."""
    old = await people.push_image(b"old", "latest", "v1")
    await people.delete(old.digest)
    new = await people.push_image(b"new", "latest")

    restored = await restore(people, old.digest)

    assert restored.tags == ((Tag("v1"), old.digest),)
    assert restored.taken == (LATEST,)
    assert await pull(people, "latest") == new.body
    with pytest.raises(NotRestorable, match=f"is there, and points to {new.digest}"):
        await restore(people, "latest")


async def test_a_moved_tag_goes_back_to_what_it_was(people: People) -> None:
    """At any time, through moves, deletions and the trash."""
    start = people.now
    first = await people.push_image(b"one", "latest")
    people.now = start + 10
    second = await people.push_image(b"two", "latest")
    people.now = start + 20
    await people.delete(second.digest)
    people.now = start + 30

    for at, expected in ((start, first), (start + 19, second), (start + 9, first)):
        await restore(people, "latest", at)
        assert await pull(people, "latest") == expected.body
    with pytest.raises(NotRestorable, match="already"):
        await restore(people, "latest", start)
    for at in (start - 1, start + 25):
        with pytest.raises(NotRestorable, match="had no tag latest at that time"):
            await restore(people, "latest", at)


async def test_what_a_tag_was_stays_restorable_for_the_window(people: People) -> None:
    """Even if the server collects untagged manifests."""
    first = await people.push_image(b"one", "latest")
    pushed = people.now
    people.now += 100 * DAY
    await people.push_image(b"two", "latest")
    people.now += people.window - 1
    await people.collect(untagged=True)

    await restore(people, "latest", pushed)

    assert await pull(people, "latest") == first.body


async def test_an_immutable_tag_is_not_moved_back(people: People) -> None:
    """It can be brought back if it is gone."""
    manifest = await people.push_image(b"one", "v1")
    pushed = people.now
    people.now += 1
    await people.push_image(b"two", "v1")
    immutable = [ImmutableTags([Glob("**")], [Glob("v*")], [])]
    for at, error in ((pushed, TagImmutable), (None, NotRestorable)):
        with pytest.raises(error):
            await people.metadata.trash.restore_tag(
                HELLO,
                Tag("v1"),
                at=at,
                immutable=immutable,
                change=people.registry.change_by(people.may().principal),
            )
    assert await people.has(manifest.digest)


async def test_all_of_a_repository_comes_back(people: People) -> None:
    """Where two want the same tag, the one that was deleted last gets it."""
    old = await people.push_image(b"old", "latest", "old")
    await people.delete(old.digest)
    people.now += 1
    new = await people.push_image(b"new", "latest", "new")
    await people.delete("new")
    await people.delete(new.digest)
    elsewhere = await people.push_image(b"one", "latest", repository=OTHER)
    await people.delete(elsewhere.digest, OTHER)

    restored = await trash.restore_all(people.registry, people.may(), change=people.change())

    assert set(restored.manifests) == {old.digest, new.digest}
    assert await pull(people, "latest") == await pull(people, "new") == new.body
    assert await pull(people, "old") == old.body
    assert not await people.has("latest", OTHER)
    with pytest.raises(NotRestorable, match="nothing of library/hello is in the trash"):
        await trash.restore_all(people.registry, people.may(), change=people.change())


async def test_what_is_gone_for_good_is_said_to_be(people: People) -> None:
    """After its window, or a collection by hand; and what never was."""
    manifest = await people.push_image(b"one", "latest")
    pushed = people.now
    people.now += 1
    await people.delete(manifest.digest)
    await people.collect(by_hand=True)

    for reference, at in ((manifest.digest, None), ("latest", None), ("latest", pushed)):
        with pytest.raises(NotRestorable, match="it was collected, or never pushed"):
            await restore(people, reference, at)
    with pytest.raises(NotRestorable, match="never had a tag v1"):
        await restore(people, "v1")
    live = await people.push_image(b"two", "v2")
    with pytest.raises(NotRestorable, match="is not deleted"):
        await restore(people, live.digest)
    with pytest.raises(NotRestorable, match="nothing was ever pushed"):
        await trash.restore(people.registry, people.may(OTHER), LATEST, change=people.change())
    assert await people.trashed(None) == []


async def test_a_failed_restore_changes_nothing(people: People) -> None:
    """Not even a part of it."""
    manifest = await people.push_image(b"one", "latest")
    pushed = people.now
    await people.delete(manifest.digest)
    before = await people.trashed()

    with pytest.raises(NotRestorable):
        await restore(people, "latest", pushed - 1)

    assert await people.trashed() == before


async def test_the_trash_lists_what_can_be_restored(people: People) -> None:
    """Manifests with the tags that went with them, and tags that went alone."""
    first = await people.push_image(b"one", "latest", "v1")
    second = await people.push_image(b"two", "v2", repository=OTHER)
    await people.delete("v1")
    people.now += 1
    await people.delete(first.digest)
    people.now += 1
    await people.delete("v2", OTHER)

    one = TrashedManifest(
        HELLO, first.digest, first.media_type, len(first.body), people.now - 1, "alice", [LATEST]
    )
    tag = TrashedTag(HELLO, Tag("v1"), first.digest, people.now - 2, "alice")
    other = TrashedTag(OTHER, Tag("v2"), second.digest, people.now, "alice")
    assert await people.trashed(None) == [other, one, tag]
    assert await people.trashed() == [one, tag]
    assert trash.kept_until(people.registry, one) == people.now - 1 + people.window

    await restore(people, "v1")
    (left,) = await people.trashed()
    assert left == TrashedTag(HELLO, LATEST, first.digest, people.now - 1, "alice")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_a_long_trash_is_listed_in_pages(
    people: People, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """However many were deleted at one time, no more is read at once, and each is told once."""
    gone: list[str] = []
    tags: list[str] = []
    for number in range(7):
        people.now += number % 3 == 0
        pushed = await people.push_image(b"%d" % number, f"a{number}", f"b{number}")
        gone.append(pushed.digest)
    for number, digest in enumerate(gone):
        people.now += number % 3 == 0
        await people.delete(f"b{number}")
        tags.append(f"b{number}")
        if number % 2:
            await people.delete(digest)
    pages: list[int] = []
    for name in ("manifests", "tags"):
        monkeypatch.setattr(
            people.metadata.trash, name, counted(getattr(people.metadata.trash, name), pages)
        )
    monkeypatch.setattr(trash, "PAGE", size)

    found = await people.trashed()

    assert max(pages) <= size
    times = [item.deleted_at for item in found]
    assert times == sorted(times, reverse=True)
    assert {item.digest for item in found if isinstance(item, TrashedManifest)} == set(gone[1::2])
    assert sorted(item.tag for item in found if isinstance(item, TrashedTag)) == tags[::2]
    assert len(found) == len({repr(item) for item in found})


def counted(
    read: Callable[..., Awaitable[Sequence[Any]]], sizes: list[int]
) -> Callable[..., Awaitable[Sequence[Any]]]:
    """A read that notes how much it has read each time."""

    async def call(*args: Any) -> Sequence[Any]:
        found = await read(*args)
        sizes.append(len(found))
        return found

    return call


async def test_a_tag_that_was_set_again_is_not_in_the_trash(people: People) -> None:
    """Nor is one whose window is over."""
    await people.push_image(b"one", "latest", "v1")
    await people.delete("latest")
    await people.delete("v1")
    await people.push_image(b"two", "latest")
    assert [getattr(item, "tag", "") for item in await people.trashed()] == ["v1"]

    people.now += people.policy.trash + 1
    assert await people.trashed() == []


async def test_every_move_of_a_tag_is_recorded(people: People) -> None:
    """When, by whom, from what to what; pushing the same again is none."""
    first = await people.push_image(b"one", "latest")
    second = image(b"two")
    await people.push_blob(b"two")
    people.now += 1
    await people.push(second, "latest")
    await people.push(second, "latest")
    people.now += 1
    await people.delete("latest")
    people.now += 1
    await restore(people, "latest")

    start = people.now - 3
    moves = await trash.history(people.registry, people.may(), LATEST, limit=10)
    assert moves == [
        TagMove(start + 3, "alice", None, second.digest),
        TagMove(start + 2, "alice", second.digest, None),
        TagMove(start + 1, "alice", first.digest, second.digest),
        TagMove(start, "alice", None, first.digest),
    ]
    assert await trash.history(people.registry, people.may(), LATEST, limit=1) == moves[:1]
    with pytest.raises(ManifestUnknown):
        await trash.history(people.registry, people.may(), Tag("never"), limit=10)


async def test_an_index_of_indexes_of_any_depth_comes_back() -> None:
    """Deeper than a program could call itself."""
    people = People(Metadata(MemoryDatabase()), Stores.in_memory())
    inner: Manifest = await people.push_image(b"one")
    digests = [inner.digest]
    for _ in range(1500):
        inner = index([inner])
        digests.append(await people.push(inner))
    for digest in reversed(digests):
        await people.delete(digest)

    restored = await restore(people, digests[-1])

    assert len(restored.manifests) == 1501
    await people.delete(digests[-1])
    await people.collect(by_hand=True, untagged=True)
    assert await people.stored() == set()
