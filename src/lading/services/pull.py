"""Pulling: manifests and blobs, as they were pushed."""

from msgspec import Struct

from lading.core.access import Action, Grant
from lading.core.digest import Digest
from lading.core.errors import BlobUnknown, ManifestDamaged, ManifestUnknown
from lading.core.names import Reference
from lading.metadata.manifests import StoredManifest
from lading.ports.blob_sources import BlobSource
from lading.services import damage
from lading.services.registry import Registry


class PulledBlob(Struct, frozen=True):
    """A blob, and where its bytes are."""

    digest: Digest
    size: int
    source: BlobSource


async def pull_manifest(registry: Registry, grant: Grant, reference: Reference) -> StoredManifest:
    """The manifest as it was pushed, byte for byte.

    Raises:
        RepositoryUnknown, ManifestUnknown: there is none.
        ManifestDamaged: it is not what was pushed.
    """
    grant.require(Action.PULL)
    manifest = await registry.metadata.manifests.find(grant.repository, reference)
    if manifest is None:
        await registry.metadata.repositories.require(grant.repository)
        raise ManifestUnknown("", {"name": grant.repository, "reference": reference})
    if not manifest.is_intact:
        raise await damage.note_manifest(registry, grant.repository, manifest)
    return manifest


async def stat_manifest(registry: Registry, grant: Grant, reference: Reference) -> StoredManifest:
    """The manifest, for a client that asks whether it is there.

    Who is told so may name it in an index, or give it a tag, so it is kept for them, if that can be
    written down in a moment. If not, it may be collected before it is used; a push says so.

    Raises:
        RepositoryUnknown, ManifestUnknown: there is none, or not the one that was pushed.
    """
    grant.require(Action.PULL)
    manifest = await registry.metadata.manifests.promise(
        grant.repository, reference, now=registry.clock(), grace=registry.policy.grace
    )
    if manifest is not None and manifest.is_intact:
        return manifest
    try:
        return await pull_manifest(registry, grant, reference)
    except ManifestDamaged as error:  # so that the client pushes it
        raise ManifestUnknown("", *error.details) from error


async def stat_blob(registry: Registry, grant: Grant, digest: Digest) -> int:
    """The size of a blob in bytes.

    Who is told that it is there will not upload it, so it is kept for them, as above.

    Raises:
        BlobUnknown: it is not in this repository, or its bytes are not there, or not as many.
    """
    grant.require(Action.PULL)
    linked = await registry.metadata.links.promise(
        grant.repository, digest, now=registry.clock(), grace=registry.policy.grace
    )
    if linked is None or not await damage.is_intact(registry, digest, linked):
        raise BlobUnknown("", {"digest": digest})
    return linked.size


async def pull_blob(registry: Registry, grant: Grant, digest: Digest) -> PulledBlob:
    """A blob of this repository.

    Raises:
        BlobUnknown: it is not in this repository.
        BlobDamaged: its bytes are not there, or not those that were pushed.
    """
    grant.require(Action.PULL)
    linked = await registry.metadata.links.find_placed(grant.repository, digest)
    if linked is None:
        raise BlobUnknown("", {"digest": digest})
    source = await registry.blobs.find(digest, linked.segments)
    if source is None or source.size != linked.size:
        raise await damage.look_again(registry, digest, hashed=source is None)
    return PulledBlob(digest, linked.size, source)
