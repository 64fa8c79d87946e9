"""Jobs of the server: what it does by itself, from the settings, for as long as it runs."""

from collections.abc import Sequence

from lading.config.settings import Settings
from lading.services import jobs
from lading.services.jobs import Job
from lading.wiring.stores import is_read_only


def jobs_of(settings: Settings) -> Sequence[Job]:
    """The jobs that the settings want. A registry that is read-only is left as it is."""
    collecting = settings.storage.garbagecollect
    purging = settings.storage.maintenance.uploadpurging
    if is_read_only(settings):
        return ()
    wanted = (
        (collecting.enabled, jobs.COLLECT, collecting.interval, jobs.collect_garbage),
        (purging.enabled, jobs.EXPIRE, purging.interval, jobs.expire_uploads),
    )
    return [
        Job(name, interval.total_seconds(), work)
        for enabled, name, interval, work in wanted
        if enabled
    ]
