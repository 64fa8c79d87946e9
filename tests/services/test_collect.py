"""Collecting garbage: what goes, when, and above all what does not."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lading.core.access import EVERY_ACCESS
from lading.core.digest import Digest
from lading.core.errors import ManifestUnknown, Unavailable
from lading.core.garbage import Cause, Criteria, ExpiredUpload, GarbageManifest, InterruptedCommit
from lading.core.names import UploadKey
from lading.ports.uploads import Staged
from lading.services import collect, jobs, lease, push_blob, trash, unfinished
from lading.services.chunks import Chunk
from lading.services.pull import stat_blob, stat_manifest
from lading.services.registry import Registry
from tests.support.contents import HELLO, OTHER, image, index, new_upload
from tests.support.people import DAY, People, pieces
from tests.support.rows import by_alice


async def test_an_image_in_use_keeps_all_it_has(people: People) -> None:
    """Whatever is asked for, and however old it is."""
    manifest = await people.push_image(b"one", "latest")
    people.now += 1000 * DAY

    assert await people.collect(by_hand=True, untagged=True) == []

    assert await people.has("latest")
    assert len(await people.stored()) == 2
    assert await people.has(manifest.digest)


async def test_a_deleted_image_stays_for_its_window(people: People) -> None:
    """The collector that runs by itself comes too early until then."""
    manifest = await people.push_image(b"one", "latest")
    await people.delete(manifest.digest)

    people.now += people.window - 1
    assert await people.collect() == []
    people.now += 1
    removed = await people.collect()

    assert [item.cause for item in removed if isinstance(item, GarbageManifest)] == [Cause.DELETED]
    assert await people.stored() == set()


async def test_a_store_that_deletes_nothing_now_is_no_reason_to_collect_nothing(
    people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was to be deleted there is, later."""

    async def fail(before: float) -> None:
        raise Unavailable("the object store cannot be used")

    manifest = await people.push_image(b"one", "latest")
    await people.delete(manifest.digest)
    monkeypatch.setattr(people.uploads, "tidy", fail)

    assert await people.collect(by_hand=True)

    assert await people.stored() == set()
    assert "deleted later: the object store cannot be used" in caplog.text


async def test_collecting_by_hand_empties_the_trash(people: People) -> None:
    """A person who asks for the space gets it now."""
    manifest = await people.push_image(b"one", "latest")
    await people.delete(manifest.digest)

    await people.collect(by_hand=True)

    assert await people.stored() == set()


async def test_a_repository_of_which_nothing_is_left_is_listed_no_more(people: People) -> None:
    """Not even in the trash, from which it could come back; the next push lists it again."""
    await people.push_image(b"one", "latest", repository=OTHER)
    await people.push_image(b"two", "latest")
    manifest = await people.push_image(b"three", "third")
    names = people.metadata.repositories.page
    await people.delete("latest")
    await people.delete("latest", repository=OTHER)
    await people.delete(manifest.digest, repository=HELLO)
    assert await names(after="", limit=10) == [HELLO, OTHER]
    await people.push_image(b"three", "third")
    await people.collect(by_hand=True, untagged=True)
    assert await names(after="", limit=10) == [HELLO]
    assert not await people.metadata.repositories.exists(OTHER)
    await people.push_image(b"one", "latest", repository=OTHER)
    assert await names(after="", limit=10) == [HELLO, OTHER]


async def test_what_images_share_goes_with_the_last_of_them(people: People) -> None:
    """In one repository, and over all."""
    first = await people.push_image(b"one", "one", shared=b"base")
    second = await people.push_image(b"two", "two", shared=b"base")
    third = await people.push_image(b"two", "two", shared=b"base", repository=OTHER)
    base = Digest.of(b"base")

    await people.delete(first.digest)
    await people.collect(by_hand=True)
    assert base in await people.stored()
    await people.delete(second.digest)
    await people.collect(by_hand=True)
    assert base in await people.stored()
    await people.delete(third.digest, OTHER)
    await people.collect(by_hand=True)

    assert await people.stored() == set()


async def test_images_that_share_and_go_together_leave_nothing(people: People) -> None:
    """In one collection."""
    for name in (b"one", b"two", b"three"):
        for repository in (HELLO, OTHER):
            manifest = await people.push_image(name, shared=b"base", repository=repository)
            await people.delete(manifest.digest, repository)

    await people.collect(by_hand=True)

    assert await people.stored() == set()


async def test_children_of_an_index_stay_and_go_with_it(people: People) -> None:
    """They have no tags of their own; they go only if untagged manifests do."""
    children = [await people.push_image(name) for name in (b"amd64", b"arm64")]
    whole = index(children)
    await people.push(whole, "latest")
    people.now += 1000 * DAY
    assert await people.collect(by_hand=True, untagged=True) == []

    await people.delete(whole.digest)
    assert [
        item for item in await people.collect(by_hand=True) if isinstance(item, GarbageManifest)
    ]
    assert [await people.has(child.digest) for child in children] == [True, True]
    await people.collect(by_hand=True, untagged=True)

    assert await people.stored() == set()


async def test_a_whole_tree_goes_in_one_collection(people: People) -> None:
    """An index of indexes, with a signature on a child."""
    child = await people.push_image(b"amd64")
    signature = image(b"signature", subject=child)
    await people.push_blob(b"signature")
    await people.push(signature)
    inner = index([child])
    await people.push(inner)
    outer = index([inner])
    await people.push(outer, "latest")
    await people.delete("latest")

    removed = await people.collect(by_hand=True, untagged=True)

    assert len([item for item in removed if isinstance(item, GarbageManifest)]) == 4
    assert await people.stored() == set()


async def test_a_deleted_child_stays_while_its_index_lives(people: People) -> None:
    """It cannot be pulled, but the index can be made whole again."""
    child = await people.push_image(b"amd64")
    await people.push(index([child]), "latest")
    await people.delete(child.digest)
    people.now += 1000 * DAY

    assert await people.collect(by_hand=True, untagged=True) == []


async def test_a_signature_stays_while_its_subject_is_there(people: People) -> None:
    """In the trash, too: it comes back with the image."""
    subject = await people.push_image(b"one", "latest")
    await people.push_blob(b"signature")
    signature = image(b"signature", subject=subject)
    await people.push(signature)
    people.now += 1000 * DAY
    assert await people.collect(by_hand=True, untagged=True) == []

    await people.delete(subject.digest)
    assert await people.collect(untagged=True) == []

    await people.collect(by_hand=True, untagged=True)
    assert await people.stored() == set()


async def test_a_signature_that_comes_before_its_subject_is_kept_by_it(people: People) -> None:
    """Some tools push in that order."""
    subject = image(b"one", b"one layer")
    await people.push_blob(b"signature")
    await people.push(image(b"signature", subject=subject))
    await people.push_image(b"one", "latest")
    people.now += 1000 * DAY

    assert await people.collect(by_hand=True, untagged=True) == []


async def test_untagged_manifests_stay_unless_they_are_asked_for(people: People) -> None:
    """Somebody may pull them by digest."""
    first = await people.push_image(b"one", "latest")
    await people.push_image(b"two", "latest")
    people.now += 1000 * DAY

    await people.collect(by_hand=True)
    assert await people.has(first.digest)
    await people.collect(untagged=True)

    assert not await people.has(first.digest)
    assert await people.has("latest")


async def test_what_a_tag_pointed_to_stays_for_the_window(people: People) -> None:
    """The tag can be moved back until then."""
    first = await people.push_image(b"one", "latest")
    people.now += 1000 * DAY
    await people.push_image(b"two", "latest")

    people.now += people.window - 1
    assert await people.collect(untagged=True) == []
    people.now += 1
    await people.collect(untagged=True)

    assert not await people.has(first.digest)


async def test_a_manifest_that_awaits_its_index_is_not_untagged(people: People) -> None:
    """A push of an index sends its children by digest first."""
    child = await people.push_image(b"amd64")
    assert await people.collect(by_hand=True, untagged=True) == []

    await people.push(index([child]), "latest")
    await people.delete("latest")

    assert len(await people.collect(by_hand=True, untagged=True)) > 0


async def test_who_was_told_that_a_manifest_is_there_can_put_it_into_an_index(
    people: People,
) -> None:
    """HEAD is a promise."""
    child = await people.push_image(b"amd64", "old")
    people.now += 1000 * DAY
    await people.delete("old")
    await stat_manifest(people.registry, people.may(), child.digest)

    assert await people.collect(by_hand=True, untagged=True) == []
    await people.push(index([child]), "latest")

    assert await people.has("latest")


async def test_who_was_told_that_a_blob_is_there_can_use_it(people: People) -> None:
    """HEAD, a mount and the end of an upload are promises."""
    for_head = await people.push_image(b"one", "one")
    await people.delete(for_head.digest)
    people.now += 1000 * DAY
    await stat_blob(people.registry, people.may(), Digest.of(b"one"))
    await people.push_blob(b"fresh")
    await push_blob.mount(
        people.registry,
        people.may(OTHER),
        Digest.of(b"fresh"),
        EVERY_ACCESS,
        change=people.change(),
    )

    await people.collect(by_hand=True)
    assert await people.stored() == {Digest.of(b"one"), Digest.of(b"fresh")}
    await people.push(image(b"one", b"fresh"), "latest")

    people.now += 1000 * DAY
    await people.collect(by_hand=True)
    assert await people.stored() == {Digest.of(b"one"), Digest.of(b"fresh")}


async def test_a_promise_holds_when_the_clock_is_set_back(people: People) -> None:
    """What was relied on before is not taken for what relies on the promise."""
    manifest = await people.push_image(b"one", "one")
    people.now -= DAY / 24
    await stat_blob(people.registry, people.may(), Digest.of(b"one"))
    await stat_manifest(people.registry, people.may(), manifest.digest)
    await people.delete("one")
    await people.collect(by_hand=True, untagged=True)
    assert await people.has(manifest.digest)
    await people.delete(manifest.digest)
    await people.collect(by_hand=True)

    assert await people.stored() == {Digest.of(b"one")}


async def test_a_promise_ends_after_the_grace(people: People) -> None:
    """A blob that no manifest came for."""
    await people.push_blob(b"alone")
    people.now += people.policy.grace - 1
    assert await people.collect(by_hand=True) == []
    people.now += 1

    await people.collect()

    assert await people.stored() == set()


async def test_a_plan_made_before_a_push_takes_nothing_of_it(people: People) -> None:
    """Every removal looks again."""
    deleted = await people.push_image(b"one", "one")
    moved = await people.push_image(b"two", "two")
    alone = await people.push_blob(b"alone")
    await people.delete(deleted.digest)
    await people.delete("two")
    people.now += 1000 * DAY
    plan = await collect.plan(people.registry, people.limits(untagged=True))
    assert {item.digest for item in plan.garbage.manifests} == {deleted.digest, moved.digest}
    assert alone in {item.digest for item in plan.garbage.blobs}

    await people.push(deleted, "one")
    await people.push(moved, "two")
    await people.push_blob(b"alone")

    assert [item async for item in collect.run(people.registry, plan)] == []
    assert len(await people.stored()) == 5


async def test_a_collection_in_steps_takes_all_and_holds_little(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each kind a few at a time; in the end nothing is left that one in one go would take."""
    for number in range(7):
        pushed = await people.push_image(b"%d" % number, shared=b"shared")
        await people.delete(pushed.digest)
    people.now += 1
    limits = people.limits(by_hand=True)
    planned = await collect.plan(people.registry, limits)
    sizes: list[int] = []
    plan = collect.plan

    async def counted(registry: Registry, criteria: Criteria, **look: bool) -> collect.Plan:
        found = await plan(registry, criteria, **look)
        sizes.append(max(len(found.garbage.manifests), len(found.garbage.blobs)))
        return found

    monkeypatch.setattr(collect, "plan", counted)
    steps = collect.run_in_steps(people.registry, replace(limits, at_most=2))
    removed = [item async for item in steps]

    assert sorted(map(str, removed)) == sorted(map(str, planned.items))
    assert max(sizes) < len(planned.garbage.manifests)
    assert await people.stored() == set()


async def test_the_manifests_of_a_large_repository_are_listed_in_pieces(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = sorted(
        [(await people.push_image(b"%d" % number, f"v{number}")).digest for number in range(7)]
    )
    plan = await collect.plan(people.registry, people.limits(by_hand=True))
    monkeypatch.setattr(collect, "PAGE", 3)

    pieces = [piece async for _, piece in collect.list_kept(people.registry, plan)]

    assert [len(piece) for piece in pieces] == [3, 3, 1]
    assert [digest for piece in pieces for digest, _ in piece] == kept
    assert {len(children) for piece in pieces for _, children in piece} == {2}


async def test_a_collection_takes_a_part_at_a_time(people: People) -> None:
    """And comes to its end."""
    for number in range(7):
        manifest = await people.push_image(b"%d" % number, shared=b"base")
        await people.delete(manifest.digest)
    limits = replace(people.limits(by_hand=True), at_most=2)

    rounds = 0
    while (plan := await collect.plan(people.registry, limits)).count:
        assert len(plan.garbage.manifests) <= 2
        assert [item async for item in collect.run(people.registry, plan)]
        rounds += 1

    assert rounds >= 4
    assert await people.stored() == set()


async def test_an_upload_without_progress_is_given_up(people: People) -> None:
    """With what it had; its client is told that it is unknown."""
    upload = await push_blob.start(people.registry, people.may())
    await push_blob.append(people.registry, people.may(), upload, Chunk(pieces(b"half")))
    people.now += people.upload_age - 1
    assert await people.collect() == []
    people.now += 1

    (removed,) = await people.collect()

    assert isinstance(removed, ExpiredUpload)
    assert removed.size == 4
    assert await people.uploads.list_all() == []


async def test_an_upload_with_progress_lives_on(people: People) -> None:
    """However slow it is."""
    upload = await push_blob.start(people.registry, people.may())
    for _ in range(50):
        people.now += people.upload_age / 2
        await push_blob.append(people.registry, people.may(), upload, Chunk(pieces(b"x")))
        assert await people.collect() == []


async def test_an_upload_that_someone_writes_to_is_not_given_up(people: People) -> None:
    """Even if nothing came for long: a plan that was made before does nothing."""
    upload = await push_blob.start(people.registry, people.may())
    people.now += 2 * people.upload_age
    plan = await collect.plan(people.registry, people.limits())
    assert len(plan.uploads) == 1

    async with people.uploads.stage(UploadKey.of(HELLO, upload)):
        assert [item async for item in collect.run(people.registry, plan)] == []

    assert await push_blob.status(people.registry, people.may(), upload) == 0


async def test_bytes_that_never_became_a_blob_are_deleted(people: People) -> None:
    """A crash came between the commit of the bytes and their row."""
    upload = await push_blob.start(people.registry, people.may())
    digest = Digest.of(b"orphan")
    async with people.uploads.stage(UploadKey.of(HELLO, upload)) as staged:
        await staged.write(b"orphan")
        async with people.locks.lock(digest):
            await staged.commit(digest)
            assert await unfinished.find_interrupted(people.registry) == []

    assert await people.collect() == [InterruptedCommit(UploadKey.of(HELLO, upload), 6, digest)]

    assert await people.stored() == set()
    assert await people.uploads.list_all() == []


async def test_interrupted_commits_are_found_as_many_at_a_time_as_all_else(people: People) -> None:
    """A crash of many workers leaves many; each costs a lock and a question."""
    for number in range(5):
        content = b"orphan %d" % number
        upload = await push_blob.start(people.registry, people.may())
        async with people.uploads.stage(UploadKey.of(HELLO, upload)) as staged:
            await staged.write(content)
            async with people.locks.lock(Digest.of(content)):
                await staged.commit(Digest.of(content))
    limits = replace(people.limits(), at_most=2)

    assert len((await collect.plan(people.registry, limits)).interrupted) == 2

    removed = [item async for item in collect.run_in_steps(people.registry, limits)]
    assert len(removed) == 5
    assert await people.uploads.list_all() == []


@pytest.mark.parametrize("by_hand", [True, False])
async def test_uploads_are_not_listed_again_for_each_step(
    people: People, monkeypatch: pytest.MonkeyPatch, *, by_hand: bool
) -> None:
    """There may be as many of them as there may be, whatever else there is to collect."""
    for number in range(7):
        await people.delete((await people.push_image(b"%d" % number)).digest)
    people.now += 10 * DAY
    lists = 0
    list_all = people.uploads.list_all

    async def counted() -> Sequence[Staged]:
        nonlocal lists
        lists += 1
        return await list_all()

    monkeypatch.setattr(people.uploads, "list_all", counted)
    monkeypatch.setattr(jobs, "STEP", 2)
    if by_hand:
        limits = replace(people.limits(by_hand=True), at_most=2)
        async for _ in collect.run_in_steps(people.registry, limits):
            pass
    else:
        async with lease.claim(people.registry, jobs.COLLECT, "worker") as held:
            assert held is not None
            await jobs.collect_garbage(people.registry, held)

    assert await people.stored() == set()
    assert lists <= 2


async def test_bytes_that_a_later_push_made_a_blob_are_kept(people: People) -> None:
    """Only the mark goes."""
    upload = await push_blob.start(people.registry, people.may())
    digest = Digest.of(b"orphan")
    async with (
        people.uploads.stage(UploadKey.of(HELLO, upload)) as staged,
        people.locks.lock(digest),
    ):
        await staged.write(b"orphan")
        await staged.commit(digest)
    await people.push_blob(b"orphan")

    assert await people.collect() == [InterruptedCommit(UploadKey.of(HELLO, upload), 0, digest)]

    assert await people.stored() == {digest}
    assert await people.collect() == []


async def test_a_collection_that_was_interrupted_is_finished_by_the_next(people: People) -> None:
    """The rows were gone, the bytes were not."""
    digest = await people.push_blob(b"alone")
    people.now += people.policy.grace
    (link,) = (await people.metadata.collection.find(people.limits())).links
    await people.metadata.collection.remove_links([link], people.limits())
    assert await people.metadata.collection.remove_blobs([digest], now=people.now) == [digest]

    (removed,) = await people.collect()

    assert removed.why == "an earlier collection was interrupted before its bytes were gone"
    assert await people.stored() == set()
    assert await people.collect() == []


async def test_a_blob_that_is_being_pushed_is_waited_for(people: People) -> None:
    """Its lock is held while its bytes get their name; the collector looks again afterwards."""
    digest = await people.push_blob(b"alone")
    people.now += people.policy.grace
    plan = await collect.plan(people.registry, people.limits())
    collecting = collect.run(people.registry, plan)
    async with people.locks.lock(digest):
        assert await anext(collecting) == next(iter(plan.garbage.links))
        await people.metadata.links.add(
            HELLO, digest, 5, upload=new_upload(), change=by_alice(people.now)
        )

    assert [item async for item in collecting] == []
    assert await people.stored() == {digest}


async def test_every_item_says_why_it_goes(people: People) -> None:
    """In a sentence, with the time."""
    manifest = await people.push_image(b"one", "latest")
    await people.delete(manifest.digest)
    plan = await collect.plan(people.registry, people.limits(by_hand=True))

    assert plan.size == len(b"one") + len(b"one layer")
    assert [item.why for item in plan.items] == [
        "it was deleted, and is in the trash since 1970-01-12 13:46:40Z",
        "no manifest of the repository needs it, and no client was promised it",
        "no manifest of the repository needs it, and no client was promised it",
        "no repository has it",
        "no repository has it",
    ]


async def test_an_unknown_manifest_is_promised_to_nobody(people: People) -> None:
    """HEAD says 404, in a repository that is there."""
    await people.push_image(b"one", "latest")
    with pytest.raises(ManifestUnknown):
        await stat_manifest(people.registry, people.may(), Digest.of(b"none"))


async def test_who_restored_a_manifest_can_put_it_into_an_index(people: People) -> None:
    """It came back without a tag; nothing has led to it for long."""
    child = await people.push_image(b"one")
    people.now += 1000 * DAY
    await people.delete(child.digest)
    await trash.restore(people.registry, people.may(), child.digest, change=people.change())
    await people.collect(by_hand=True, untagged=True)

    await people.push(index([child]), "latest")


async def test_pushing_an_untagged_manifest_again_starts_its_time_anew(people: People) -> None:
    """Its window is as long as after the first push."""
    manifest = await people.push_image(b"one")
    people.now += people.window - 1
    await people.push(manifest)
    people.now += people.window - 1
    await people.collect(untagged=True)
    assert await people.has(manifest.digest)
    people.now += 1
    await people.collect(untagged=True)
    assert not await people.has(manifest.digest)
