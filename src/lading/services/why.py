"""Why something is still stored: what keeps it, and until when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.errors import BlobUnknown
from lading.core.keepers import Cause, Holding, Path, Reason
from lading.core.names import RepositoryName
from lading.services.registry import Registry


@dataclass(frozen=True, slots=True)
class Explanation:
    """What keeps a blob or a manifest.

    Attributes:
        reasons: for each repository that has it; those without a reason are about to lose it.
    """

    digest: Digest
    reasons: Mapping[RepositoryName, Sequence[Reason]]


async def explain(registry: Registry, digest: Digest) -> Explanation:
    """Why a blob or a manifest is stored.

    Raises:
        BlobUnknown: it is not.
    """
    holdings = await registry.metadata.find_keepers(digest)
    if not holdings and not await registry.metadata.is_stored(digest):
        raise BlobUnknown(f"no blob and no manifest {digest} is stored", {"digest": digest})
    reasons: dict[RepositoryName, list[Reason]] = {}
    for holding in holdings:
        reasons.setdefault(holding.repository, []).extend(_reasons(registry, holding))
    return Explanation(digest, reasons)


def _reasons(registry: Registry, holding: Holding) -> Sequence[Reason]:
    """What a collection that the server does by itself would respect."""
    now = registry.clock()
    found = [_reason_of(registry, path) for path in holding.paths]
    if holding.promised_at is not None:
        until = holding.promised_at + registry.policy.grace
        found.append(Reason(Cause.PROMISE, since=holding.promised_at, until=until))
    return [reason for reason in found if reason.until is None or reason.until > now]


def _reason_of(registry: Registry, path: Path) -> Reason:
    policy = registry.policy
    if path.tag is not None:
        return Reason(Cause.TAG, path)
    if path.deleted_at is not None:
        return Reason(Cause.TRASH, path, path.deleted_at, path.deleted_at + policy.trash)
    until = None
    if policy.untagged and path.loose_at is not None:
        until = path.loose_at + policy.trash
    return Reason(Cause.UNTAGGED, path, path.loose_at, until)
