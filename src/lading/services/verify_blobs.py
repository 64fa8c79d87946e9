"""Verification of blobs: the bytes of every row."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lading.core.damage import Finding, Kind
from lading.core.digest import Digest
from lading.metadata import batches
from lading.metadata.inspection import BlobUser, KnownBlob
from lading.ports.blobs import StoredBytes
from lading.services import damage
from lading.services.pages import pages
from lading.services.registry import Registry

# Blobs looked at in one go.
PAGE = 500
# Of these, at the same time.
AT_ONCE = 16
# Images named in a finding.
MAX_USERS = 3


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the registry: how closely it looks, and what it mends.

    Attributes:
        checksums: whether all bytes are read and hashed.
        repair: whether to mend what can be mended without loss.
        delete_unknown: whether a person has said that bytes are garbage which the database does not
            know, even if they may have been there before it.
        beside_another: whether another registry has the same bytes: those that it has collected are
            no damage if nothing needs them, and those that it has brought again are there.
        advance: told how much was done: bytes with checksums, else blobs; and manifests.
    """

    registry: Registry
    checksums: bool = False
    repair: bool = False
    advance: Callable[[int], None] = damage.ignore
    delete_unknown: bool = False
    beside_another: bool = False


async def known(check: Check) -> AsyncIterator[Finding]:
    """Findings about blobs that the database knows, whose bytes are not there or not right."""
    registry, metadata = check.registry, check.registry.metadata
    read = partial(metadata.inspection.list_blobs, limit=PAGE)
    async for page in pages(read, lambda blob: blob.digest):
        async for blob, seen in _stats(registry, page):
            hashed = check.checksums or blob.lost
            on_read = check.advance if check.checksums else damage.ignore
            wrong = await damage.find(registry, blob, seen, hashed=hashed, on_read=on_read)
            if not check.checksums:
                check.advance(1)
            if wrong or blob.lost:
                async with registry.locks.lock(blob.digest):
                    finding = await _look_again(check, blob.digest, seen, wrong)
                if finding is not None:
                    yield finding


async def _stats(
    registry: Registry, blobs: Sequence[KnownBlob]
) -> AsyncIterator[tuple[KnownBlob, StoredBytes | None]]:
    """Blobs, each with what is there of it; a few are asked for at once."""
    for batch in batches.pieces(blobs, AT_ONCE):
        asked = (registry.blobs.stat(blob.digest, closely=True) for blob in batch)
        for blob, seen in zip(batch, await asyncio.gather(*asked), strict=True):
            yield blob, seen


async def _look_again(
    check: Check, digest: Digest, seen: StoredBytes | None, wrong: str
) -> Finding | None:
    """Look again at a blob, under its lock: a push or a collection may have come between.

    Pushes wait for it, so the bytes are not read here: if they are those that were seen, what was
    found out of them holds; if not, somebody has verified them since, or they were deleted.
    """
    registry = check.registry
    if await registry.blobs.stat(digest, closely=True) != seen:
        return None
    for blob in await registry.metadata.inspection.known_blobs([digest]):
        if blob.lost and not wrong:
            return await _found_again(check, digest)
        users = await registry.metadata.inspection.list_users(digest, limit=MAX_USERS + 1)
        if wrong and (users or not blob.lost):
            return await _damaged(check, digest, seen, wrong, users)
    return None


async def _damaged(
    check: Check, digest: Digest, stored: StoredBytes | None, wrong: str, users: Sequence[BlobUser]
) -> Finding:
    mended = ""
    if check.beside_another and stored is None and not users:
        return await _collected(check, digest, wrong)
    if check.repair:
        await check.registry.metadata.damage.lose_blob(digest, now=check.registry.clock())
        mended = "clients are told that it is not there, so that they push it again"
        # What is not there may come back, as with a disk that was not mounted: then it is found.
        if stored is not None and (aside := await check.registry.blobs.quarantine(digest)):
            mended = f"its bytes were moved to {aside}; {mended}"
    return Finding(
        Kind.BYTES_MISSING if stored is None else Kind.BYTES_WRONG,
        digest,
        f"{wrong}; {_needed_by(users)}",
        _advice(check, users),
        mended,
    )


async def _collected(check: Check, digest: Digest, wrong: str) -> Finding:
    await check.registry.metadata.damage.lose_blob(digest, now=check.registry.clock())
    mended = "it counts as not there, as where the old registry collects garbage"
    return Finding(Kind.BYTES_MISSING, digest, f"{wrong}; {_needed_by(())}", mended=mended)


def _advice(check: Check, users: Sequence[BlobUser]) -> str:
    if not users:
        return "nothing needs it: it goes with the next collection of garbage"
    again = "push one of these images again, from where they were built or pulled"
    return again if check.repair else f"run `lading verify --repair`, then {again}"


def _needed_by(users: Sequence[BlobUser]) -> str:
    if not users:
        return "no image needs it"
    names = [_name(user) for user in users[:MAX_USERS]]
    return f"needed by {', '.join(names)}{' and others' if len(users) > MAX_USERS else ''}"


def _name(user: BlobUser) -> str:
    tags = f" ({', '.join(user.tags)})" if user.tags else ""
    return f"{user.repository}@{user.manifest}{tags}"


async def _found_again(check: Check, digest: Digest) -> Finding:
    explanation = "it counts as lost, but its bytes are there and are right"
    if not (check.repair or check.beside_another):
        return Finding(Kind.BYTES_MISSING, digest, explanation, "run `lading verify --repair`")
    await check.registry.metadata.damage.regain_blob(digest)
    return Finding(Kind.BYTES_MISSING, digest, explanation, mended="it counts as there again")
