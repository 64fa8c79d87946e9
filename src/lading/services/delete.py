"""Deleting: rows only. Bytes are the collector's."""

from lading.core.access import Action, Grant
from lading.core.digest import Digest
from lading.core.errors import BlobUnknown, DeleteDisabled, ManifestUnknown
from lading.core.expected import Expected, require_expected
from lading.core.history import Change
from lading.core.names import Reference, Tag
from lading.services.registry import Registry


async def delete_manifest(
    registry: Registry,
    grant: Grant,
    reference: Reference,
    *,
    expected: Expected | None = None,
    expected_tags: frozenset[Tag] | None = None,
    change: Change,
) -> None:
    """Delete a tag; or hide a manifest, with all its tags, until it is collected or restored.

    Args:
        expected: what the reference must lead to, if that matters.
        expected_tags: those that may go with a manifest; `None` for all.

    Raises:
        ManifestUnknown: there is none.
        NotAsExpected: it leads to something else, or another tag to it.
        TagImmutable: see `metadata.tags.delete` and `Manifests.delete`.
        DeleteDisabled: the operator does not allow it.
    """
    _require(registry, grant)
    if isinstance(reference, Digest):
        require_expected(expected, reference, reference)
        found = await registry.metadata.manifests.delete(
            grant.repository,
            reference,
            immutable=registry.policy.immutable,
            expected_tags=expected_tags,
            change=change,
        )
    else:
        found = await registry.metadata.tags.delete(
            grant.repository,
            reference,
            immutable=registry.policy.immutable,
            expected=expected,
            change=change,
        )
    if not found:
        raise ManifestUnknown("", {"name": grant.repository, "reference": reference})


async def delete_blob(registry: Registry, grant: Grant, digest: Digest, *, change: Change) -> None:
    """Delete a blob from the repository.

    Raises:
        BlobUnknown: it is not there.
        BlobInUse: a manifest needs it.
        DeleteDisabled: the operator does not allow it.
    """
    _require(registry, grant)
    if not await registry.metadata.links.delete(grant.repository, digest, change=change):
        raise BlobUnknown("", {"digest": digest})


def _require(registry: Registry, grant: Grant) -> None:
    grant.require(Action.DELETE)
    if not registry.policy.delete_enabled:
        raise DeleteDisabled
