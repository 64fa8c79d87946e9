"""What the server does by itself: collecting garbage, giving up uploads, forgetting past moves.

Every worker keeps the same jobs, and each job is done by the one that finds it due first. A job
that fails is logged and tried again; it never takes the server down. By a clock that cannot be
right none is done, and times that one has written which was ahead are set right before they count.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lading.core.clocks import SLACK
from lading.core.errors import RegistryError, UploadOutOfOrder, UploadUnknown
from lading.core.garbage import Criteria, ExpiredUpload
from lading.core.timestamps import utc
from lading.metadata.past_moves import FIRST, TagKey
from lading.services import collect, lease, unfinished
from lading.services.lease import Lease
from lading.services.registry import Registry

log = logging.getLogger(__name__)

COLLECT = "garbage collection"
EXPIRE = "purging of uploads"
FORGET = "forgetting of past moves"
# Seconds for which the history of a tag is kept that is gone; no less than its trash.
KEPT = 365 * 24 * 3600.0
# Seconds between looks at a job that another worker does, or that has failed here.
RETRY = 30.0
# How much is collected in one step. Steps are short, as the requests of this worker wait for them.
STEP = 100

Work = Callable[[Registry, Lease], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """A job: something to do so many seconds after it was done last."""

    name: str
    interval: float
    work: Work


async def keep(
    registry: Registry, jobs: Sequence[Job], holder: str, sleep: Sleep = asyncio.sleep
) -> None:
    """Do the jobs when they are due, as a worker of a name, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_keep(registry, job, holder, sleep))


async def _keep(registry: Registry, job: Job, holder: str, sleep: Sleep) -> None:
    while True:
        wait = RETRY
        with tried_again(job.name):
            wait = await _do_if_due(registry, job, holder)
        await sleep(wait)


@contextmanager
def tried_again(name: str) -> Iterator[None]:
    """A job, for the length of a block: if it fails, the log says that it is tried again later."""
    try:
        yield
    except RegistryError as error:
        log.error("%s failed: %s; it is tried again later", name, error)  # noqa: TRY400 - said
    except Exception:
        log.exception("%s failed; it is tried again later", name)


async def _do_if_due(registry: Registry, job: Job, holder: str) -> float:
    """Do the job if it is due and free; returns in how many seconds to look again.

    While the registry is read-only it is left as it is.
    """
    known = await registry.metadata.jobs.find(job.name)
    now = registry.clock()
    if known is not None and known.finished_at is not None:
        if known.finished_at > now + 2 * lease.DURATION:
            log.warning(
                "%s was last done at %s, which is in the future: it is done now",
                job.name,
                utc(known.finished_at),
            )
        elif (due_at := known.finished_at + job.interval) > now:
            return due_at - now
    if _is_clock_wrong(registry) or await registry.metadata.read_only.find() is not None:
        return min(RETRY, job.interval)
    async with lease.claim(registry, job.name, holder, finished_before=now - job.interval) as held:
        if held is None:
            return min(RETRY, job.interval)
        await job.work(registry, held)
    return job.interval


def _is_clock_wrong(registry: Registry) -> bool:
    """Whether the clock cannot be right, as after a start without a battery; logs that."""
    now, earliest = registry.clock(), registry.policy.not_before
    if now >= earliest - SLACK:
        return False
    log.error(
        "the clock says %s, and this program was installed at %s: set the clock;"
        " until then nothing is collected",
        utc(now),
        utc(earliest),
    )
    return True


async def set_times_back(registry: Registry) -> None:
    """Set times that lie in the future to now, and log that there were some."""
    now = registry.clock()
    changed = await registry.metadata.times.set_back(now=now)
    for item in await registry.uploads.list_all():
        if item.digest is None and item.active_at > now + SLACK:
            try:
                async with registry.uploads.stage(item.upload) as staged:
                    await staged.touch(now)
            except (UploadOutOfOrder, UploadUnknown):  # somebody goes on with it, or it is gone
                continue
            changed += 1
    if changed:
        log.warning(
            "%d times were in the future: the clock was ahead when they were written;"
            " they are set to now",
            changed,
        )


async def collect_garbage(registry: Registry, lease: Lease) -> None:
    """Collect what there is, in steps, with as long a rest after each as it took."""
    policy = registry.policy
    criteria = collect.criteria(
        registry, trash=policy.trash, untagged=policy.untagged, at_most=STEP
    )
    await set_times_back(registry)
    clock = asyncio.get_running_loop().time
    tally, before, look = collect.Tally(registry.measures), -1, True
    while tally.items > before:
        started, before = clock(), tally.items
        plan = await collect.plan(registry, criteria, uploads=False, interrupted=look)
        look = not plan.has_all_uploads
        async for removed in collect.run(registry, plan):
            tally.count(removed)
        await lease.renew()
        await asyncio.sleep(clock() - started)
    if tally.items:
        log.info("garbage collected: %s", tally)


async def expire_uploads(registry: Registry, lease: Lease) -> None:
    """Give up uploads that nobody goes on with; or only name them, if they are to be kept."""
    await set_times_back(registry)
    now, tally = registry.clock(), collect.Tally(registry.measures)
    criteria = Criteria(now=now, grace=registry.policy.grace, trash_before=now, untagged=False)
    for upload in await unfinished.find_expired(registry, criteria):
        if registry.policy.uploads_kept:
            _log(upload, "would be given up, were it not for dryrun")
        elif await unfinished.expire(registry, upload):
            unfinished.note(registry, upload)
            tally.count(upload)
            _log(upload, "given up")
        await lease.renew()


async def forget_moves(registry: Registry, lease: Lease) -> None:
    """Forget, in steps, what histories of tags have too much of."""
    moves, forgotten = registry.metadata.past_moves, 0
    before = registry.clock() - max(KEPT, registry.policy.trash)
    while some := await moves.forget_removed(before=before):
        forgotten += some
        await lease.renew()
    after: TagKey | None = FIRST
    while after is not None:
        long, after = await moves.long_histories(after=after)
        for key in long:
            while some := await moves.forget_oldest(key):
                forgotten += some
                await lease.renew()
        await lease.renew()
    if forgotten:
        log.info("%d past moves of tags were forgotten", forgotten)


def _log(upload: ExpiredUpload, what: str) -> None:
    log.info("upload %s (%d bytes) %s: %s", upload.upload.id, upload.size, what, upload.why)
