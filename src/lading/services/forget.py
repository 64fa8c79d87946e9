"""Forgetting what nobody will ask for any more: moves of tags, long past or of tags long gone."""

import logging

from lading.metadata.past_moves import FIRST, TagKey
from lading.services.lease import Lease
from lading.services.registry import Registry

log = logging.getLogger(__name__)

FORGET = "forgetting of past moves"
# Seconds for which the history of a tag is kept that is gone; no less than its trash.
KEPT = 365 * 24 * 3600.0


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
