"""Configurations, and other small documents that are blobs, as pages read them.

Of those of single images the platforms are kept in memory: their manifests do not say these, and
what a digest names never changes.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from lading.core.access import Action, Grant
from lading.core.digest import Digest
from lading.core.errors import BlobUnknown, RegistryError
from lading.core.images.contents import NamedBlob
from lading.core.images.image_config import read_platform
from lading.core.recent import Recent
from lading.ports.blobs import Blobs
from lading.services.pull import pull_blob
from lading.services.registry import Registry

log = logging.getLogger(__name__)

# Bytes of a configuration that is read for its own sake, and for a list; real ones have some KiB.
MOST_BYTES, MOST_LISTED = 4 * 1024 * 1024, 128 * 1024
# Platforms that are kept; some MiB.
MOST_KNOWN = 20_000
# Configurations that are read at once, and that may wait for it.
AT_ONCE, MOST_WAITING = 8, 500
# Seconds that a list waits for what it has not seen before; the rest is there the next time.
PATIENCE = 0.1


async def read_text(registry: Registry, grant: Grant, digest: Digest) -> bytes:
    """The bytes of a small blob that is a document, as configs are.

    Raises:
        BlobUnknown: it is not in this repository, or is too large for a document.
        BlobDamaged: its bytes are not there.
    """
    blob = await pull_blob(registry, grant, digest)
    if blob.size > MOST_BYTES:
        raise BlobUnknown("it is too large to be shown; pull it", {"digest": digest})
    with blob.source.open() as opened:
        return bytes(await opened.read(0, blob.size))


async def config_body(
    registry: Registry, grant: Grant, config: NamedBlob | None, size: int | None
) -> bytes:
    """The bytes of a configuration, if there is one; none if it is too large, or not here.

    Args:
        size: that it has in the repository; `None` if it is not in that.
    """
    grant.require(Action.PULL)
    if config is None or size is None:
        return b""
    return await _read(registry.blobs, config.digest, MOST_BYTES) or b""


class KnownPlatforms:
    """The platforms of configurations, as far as they were read."""

    def __init__(self) -> None:
        self._known: Recent[Digest, str] = Recent(MOST_KNOWN)
        self._reading: dict[Digest, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def find(self, blobs: Blobs, configs: Iterable[Digest]) -> Mapping[Digest, str]:
        """The platforms of some configurations, as `linux/arm64/v8`; empty if one says none.

        What is not known is read, which is waited for a moment.
        """
        wanted = list(dict.fromkeys(configs))
        unknown = [digest for digest in wanted if self._known.get(digest) is None]
        tasks = [task for digest in unknown if (task := self._read(blobs, digest)) is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)
        found = {digest: self._known.get(digest) for digest in wanted}
        return {digest: platform for digest, platform in found.items() if platform is not None}

    def _read(self, blobs: Blobs, digest: Digest) -> asyncio.Task[None] | None:
        """The task that reads a configuration; `None` if too many do that already."""
        if digest not in self._reading:
            if len(self._reading) >= MOST_WAITING:
                return None
            self._reading[digest] = asyncio.create_task(self._keep(blobs, digest))
        return self._reading[digest]

    async def _keep(self, blobs: Blobs, digest: Digest) -> None:
        try:
            async with self._turns:
                body = await _read(blobs, digest, MOST_LISTED)
            if body is not None:
                self._known.put(digest, read_platform(body))
        except (RegistryError, OSError) as error:
            log.debug("the configuration %s cannot be read: %s", digest, error)
        finally:
            del self._reading[digest]


async def _read(blobs: Blobs, digest: Digest, most: int) -> bytes | None:
    """The bytes of a document; none if they are too many, `None` if they are not there."""
    source = await blobs.find(digest)
    if source is None:
        return None
    if source.size > most:
        return b""
    with source.open() as opened:
        return bytes(await opened.read(0, source.size))
