"""Leases: one worker at a time, and no dead one for ever."""

from lading.metadata.jobs import JobState
from lading.metadata.metadata import Metadata


async def claim(
    metadata: Metadata, holder: str, *, now: float, finished_before: float | None = None
) -> bool:
    """Take the lease for ten seconds."""
    return await metadata.jobs.claim(
        "job", holder, now=now, expires_at=now + 10, finished_before=finished_before
    )


async def test_one_worker_holds_a_lease(metadata: Metadata, other_metadata: Metadata) -> None:
    """The other one is told who it is."""
    assert await metadata.jobs.find("job") is None
    assert await claim(metadata, "one", now=0)
    assert not await claim(other_metadata, "two", now=9)

    assert await other_metadata.jobs.find("job") == JobState("one", 10, 0, None)


async def test_a_lease_that_was_not_renewed_is_anybodys(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """Its holder has died; if it has not, it is told."""
    assert await claim(metadata, "one", now=0)
    assert await claim(other_metadata, "two", now=10)

    assert not await metadata.jobs.renew("job", "one", expires_at=20)
    await metadata.jobs.end_lease("job", "one", finished_at=11)

    assert await metadata.jobs.find("job") == JobState("two", 20, 10, None)


async def test_a_lease_that_is_renewed_lasts(metadata: Metadata) -> None:
    """As long as its holder wants."""
    assert await claim(metadata, "one", now=0)
    assert await metadata.jobs.renew("job", "one", expires_at=100)

    assert not await claim(metadata, "two", now=99)


async def test_a_lease_that_was_let_go_of_is_free(metadata: Metadata) -> None:
    """Whether or not the job came to its end."""
    assert await claim(metadata, "one", now=0)
    await metadata.jobs.end_lease("job", "one", finished_at=5)
    assert await claim(metadata, "two", now=6)
    await metadata.jobs.end_lease("job", "two", finished_at=None)

    assert await metadata.jobs.find("job") == JobState(None, 16, 6, 5)


async def test_of_many_that_find_a_job_due_one_does_it(
    metadata: Metadata, other_metadata: Metadata
) -> None:
    """The others come when it is finished already."""
    assert await claim(metadata, "one", now=100, finished_before=90)
    await metadata.jobs.end_lease("job", "one", finished_at=101)

    assert not await claim(other_metadata, "two", now=102, finished_before=92)
    assert await claim(other_metadata, "two", now=111, finished_before=101)


async def test_a_server_that_starts_takes_what_the_dead_held(metadata: Metadata) -> None:
    """It need not wait until their leases expire, and they cannot go on."""
    assert await claim(metadata, "dead", now=0)
    await metadata.jobs.end_leases()

    assert not await metadata.jobs.renew("job", "dead", expires_at=100)
    assert await claim(metadata, "one", now=1)
