"""Verification of the whole registry, with mending of what can be mended without loss.

What the database knows is compared with the bytes that are there, both ways, and manifests with
what they need. The server may run meanwhile: whatever looks wrong is looked at again under the lock
under which pushes and collections change it, so what is reported was wrong at one moment.

Mending never deletes what is referenced. Damaged bytes are taken aside, and count as not there from
then on, so that clients which push them again heal every image that needs them.
"""

from collections.abc import AsyncIterator

from lading.core.damage import Finding, Kind
from lading.metadata.inspection import Totals
from lading.services import verify_blobs, verify_manifests, verify_unknown
from lading.services.registry import Registry
from lading.services.verify_blobs import Check

__all__ = ["Check", "run"]

# Tags that are looked at in one run; more lead to nothing only if something terrible happened.
MAX_TAGS = 1000


async def totals(registry: Registry) -> Totals:
    """How much there is to check."""
    return await registry.metadata.inspection.totals()


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
    for part in (verify_manifests.manifests(check), _tags(check), verify_blobs.known(check)):
        async for finding in part:
            missing += finding.kind is Kind.BYTES_MISSING
            yield finding
    async for finding in verify_unknown.unknown(check, missing=missing):
        yield finding


async def _database(check: Check) -> AsyncIterator[Finding]:
    for complaint in await check.registry.metadata.check(thorough=check.checksums):
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
        yield Finding(
            Kind.TAG_DANGLING,
            f"{repository}:{tag}",
            f"the tag leads to {digest}, which is not there",
            "push the image again, or delete the tag",
        )
