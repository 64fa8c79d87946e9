"""Verification of the whole registry, with mending of what can be mended without loss.

What the database knows is compared with the bytes that are there, both ways, and manifests with
what they need. The server may run meanwhile: whatever looks wrong is looked at again under the lock
under which pushes and collections change it, so what is reported was wrong at one moment.

Mending never deletes what is referenced. Damaged bytes are taken aside, and count as not there from
then on, so that clients which push them again heal every image that needs them.
"""

from collections.abc import AsyncIterator, Sequence

from lading.core.damage import Finding, Kind
from lading.core.digest import Digest
from lading.core.timestamps import utc
from lading.ports.objects import StoredObject
from lading.services import collect, collect_blobs, upkeep, verify_blobs, verify_manifests
from lading.services.pages import gathered
from lading.services.registry import Registry
from lading.services.verify_blobs import PAGE, Check

_COMMAND = "`lading verify --repair --delete-unknown`"
_ALLOW = "allow it, in the key's policy and in the bucket's"
_REFUSED = (
    "the object store refuses to delete it, and the log says why: see to that, and run this again"
)
# Tags that are looked at in one run; more lead to nothing only if something terrible happened.
MAX_TAGS = 1000


async def run(check: Check) -> AsyncIterator[Finding]:
    """All findings, as they come up; what was mended is noted."""
    async for finding in _run(check):
        if finding.mended:
            check.registry.note("damage.mend", subject=finding.subject, mended=finding.mended)
        yield finding


async def _run(check: Check) -> AsyncIterator[Finding]:
    """All findings.

    Manifests come first: if they need bytes that nothing knows of, those are not garbage.
    """
    damaged = False
    async for finding in _database(check):
        damaged = True
        yield finding
    if damaged:  # what its rows say means nothing
        return
    missing = 0
    async for finding in run_known(check):
        missing += finding.kind is Kind.BYTES_MISSING
        yield finding
    async for finding in _unknown(check, missing=missing):
        yield finding


async def run_known(check: Check) -> AsyncIterator[Finding]:
    """Findings about all that the database knows: manifests, tags, and the bytes of blobs."""
    for part in (verify_manifests.manifests(check), _tags(check), verify_blobs.known(check)):
        async for finding in part:
            yield finding


async def _database(check: Check) -> AsyncIterator[Finding]:
    for complaint in await check.registry.metadata.database.check(thorough=check.checksums):
        yield Finding(
            Kind.DATABASE,
            "database",
            f"the database is damaged: {complaint}",
            "stop the server and restore a backup (`lading restore-backup`);"
            " until then nothing else can be checked",
        )


async def _tags(check: Check) -> AsyncIterator[Finding]:
    for repository, tag, digest in await check.registry.metadata.inspection.list_dangling_tags(
        limit=MAX_TAGS
    ):
        explanation = f"the tag leads to {digest}, which is not there"
        advice = "push the image again, or delete the tag"
        yield Finding(Kind.TAG_DANGLING, f"{repository}:{tag}", explanation, advice)


async def _unknown(check: Check, *, missing: int) -> AsyncIterator[Finding]:
    """Findings about bytes that neither the database nor another registry knows.

    They are garbage only if the database knows all that is not. One that began beside the blobs of
    somebody else does not, nor does one that was restored from a backup, or that belongs to other
    blobs than these. Then they are kept, unless a person says that they may go.

    Args:
        missing: how many blobs that the database knows were not there.
    """
    doubt = "" if check.delete_unknown else await _doubt(check.registry, missing=missing)
    async for digests in gathered(check.registry.blobs.digests(), PAGE):
        async for finding in _unknown_of(check, digests, doubt):
            yield finding
    async for finding in _strays(check, doubt):
        yield finding
    if check.repair and check.delete_unknown:
        await check.registry.metadata.strangers.remove()


async def _strays(check: Check, doubt: str) -> AsyncIterator[Finding]:
    """Findings about objects of a store that no row names; what is young may be on its way."""
    registry = check.registry
    if registry.upkeep is None:
        return
    for denied in await registry.upkeep.denied_rights():
        yield Finding(Kind.RIGHT_DENIED, denied.name, upkeep.words_of(denied), _ALLOW)
    async for page in registry.upkeep.strays(registry.clock() - registry.policy.grace):
        removes = check.repair and not doubt
        kept = frozenset(await registry.upkeep.remove(page) if removes else ())
        for stray in page:
            yield _stray(check, stray, doubt, is_refused=stray in kept)


def _stray(check: Check, stray: StoredObject, doubt: str, *, is_refused: bool) -> Finding:
    what = "parts of an object" if stray.size is None else f"an object of {stray.size} bytes"
    explanation = f"there is {what}, since {utc(stray.since)}, that the database does not know of"
    if doubt:
        advice = f"it is kept, as {doubt}; if nothing needs it, {_COMMAND} deletes it"
        return Finding(Kind.BYTES_UNKNOWN, stray.key, explanation, advice)
    if not check.repair:
        return Finding(Kind.BYTES_UNKNOWN, stray.key, explanation, "the server deletes it in a day")
    if is_refused:
        return Finding(Kind.BYTES_UNKNOWN, stray.key, explanation, _REFUSED)
    return Finding(Kind.BYTES_UNKNOWN, stray.key, explanation, mended="it was deleted")


async def _doubt(registry: Registry, *, missing: int) -> str:
    """The reason why unknown bytes may be no garbage; empty if they are."""
    if await registry.blobs.is_shared():
        return "another registry keeps its blobs here, too"
    if departed := await collect.why_bytes_stay(registry):
        return departed
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
        await collect_blobs.remove_locked(registry, [digest], departed=check.delete_unknown)
        return Finding(Kind.BYTES_UNKNOWN, digest, explanation, mended="they were deleted")
    return Finding(Kind.BYTES_UNKNOWN, digest, explanation, advice)
