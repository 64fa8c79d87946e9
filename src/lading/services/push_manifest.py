"""Pushing a manifest: read it, check that what it needs is here, store it, point tags at it."""

import logging
from collections.abc import Sequence

from lading.core import manifest_document
from lading.core.access import Action, Grant
from lading.core.digest import SHA256, Digest
from lading.core.errors import DigestMismatch, TooManyTags
from lading.core.expected import Expected
from lading.core.history import Change
from lading.core.manifest import Manifest, WrongSize
from lading.core.names import Reference, Tag
from lading.metadata.pushes import ManifestPush
from lading.services.registry import Registry

log = logging.getLogger(__name__)

# "Registries MUST support at least 10" (distribution-spec, `tag` parameters of a manifest push).
MAX_TAGS = 100
# Bytes of a manifest up to which it is read at once: what takes longer is done in a thread.
SMALL = 16 * 1024


async def push_manifest(
    registry: Registry,
    grant: Grant,
    reference: Reference,
    body: bytes,
    *,
    change: Change,
    content_type: str,
    tags: Sequence[Tag] = (),
    create_only: bool = False,
    expected: Expected | None = None,
) -> Manifest:
    """Store a manifest under its digest, and under tags.

    Args:
        reference: a tag to point at it, or the digest it must have.
        content_type: as the client says; may be empty.
        create_only: whether to refuse if the reference or one of the tags is there already.
        expected: what the reference must lead to before, if that matters.

    Raises:
        ManifestInvalid, ManifestTooLarge, DigestInvalid: see `lading.core.manifest_document.parse`.
        DigestMismatch: it does not have the digest asked for.
        AlreadyExists, NotAsExpected, TagImmutable, ManifestBlobUnknown, SizeMismatch: see
            `Manifests.push`.
        StorageFull: there is no room for it.
        ReadOnly: the registry has become read-only since the push began.
        TooManyTags: more tags than one push may carry.
    """
    grant.require(Action.PUSH)
    if len(tags) > MAX_TAGS:
        raise TooManyTags(f"at most {MAX_TAGS} tags in one push")
    manifest = await _read(registry, reference, body, content_type)
    await registry.uploads.require_space(len(body))
    wrong_sizes = await registry.metadata.manifests.push(
        ManifestPush(
            repository=grant.repository,
            manifest=manifest,
            tags=[*tags] if isinstance(reference, Digest) else [reference, *tags],
            absent=[reference, *tags] if create_only else [],
            expected={} if expected is None else {reference: expected},
            immutable=registry.policy.immutable,
            children_required=registry.policy.children_required,
            sizes_required=registry.policy.sizes_required,
            change=change,
        )
    )
    if wrong_sizes:
        _warn(f"{grant.repository}@{manifest.digest}", change, wrong_sizes)
    return manifest


async def _read(
    registry: Registry, reference: Reference, body: bytes, content_type: str
) -> Manifest:
    """The manifest, which has the digest asked for, if one was."""
    wanted = reference if isinstance(reference, Digest) else None
    algorithm = SHA256 if wanted is None else wanted.algorithm
    most = registry.policy.max_descriptors
    if len(body) <= SMALL:
        manifest = manifest_document.parse(body, content_type, algorithm, most)
    else:
        manifest = await registry.parsing.start(
            manifest_document.parse, body, content_type, algorithm, most
        )
    if wanted not in {None, manifest.digest}:
        raise DigestMismatch("", {"expected": wanted, "actual": manifest.digest})
    return manifest


def _warn(accepted: str, change: Change, wrong_sizes: Sequence[WrongSize]) -> None:
    """Warn of wrong sizes: public images have them, and only who made them could mend that."""
    count, first = len(wrong_sizes), wrong_sizes[0]
    log.warning("%s of %s was accepted with %d wrong sizes: %s", accepted, change, count, first)
