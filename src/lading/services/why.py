"""Why a blob or a manifest is still stored: what keeps it, and until when."""

from collections.abc import Mapping, Sequence

from lading.core.digest import Digest
from lading.core.errors import BlobUnknown
from lading.core.names import RepositoryName
from lading.core.why import KeptBy, KeptIn, Reason, ReferencePath
from lading.services.registry import Registry


async def explain(registry: Registry, digest: Digest) -> Mapping[RepositoryName, Sequence[Reason]]:
    """Reasons why a blob or a manifest is stored, for each repository that has it.

    A repository without a reason is about to lose it.

    Raises:
        BlobUnknown: it is not.
    """
    kept = await registry.metadata.why.find(digest)
    if not kept and not await registry.metadata.links.is_stored(digest):
        raise BlobUnknown(f"no blob and no manifest {digest} is stored", {"digest": digest})
    reasons: dict[RepositoryName, list[Reason]] = {}
    for kept_in in kept:
        reasons.setdefault(kept_in.repository, []).extend(_reasons(registry, kept_in))
    return reasons


def _reasons(registry: Registry, kept_in: KeptIn) -> Sequence[Reason]:
    """The reasons that a collection by the server itself would respect."""
    now = registry.clock()
    found = [_reason_of(registry, path) for path in kept_in.paths]
    if kept_in.promised_at is not None:
        until = kept_in.promised_at + registry.policy.grace
        found.append(Reason(KeptBy.PROMISE, since=kept_in.promised_at, until=until))
    return [reason for reason in found if reason.until is None or reason.until > now]


def _reason_of(registry: Registry, path: ReferencePath) -> Reason:
    policy = registry.policy
    if path.tag is not None:
        return Reason(KeptBy.TAG, path)
    if path.deleted_at is not None:
        return Reason(KeptBy.TRASH, path, path.deleted_at, path.deleted_at + policy.trash)
    until = None
    if policy.untagged and path.loose_at is not None:
        until = path.loose_at + policy.trash
    return Reason(KeptBy.UNTAGGED, path, path.loose_at, until)
