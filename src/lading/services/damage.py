"""Damage is not served: what has it counts as not there from the moment at which it is seen.

Clients then push it again instead of skipping it, which heals it for all. What looks damaged is
looked at again under its lock: a push may have healed it, or a collection taken it, meanwhile.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from lading.core.digest import Digest
from lading.core.errors import BlobDamaged, BlobUnknown, ManifestDamaged, RegistryError, Unavailable
from lading.core.names import RepositoryName
from lading.metadata.linked_blobs import LinkedBlob
from lading.metadata.manifests import StoredManifest
from lading.ports.blobs import StoredBytes
from lading.ports.measures import Count
from lading.services.registry import Registry

if TYPE_CHECKING:  # who serves loads it with all else, before the first request
    from lading.metadata.inspection import KnownBlob

log = logging.getLogger(__name__)


def ignore(_: int) -> None:
    """Ignore progress: nobody waits for it, or it was counted before."""


async def find(
    registry: Registry,
    blob: "KnownBlob",
    stored: StoredBytes | None,
    *,
    hashed: bool,
    on_read: Callable[[int], None] = ignore,
) -> str:
    """The damage of a blob's bytes, in words; nothing if they are right.

    Args:
        hashed: whether to read the bytes, if there are as many as there should be.
        on_read: see `Blobs.hash`.
    """
    if stored is None:
        return "its bytes are not there"
    if stored.size != blob.size:
        return f"it has {stored.size} bytes instead of {blob.size}"
    if not hashed:
        return ""
    actual = await registry.blobs.hash(blob.digest, on_read)
    if actual is None:
        return "its bytes cannot be read"
    return "" if actual == blob.digest else f"its bytes have changed: their digest is {actual}"


async def look_again(registry: Registry, digest: Digest, *, hashed: bool = False) -> RegistryError:
    """Look at a blob that seems to be damaged; if it is, it is lost from now on.

    Args:
        hashed: whether its bytes are read, if there are as many as there should be.

    Returns:
        What a client is to be told.
    """
    seen = await registry.blobs.stat(digest)
    known = await registry.metadata.inspection.known_blobs([digest])
    if not known:
        return BlobUnknown("", {"digest": digest})
    wrong = await find(registry, known[0], seen, hashed=hashed)
    async with registry.locks.lock(digest):
        if wrong and await registry.blobs.stat(digest) == seen:
            log.error("%s is damaged: %s; the next push of it heals it", digest, wrong)
            now, damage = registry.clock(), registry.metadata.damage
            await _note(registry, damage.lose_blob(digest, now=now, at_once=True))
            return BlobDamaged("", {"digest": digest})
    return Unavailable("the blob has just been replaced; try again")


async def is_intact(registry: Registry, digest: Digest, linked: LinkedBlob) -> bool:
    """Whether a blob has as many bytes as it should; if not, it is lost from now on.

    Raises:
        Unavailable: that cannot be told now, as the place of all blobs is gone.
    """
    stored = await registry.blobs.stat(digest, segments=linked.segments)
    if stored is not None and stored.size == linked.size:
        return True
    return isinstance(await look_again(registry, digest), Unavailable)


async def note_manifest(
    registry: Registry, repository: RepositoryName, manifest: StoredManifest
) -> ManifestDamaged:
    """Note that a manifest is not what was pushed; what a client is to be told."""
    digest, body = manifest.digest, manifest.body
    log.error("%s@%s is damaged: its bytes have changed; push it again", repository, digest)
    now, damage = registry.clock(), registry.metadata.damage
    await _note(registry, damage.lose_manifest(repository, digest, body, now=now, at_once=True))
    return ManifestDamaged("", {"name": repository, "reference": digest})


async def _note(registry: Registry, lose: Awaitable[object]) -> None:
    """Note that something is damaged, if that can be written down now."""
    registry.measures.count(Count.DAMAGES_FOUND)
    try:
        await lose
    except RegistryError as error:
        log.warning("that it counts as not there cannot be written down: %s", error)
