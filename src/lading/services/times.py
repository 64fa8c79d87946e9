"""Times from the future: what a clock that was ahead has written is set right before it counts."""

import logging

from lading.core.clocks import SLACK
from lading.core.errors import UploadOutOfOrder, UploadUnknown
from lading.core.timestamps import utc
from lading.services.registry import Registry

log = logging.getLogger(__name__)


def is_wrong(registry: Registry) -> bool:
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


async def set_back(registry: Registry) -> None:
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
