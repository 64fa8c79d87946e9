"""A clock that was ahead, and was set right: what it has written holds nothing up for years."""

import logging
from dataclasses import replace
from uuid import uuid4

import pytest

from lading.core.access import Action
from lading.core.clocks import SLACK
from lading.core.errors import UploadOutOfOrder
from lading.core.figures import LastPull
from lading.core.globs import EVERYTHING
from lading.core.names import Owner, Tag, UploadId, UploadKey
from lading.core.robots import Robot
from lading.metadata.collecting.kept_bytes import LONGEST_HOLD, BackupHold
from lading.services import jobs, lease, push_blob, trash
from lading.services.jobs import Job
from tests.services.test_jobs import Counter, once
from tests.support.contents import HELLO
from tests.support.people import DAY, People

YEARS = 3650 * DAY


async def do(people: People, work: jobs.Work, holder: str = "worker", name: str = "job") -> float:
    """Let a worker look at a daily job once; after how many seconds it looks again."""
    return await once(people, Job(name, DAY, work), holder)


async def test_a_job_that_was_done_in_the_future_is_due(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """After a restart, and every day from then on."""
    work = Counter()
    people.now += YEARS
    await do(people, work)
    people.now -= YEARS
    await do(people, work)
    assert work.count == 2
    assert "job was last done at" in caplog.text
    assert await do(people, work) <= DAY
    people.now += DAY
    await do(people, work)
    assert work.count == 3


async def test_a_lease_of_the_future_is_over(people: People) -> None:
    """Its holder died before the clock was set right."""
    work = Counter()
    people.now += YEARS
    await people.metadata.jobs.claim(
        "job", "dead", now=people.now, expires_at=people.now + 60, finished_before=None
    )
    people.now -= YEARS
    await do(people, work)
    assert work.count == 1


async def test_a_lease_is_renewed_after_the_clock_was_set_back(people: People) -> None:
    """Or everybody else would find it over, time and again."""
    people.now += YEARS
    async with lease.claim(people.registry, "job", "one") as held:
        assert held is not None
        people.now -= YEARS
        await held.renew()
        work = Counter()
        await do(people, work, "two")
        assert work.count == 0


async def test_what_nobody_needs_is_collected(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """Deleted, pushed and left, or not gone on with: each as long after as it always is."""
    people.now += YEARS
    deleted = await people.push_image(b"deleted", "old")
    await people.delete(str(deleted.digest))
    unused = await people.push_blob(b"never used")
    await push_blob.start(people.registry, people.may())
    people.now -= YEARS
    await do(people, jobs.expire_uploads, name=jobs.EXPIRE)
    await do(people, jobs.collect_garbage, name=jobs.COLLECT)
    assert "times were in the future" in caplog.text
    assert len(await people.stored()) == 3
    assert len(await people.uploads.list_all()) == 1

    people.now += people.window + DAY
    for name, work in ((jobs.EXPIRE, jobs.expire_uploads), (jobs.COLLECT, jobs.collect_garbage)):
        await do(people, work, name=name)
    assert unused not in await people.stored()
    assert await people.stored() == set()
    assert not await people.uploads.list_all()


async def test_what_is_in_the_trash_can_still_be_restored(people: People) -> None:
    """With its tags, for as long as was promised; counted from when the clock was right."""
    people.now += YEARS
    deleted = await people.push_image(b"deleted", "old", "older")
    await people.delete(str(deleted.digest))
    people.now -= YEARS
    await do(people, jobs.collect_garbage, name=jobs.COLLECT)
    people.now += people.window - 1
    await do(people, jobs.collect_garbage, name=jobs.COLLECT)
    restored = await trash.restore(
        people.registry, people.may(), deleted.digest, change=people.change()
    )
    assert {tag for tag, _ in restored.tags} == {Tag("old"), Tag("older")}


async def test_a_hold_of_the_future_is_over(people: People) -> None:
    """None lasts so long."""
    await people.metadata.backup_holds.place(BackupHold("backup", people.now + YEARS))
    assert await people.metadata.backup_holds.last(now=people.now) is None
    await people.metadata.backup_holds.place(BackupHold("backup", people.now + LONGEST_HOLD))
    assert await people.metadata.backup_holds.last(now=people.now) is not None


async def test_a_robot_of_the_future_is_good_for_as_long_as_it_was_made_for(
    people: People,
) -> None:
    """Not for ten years more."""
    then = people.now + YEARS
    robot = Robot("ci", "hash", (EVERYTHING,), frozenset({Action.PULL}), then, "me", then + DAY)
    await people.metadata.robots.add(replace(robot, used_at=then))
    await people.metadata.robots.add(replace(robot, name="forever", expires_at=None))
    await jobs.set_times_back(people.registry)
    for name, ends in (("ci", people.now + DAY), ("forever", None)):
        found = await people.metadata.robots.find(name)
        assert found is not None
        assert (found.created_at, found.expires_at) == (people.now, ends)


async def test_a_robot_that_was_used_in_the_future_was_so_now(people: People) -> None:
    """Or that it was used today would not be written down for ten years."""
    robot = Robot("ci", "hash", (EVERYTHING,), frozenset({Action.PULL}), people.now, "me", None)
    await people.metadata.robots.add(replace(robot, used_at=people.now + YEARS))
    await jobs.set_times_back(people.registry)
    found = await people.metadata.robots.find("ci")
    assert found is not None
    assert found.used_at == people.now


async def test_objects_that_nothing_needed_in_the_future_go(people: People) -> None:
    """An object store does not keep them for ten years."""
    objects, grace = people.metadata.objects, 3600.0
    await objects.reserve("key", people.now + YEARS)
    assert not await objects.retire(before=people.now + grace, limit=9)
    await jobs.set_times_back(people.registry)
    assert await objects.retire(before=people.now + grace, limit=9) == ["key"]


async def test_objects_that_a_store_refused_to_delete_in_the_future_are_asked_for(
    people: People,
) -> None:
    objects = people.metadata.objects
    await objects.reserve("key", people.now)
    await objects.refuse(["key"], people.now + YEARS)
    await jobs.set_times_back(people.registry)
    later = people.now + 1
    assert await objects.retire(before=later, limit=9, refused_before=later) == ["key"]


async def test_an_upload_whose_writer_died_in_the_future_goes_on(people: People) -> None:
    """Its lease is over."""
    uploads, upload = people.metadata.uploads, UploadKey.of(HELLO, UploadId.of(uuid4()))
    then = people.now + YEARS
    await uploads.begin(upload, b"", then)
    await uploads.take(upload, generation=1, writing="key", now=then, until=then + 10)
    with pytest.raises(UploadOutOfOrder):
        await uploads.take(
            upload, generation=2, writing="next", now=people.now, until=people.now + 10
        )
    await jobs.set_times_back(people.registry)
    taken = await uploads.take(
        upload, generation=2, writing="next", now=people.now, until=people.now + 10
    )
    assert taken.size == 0


async def test_what_was_pulled_and_looked_into_in_the_future_was_so_now(people: People) -> None:
    """Or a pull of today would never count, and what is in a layer be kept for ten years."""
    await people.push_image(b"image", "v1")
    layer = await people.push_blob(b"layer")
    then = people.now + YEARS
    await people.metadata.pulls.note({(HELLO, "v1"): LastPull(then, "alice")})
    await people.metadata.trees.ask([layer], Owner.of("alice"), then)
    await people.metadata.overlays.ask("key", [layer], Owner.of("alice"), then)
    await jobs.set_times_back(people.registry)
    pulls = await people.metadata.pulls.last(HELLO, ["v1"])
    assert pulls == {"v1": LastPull(people.now, "alice")}
    tree = (await people.metadata.trees.of([layer]))[layer]
    assert tree.asked_at == people.now
    await people.metadata.overlays.settle("key", b"{}")
    removed = await people.metadata.overlays.remove_old(asked_before=people.now + 1, most=10)
    assert removed == 1


async def test_a_clock_that_is_somewhat_off_changes_nothing(people: People) -> None:
    """Clocks are set by a little all the time."""
    people.now += SLACK
    deleted = await people.push_image(b"deleted", "old")
    await people.delete(str(deleted.digest))
    people.now -= SLACK
    assert await people.metadata.times.set_back(now=people.now) == 0


async def test_a_clock_that_is_behind_collects_nothing(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """All that is known would seem to be of the future."""
    policy = replace(people.policy, not_before=people.now)
    people.registry = replace(people.registry, policy=policy)
    work = Counter()
    people.now -= YEARS
    assert await do(people, work) <= jobs.RETRY
    assert work.count == 0
    assert "set the clock" in caplog.text
    people.now += YEARS
    caplog.clear()
    caplog.set_level(logging.WARNING)
    await do(people, work)
    assert work.count == 1
    assert caplog.text == ""
