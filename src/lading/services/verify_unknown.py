"""Verification that the database knows all bytes.

They are garbage only if the database knows all that is not. One that began beside the blobs of
somebody else does not, nor does one that was restored from a backup, or that belongs to other blobs
than these. Then they are kept, unless a person says that they may go.
"""

from collections.abc import AsyncIterator, Sequence

from lading.core.damage import Finding, Kind
from lading.core.digest import Digest
from lading.core.garbage import utc
from lading.services.registry import Registry
from lading.services.verify_blobs import PAGE, Check

_COMMAND = "`lading verify --repair --delete-unknown`"


async def unknown(check: Check, *, missing: int) -> AsyncIterator[Finding]:
    """Findings about bytes that neither the database nor another registry knows.

    Args:
        check: what is done.
        missing: how many blobs that the database knows were not there.
    """
    doubt = "" if check.delete_unknown else await _doubt(check.registry, missing=missing)
    batch: list[Digest] = []
    async for digest in check.registry.blobs.digests():
        batch.append(digest)
        if len(batch) == PAGE:
            async for finding in _unknown_of(check, batch, doubt):
                yield finding
            batch.clear()
    async for finding in _unknown_of(check, batch, doubt):
        yield finding
    if check.repair and check.delete_unknown:
        await check.registry.metadata.strangers.remove()


async def _doubt(registry: Registry, *, missing: int) -> str:
    """The reason why unknown bytes may be no garbage; empty if they are."""
    if await registry.blobs.is_shared():
        return "another registry keeps its blobs here, too"
    if (noted := await registry.metadata.strangers.find()) is not None:
        return f"they may be older than this database, which began or was restored {utc(noted.at)}"
    if missing and 2 * missing >= (await registry.metadata.inspection.totals()).blobs:
        return "half of the blobs that it knows are missing: it may be the database of others"
    return ""


async def _unknown_of(
    check: Check, digests: Sequence[Digest], doubt: str
) -> AsyncIterator[Finding]:
    registry = check.registry
    rows = {blob.digest for blob in await registry.metadata.inspection.known_blobs(digests)}
    suspects = [digest for digest in digests if digest not in rows]
    if not suspects:
        return
    others = await registry.blobs.referred_to(suspects)
    for digest in suspects:
        if digest not in others:
            async with registry.locks.lock(digest):
                finding = await _look_again(check, digest, doubt)
            if finding is not None:
                yield finding


async def _look_again(check: Check, digest: Digest, doubt: str) -> Finding | None:
    """Look again at bytes under their lock, which who commits them has until the row is there."""
    registry = check.registry
    stored = await registry.blobs.stat(digest)
    if stored is None or await registry.metadata.inspection.known_blobs([digest]):
        return None
    explanation = f"there are {stored.size} bytes that the database does not know of"
    goes_at = stored.since + registry.policy.grace
    if doubt:
        advice = f"they are kept, as {doubt}; if nothing needs them, {_COMMAND} deletes them"
    elif not check.repair:
        advice = "`lading verify --repair` deletes them once they are older than the grace"
    elif goes_at > registry.clock():
        advice = f"they are young, and left alone until {utc(goes_at)}; run this again then"
    else:
        unneeded = await registry.metadata.collection.remove_blobs([digest], now=registry.clock())
        await registry.blobs.delete(unneeded)
        await registry.metadata.collection.end_deletions(unneeded)
        return Finding(Kind.BYTES_UNKNOWN, digest, explanation, mended="they were deleted")
    return Finding(Kind.BYTES_UNKNOWN, digest, explanation, advice)
