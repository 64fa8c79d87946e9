"""Calls of services for a test, which needs no login for what it does itself."""

from collections.abc import AsyncIterator
from functools import partial

from lading.core.access import EVERY_ACCESS
from lading.core.digest import Digest
from lading.core.names import Reference, RepositoryName
from lading.services import listing, pull, push_blob, push_manifest
from lading.services.chunks import Chunk
from lading.services.registry import Registry
from lading.testing.images import Contents


async def push(
    registry: Registry, name: RepositoryName, reference: Reference | None, contents: Contents
) -> str:
    """Push contents; the digest of the last manifest, which the reference then leads to."""
    grant = EVERY_ACCESS.grant(name)
    change = registry.change_by(grant.principal)
    for blob in contents.blobs:
        chunk = Chunk(_whole(blob))
        await push_blob.push_whole(registry, grant, Digest.of(blob), chunk, change=change)
    digest = Digest.of(b"")
    last = len(contents.manifests) - 1
    for number, (media_type, body) in enumerate(contents.manifests):
        digest = Digest.of(body)
        wanted = (number == last and reference) or digest
        await push_manifest.push_manifest(
            registry, grant, wanted, body, change=change, content_type=media_type
        )
    return str(digest)


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def blob(registry: Registry, name: RepositoryName, digest: Digest) -> bytes:
    """The bytes of a blob; `BlobUnknown` if the repository has none of this digest."""
    found = await pull.pull_blob(registry, EVERY_ACCESS.grant(name), digest)
    with found.source.open() as source:
        return bytes(await source.read(0, found.size))


async def all_tags(registry: Registry, name: RepositoryName) -> list[str]:
    """All tags of a repository, in order; none if there is no such repository."""
    if not await registry.metadata.repositories.exists(name):
        return []
    grant = EVERY_ACCESS.grant(name)
    return [name async for name in listing.all_names(partial(listing.list_tags, registry, grant))]


async def all_repositories(registry: Registry) -> list[str]:
    """The names of all repositories, in order."""
    pages = partial(listing.list_repositories, registry, EVERY_ACCESS)
    return [name async for name in listing.all_names(pages)]
