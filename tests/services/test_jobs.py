"""What the server does by itself: when, by whom, and what it does not take."""

import asyncio
import logging
from dataclasses import replace

import pytest

from lading.core.errors import Unavailable
from lading.core.names import Tag
from lading.services import jobs, lease, push_blob
from lading.services.chunks import Chunk
from lading.services.jobs import Job
from lading.services.lease import Lease
from lading.services.registry import Registry
from tests.support.contents import HELLO
from tests.support.people import ALICE, DAY, People, pieces

YEAR = 365 * DAY


async def once(people: People, job: Job, holder: str = "worker") -> float:
    """Let a worker look at the job until it sleeps; after how many seconds it looks again."""
    waits: list[float] = []
    looked = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        looked.set()
        await asyncio.sleep(seconds)

    keeping = asyncio.create_task(jobs.keep(people.registry, [job], holder, sleep))
    async with asyncio.timeout(60):
        await looked.wait()
    keeping.cancel()
    await asyncio.wait([keeping])
    return waits[0]


class Counter:
    """Work that counts how often it is done."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self._error = error

    async def __call__(self, registry: Registry, held: Lease) -> None:
        self.count += 1
        if self._error is not None:
            raise self._error


async def test_a_job_is_done_when_it_is_due(people: People) -> None:
    """At first at once, then after each interval, whichever worker comes."""
    work = Counter()
    job = Job("work", 100, work)
    await once(people, job, "one")
    await once(people, job, "two")
    assert work.count == 1

    people.now += 99
    await once(people, job, "one")
    assert work.count == 1
    people.now += 1
    await once(people, job, "two")
    assert work.count == 2


async def test_one_of_many_workers_does_it(people: People) -> None:
    """All find it due at the same moment."""
    work = Counter()
    await asyncio.gather(*(once(people, Job("work", 100, work), f"{n}") for n in range(4)))

    assert work.count == 1


async def test_a_job_of_a_dead_worker_is_taken_over(people: People) -> None:
    """When its lease has expired."""
    work = Counter()
    async with lease.claim(people.registry, "work", "dead"):
        await once(people, Job("work", 100, work))
        assert work.count == 0
        people.now += lease.DURATION
        await once(people, Job("work", 100, work))
        assert work.count == 1


async def test_a_job_that_fails_is_logged_and_stays_due(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """The server lives on."""
    await once(people, Job("work", 100, Counter(OSError("the disk is on fire"))))
    assert "the disk is on fire" in caplog.text

    work = Counter()
    await once(people, Job("work", 100, work))
    assert work.count == 1


async def test_a_job_that_is_interrupted_lets_go_of_its_lease(people: People) -> None:
    """A server that stops does not make the next one wait."""

    begun = asyncio.Event()

    async def wait(registry: Registry, held: Lease) -> None:
        begun.set()
        await asyncio.sleep(60)

    keeping = asyncio.create_task(jobs.keep(people.registry, [Job("work", 100, wait)], "one"))
    await begun.wait()
    keeping.cancel()
    await asyncio.wait([keeping])

    state = await people.metadata.jobs.find("work")
    assert state is not None
    assert (state.holder, state.finished_at) == (None, None)


async def test_a_job_that_is_interrupted_while_it_is_claimed_lets_go_too(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is written although nobody waits for it any more."""
    claimed, claim = asyncio.Event(), people.metadata.jobs.claim

    async def claim_and_wait(
        name: str, holder: str, *, now: float, expires_at: float, finished_before: float | None
    ) -> bool:
        await claim(name, holder, now=now, expires_at=expires_at, finished_before=finished_before)
        claimed.set()
        await asyncio.sleep(60)
        return True

    monkeypatch.setattr(people.metadata.jobs, "claim", claim_and_wait)
    keeping = asyncio.create_task(jobs.keep(people.registry, [Job("work", 1, Counter())], "one"))
    await claimed.wait()
    keeping.cancel()
    await asyncio.wait([keeping])

    state = await people.metadata.jobs.find("work")
    assert state is not None
    assert state.holder is None


async def test_a_lease_is_renewed_while_work_goes_on(people: People) -> None:
    """And its loss stops the work."""
    async with lease.claim(people.registry, "work", "one") as held:
        assert held is not None
        for _ in range(10):
            people.now += lease.DURATION * 0.6
            await held.renew()
        people.now += lease.DURATION
        async with lease.claim(people.registry, "work", "two") as other:
            assert other is not None
            with pytest.raises(Unavailable):
                await held.renew()


async def test_who_waits_for_a_lease_is_told_for_whom(people: People) -> None:
    """Once, and goes on when it is free."""
    told: list[tuple[str, float]] = []
    is_held, is_waited_for = asyncio.Event(), asyncio.Event()

    def waiting(holder: str, seconds: float) -> None:
        told.append((holder, seconds))
        is_waited_for.set()

    async def work() -> None:
        async with lease.claim(people.registry, "work", "one"):
            is_held.set()
            await is_waited_for.wait()
            await asyncio.sleep(0.1)

    working = asyncio.create_task(work())
    await is_held.wait()
    async with asyncio.timeout(60), lease.wait_for(people.registry, "work", "two", waiting):
        assert working.done()
    assert told == [("one", lease.DURATION)]


async def test_the_server_collects_what_has_been_in_the_trash_long_enough(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """More than goes in one step; and says what it did."""
    caplog.set_level(logging.INFO)
    job = Job(jobs.COLLECT, 1, jobs.collect_garbage)
    for number in range(jobs.STEP + 20):
        await people.push_blob(b"alone %d" % number)
    manifest = await people.push_image(b"one", "latest")
    await people.delete(manifest.digest)
    await once(people, job)
    assert len(await people.stored()) == jobs.STEP + 22

    people.now += people.policy.trash
    await once(people, job)

    assert await people.stored() == set()
    assert f"1 manifests, {jobs.STEP + 22} blobs and 0 uploads removed" in caplog.text


async def test_a_registry_that_was_made_read_only_is_left_as_it_is(people: People) -> None:
    job = Job(jobs.COLLECT, 1, jobs.collect_garbage)
    blob = await people.push_blob(b"in no image")
    people.now += 2 * DAY
    await people.metadata.read_only.set(people.registry.change_by(ALICE))
    await once(people, job)
    assert await people.stored() == {blob}
    await people.metadata.read_only.set(None)
    await once(people, job)
    assert await people.stored() == set()


async def test_uploads_are_given_up_by_their_own_job(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """Distribution's `uploadpurging`, with its dry run; the collector leaves them alone."""
    caplog.set_level(logging.INFO)
    upload = await push_blob.start(people.registry, people.may())
    await push_blob.append(people.registry, people.may(), upload, Chunk(pieces(b"half")))
    people.now += 8 * DAY
    await once(people, Job(jobs.COLLECT, 1, jobs.collect_garbage))
    kept = replace(people.registry, policy=replace(people.policy, uploads_kept=True))
    async with lease.claim(kept, jobs.EXPIRE, "worker") as held:
        assert held is not None
        await jobs.expire_uploads(kept, held)
    assert f"upload {upload} (4 bytes) would be given up" in caplog.text
    assert len(await people.uploads.list_all()) == 1

    people.now += 1
    await once(people, Job(jobs.EXPIRE, 1, jobs.expire_uploads))

    assert await people.uploads.list_all() == []


async def test_uploads_are_kept_for_ever_if_that_is_wanted(people: People) -> None:
    """`uploadpurging.enabled: false` holds for a collection by hand, too."""
    people.registry = replace(people.registry, policy=replace(people.policy, upload_age=None))
    await push_blob.start(people.registry, people.may())
    people.now += 1000 * DAY

    assert await people.collect(by_hand=True) == []


async def moves(people: People, tag: str) -> int:
    return len(await people.metadata.tags.history(HELLO, Tag(tag), limit=10_000))


async def forget_moves(people: People) -> None:
    """As a worker does."""
    async with lease.claim(people.registry, jobs.FORGET, "worker") as held:
        assert held is not None
        await jobs.forget_moves(people.registry, held)


async def push_and_delete(people: People) -> None:
    await people.push_image(b"one", "gone", "kept")
    await people.delete("gone")
    await people.push_image(b"one", "newer")


async def test_a_tag_that_is_gone_has_no_history_after_a_year(
    people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await push_and_delete(people)
    people.now += YEAR - 1
    await forget_moves(people)
    assert (await moves(people, "gone"), caplog.messages) == (2, [])
    people.now += 1
    await forget_moves(people)
    assert (await moves(people, "gone"), await moves(people, "kept")) == (0, 1)
    assert caplog.messages == ["2 past moves of tags were forgotten"]


async def test_what_can_be_restored_has_a_history(people: People) -> None:
    """However long the trash is kept."""
    people.registry = replace(
        people.registry, policy=replace(people.registry.policy, trash=2 * YEAR)
    )
    await push_and_delete(people)
    people.now += 2 * YEAR - 1
    await forget_moves(people)
    assert await moves(people, "gone") == 2


async def test_a_tag_that_moves_all_the_time_has_a_history_of_a_thousand(people: People) -> None:
    await people.push_image(b"one", "latest")
    await people.push_image(b"two", "latest")
    await people.metadata.database.write(
        lambda connection: connection.execute(
            "INSERT INTO tag_history (repository_id, tag, digest, previous, actor, at)"
            " SELECT repository_id, tag, digest, previous, actor, at FROM tag_history,"
            " json_each(?) WHERE previous IS NOT NULL",
            (f"[{', '.join('0' * 1500)}]",),
        )
    )
    await forget_moves(people)
    assert await moves(people, "latest") == 1000
