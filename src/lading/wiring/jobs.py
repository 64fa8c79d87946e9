"""Jobs of the server: what it does by itself, from the settings, for as long as it runs."""

from collections.abc import Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from lading.config.settings import Settings
from lading.services import figures, jobs, upkeep
from lading.services.jobs import Job
from lading.services.registry import Registry
from lading.services.shown import tree_jobs
from lading.wiring.stores import is_read_only

# How long after blobs of several objects were joined that is done again, and after a list of all
# objects was compared with the rows.
JOINING = timedelta(minutes=10)
LOOKING_FOR_STRAYS = timedelta(hours=24)
# How long after what was found in layers was last removed that is done again.
REMOVING_TREES = timedelta(hours=1)
# How long histories of tags may be longer than they are to be.
FORGETTING = timedelta(hours=1)
# How long figures of repositories may be behind.
COUNTING = timedelta(minutes=1)
# How long links of Distribution may be behind.
KEEPING_LINKS = timedelta(seconds=5)


def keep(
    registry: Registry, settings: Settings, holder: str
) -> Sequence[Coroutine[Any, Any, None]]:
    """The work that a worker does beside requests.

    Args:
        holder: the name of this worker.
    """
    work = [jobs.keep(registry, jobs_of(settings), holder)]
    if settings.ui.enabled and not is_read_only(settings):
        work.append(tree_jobs.keep(registry, holder))
    return work


def jobs_of(settings: Settings) -> Sequence[Job]:
    """The jobs that the settings want. A registry that is read-only is left as it is."""
    collecting = settings.storage.garbagecollect
    purging = settings.storage.maintenance.uploadpurging
    if is_read_only(settings):
        return ()
    in_objects = collecting.enabled and settings.storage.driver == "s3"
    wanted = (
        (in_objects, upkeep.JOIN, JOINING, upkeep.join_segments),
        (in_objects, upkeep.REMOVE, LOOKING_FOR_STRAYS, upkeep.remove_strays),
        (settings.ui.enabled, tree_jobs.REMOVE, REMOVING_TREES, tree_jobs.remove_old),
        (collecting.enabled, jobs.COLLECT, collecting.interval, jobs.collect_garbage),
        (collecting.enabled, jobs.FORGET, FORGETTING, jobs.forget_moves),
        (settings.ui.enabled, figures.COUNT, COUNTING, figures.count),
        (purging.enabled, jobs.EXPIRE, purging.interval, jobs.expire_uploads),
    )
    keeps_links = settings.storage.driver == "filesystem" and settings.storage.filesystem.keeplinks
    kept = [_keeping_links(settings)] if keeps_links else []
    return kept + [
        Job(name, interval.total_seconds(), work)
        for enabled, name, interval, work in wanted
        if enabled
    ]


def _keeping_links(settings: Settings) -> Job:
    from lading.services.moving import export  # noqa: PLC0415 - who has no links does without
    from lading.wiring.moving.directories import link_writer  # noqa: PLC0415 - as above

    keeper = export.LinkKeeper(partial(link_writer, settings.storage.filesystem.rootdirectory))
    return Job(export.JOB, KEEPING_LINKS.total_seconds(), keeper.keep)
