"""The survey: what is found out of the registry as a whole, now and then, by one worker for all.

It counts all rows, off the event loop, and rests for many times as long as that took. Whoever asks
for figures gets those of the last survey.
"""

import asyncio
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from lading.core.errors import RegistryError
from lading.metadata.collecting.census import Counted
from lading.monitoring.memory import Fact
from lading.services import collect, jobs, upkeep
from lading.services.registry import Registry

log = logging.getLogger(__name__)

# Seconds between two surveys, at least, and how many times as long as one took the rest is.
INTERVAL = 30.0
REST = 50.0
# For how many rests what was found out is told; some surveys may fail, or end with their worker.
GOOD_FOR = 4

Sleep = Callable[[float], Awaitable[None]]


async def keep(
    registry: Registry, facts: "memoryview[float]", root: Path | None, sleep: Sleep = asyncio.sleep
) -> None:
    """Survey the registry for ever, unless another worker has done so lately.

    Args:
        facts: by `Fact`, which all workers see.
        root: of the files of the data; `None` if there are none.
    """
    rest = INTERVAL
    while True:
        age = registry.clock() - facts[Fact.BEGUN_AT]
        if not 0 <= age < rest:
            # At once, so that other workers do not begin, too; two at a time would do no harm.
            facts[Fact.BEGUN_AT] = registry.clock()
            rest = await _survey_and_say(registry, facts, root)
        await sleep(rest)


async def _survey_and_say(
    registry: Registry, facts: "memoryview[float]", root: Path | None
) -> float:
    """Find the facts out, or say why that fails: then they grow old; how long to rest."""
    began = time.monotonic()
    try:
        await survey(registry, facts, root)
    except RegistryError as error:
        log.warning("the registry's figures could not be found out: %s", error)
    except Exception:
        log.exception("the registry's figures could not be found out")
    else:
        rest = max(INTERVAL, REST * (time.monotonic() - began))
        facts[Fact.FOUND_OUT_AT] = registry.clock()
        facts[Fact.EXPIRE_AT] = registry.clock() + GOOD_FOR * rest
        return rest
    return max(INTERVAL, time.monotonic() - began)


async def survey(registry: Registry, facts: "memoryview[float]", root: Path | None) -> None:
    """Find the facts out.

    Raises:
        RegistryError: that cannot be done now.
    """
    if root is not None:
        facts[Fact.DISK_FREE_BYTES], facts[Fact.DISK_BYTES] = await asyncio.to_thread(_room, root)
    facts[Fact.READ_ONLY] = await registry.metadata.read_only.find() is not None
    for name, finished, seconds in (
        (jobs.COLLECT, Fact.COLLECTION_FINISHED_AT, Fact.COLLECTION_SECONDS),
        (jobs.EXPIRE, Fact.EXPIRY_FINISHED_AT, Fact.EXPIRY_SECONDS),
        (upkeep.JOIN, Fact.JOINING_FINISHED_AT, Fact.JOINING_SECONDS),
        (upkeep.REMOVE, Fact.REMOVAL_FINISHED_AT, Fact.REMOVAL_SECONDS),
    ):
        job = await registry.metadata.jobs.find(name)
        if job is not None and job.finished_at is not None:
            facts[finished] = job.finished_at
            if job.finished_at >= job.started_at:  # else the next one is under way
                facts[seconds] = job.finished_at - job.started_at
    facts[Fact.UPLOADS_UNFINISHED] = await registry.uploads.count_all(registry.clock())
    unused = await upkeep.unused(registry)
    facts[Fact.OBJECTS_UNUSED], facts[Fact.OBJECT_BYTES_UNUSED] = unused.objects, unused.size
    policy = registry.policy
    criteria = collect.criteria(registry, trash=policy.trash, untagged=policy.untagged)
    _note_counted(await registry.metadata.census.count(criteria), facts)


def _room(root: Path) -> tuple[float, float]:
    """The bytes that are free on a disk, and all that it has."""
    status = os.statvfs(root)
    return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize


def _note_counted(counted: Counted, facts: "memoryview[float]") -> None:
    facts[Fact.REPOSITORIES] = counted.repositories
    facts[Fact.TAGS] = counted.tags
    for amount, number, size in (
        (counted.referenced, Fact.MANIFESTS_REFERENCED, Fact.MANIFEST_BYTES_REFERENCED),
        (counted.unreferenced, Fact.MANIFESTS_UNREFERENCED, Fact.MANIFEST_BYTES_UNREFERENCED),
        (counted.deleted, Fact.MANIFESTS_DELETED, Fact.MANIFEST_BYTES_DELETED),
        (counted.linked, Fact.BLOBS_LINKED, Fact.BLOB_BYTES_LINKED),
        (counted.unlinked, Fact.BLOBS_UNLINKED, Fact.BLOB_BYTES_UNLINKED),
        (counted.lost, Fact.BLOBS_LOST, Fact.BLOB_BYTES_LOST),
    ):
        facts[number], facts[size] = amount.number, amount.size
    garbage = counted.garbage
    # Where there is none, it will begin in the infinite future.
    facts[Fact.OLDEST_GARBAGE_SINCE] = math.inf if garbage is None else garbage.since
    facts[Fact.OLDEST_GARBAGE_DUE_AT] = math.inf if garbage is None else garbage.due_at
