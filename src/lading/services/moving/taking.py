"""Taking over from another registry: what all parts of that share, and what they say of links."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lading.core.access import Principal
from lading.core.damage import Finding, Kind
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.manifest import DEFAULT_MAX_SIZE
from lading.core.moving import AdoptedBlob, AdoptionTally, FoundLink
from lading.core.names import RepositoryName
from lading.ports.blobs import StoredBytes
from lading.ports.volumes import ForeignVolume
from lading.services.progress import StepProgress
from lading.services.registry import Registry

LEFT_OUT = "it was left out"
PUSH_AGAIN = "push the image again, from where it was built or pulled"


@dataclass(slots=True)
class Adoption:
    """An adoption of what another registry has.

    Attributes:
        holder: who does it, as no other process is called.
        checksums: whether all bytes are hashed.
        repair: whether what leaves no doubt is mended, as tags that lead to manifests without a
            link.
        is_plan: whether the registry is one to be thrown away, and the volume stays as it is.
        times_are_known: what the survey of the volume has found, see `VolumeSurvey`.
        checked: blobs of which somebody said another size, and whether their bytes are right.
    """

    registry: Registry
    volume: ForeignVolume
    principal: Principal
    holder: str
    progress: StepProgress
    checksums: bool = False
    repair: bool = False
    is_plan: bool = False
    tally: AdoptionTally = field(default_factory=AdoptionTally)
    times_are_known: bool = True
    checked: dict[Digest, bool] = field(default_factory=dict)


def finding_in(
    name: RepositoryName, kind: Kind, what: str, explanation: str, mended: str, advice: str = ""
) -> Finding:
    """The finding about a digest of a repository, or about all of that if `what` is empty."""
    return Finding(kind, f"{name}@{what}" if what else name, explanation, advice, mended)


def no_digest(name: RepositoryName, link: FoundLink) -> Finding:
    """The finding about a link in a folder whose name is no digest."""
    return finding_in(name, Kind.LINK_WRONG, link.name, "this is no digest", LEFT_OUT)


def wrong_link(name: RepositoryName, link: FoundLink, to: str) -> Finding:
    """The finding about a link that says something else than its folder."""
    why = f"the link to this {to} is {said_by(link)}"
    mended = "its folder says which it is, so it was taken over"
    return finding_in(name, Kind.LINK_WRONG, link.name, why, mended)


async def stored_blobs(registry: Registry, digests: Sequence[Digest]) -> Sequence[AdoptedBlob]:
    """The blobs among these whose bytes are there, as far as `stat_blob` can find that out."""
    found = [(digest, await stat_blob(registry, digest)) for digest in digests]
    return [
        AdoptedBlob(digest, stat.size, stat.since)
        for digest, stat in found
        if isinstance(stat, StoredBytes)
    ]


async def stat_blob(registry: Registry, digest: Digest) -> StoredBytes | Unavailable | None:
    """The bytes that are there of a blob; `None` if none, an error if nobody can say.

    Raises:
        Unavailable: the directory of all blobs is gone.
    """
    try:
        return await registry.blobs.stat(digest)
    except Unavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise
        return error


def said_of(stat: StoredBytes | Unavailable | None) -> str:
    """Why bytes were not there when they were looked at, in words."""
    if stat is None:
        return "are gone or cannot be read"
    if isinstance(stat, StoredBytes):
        return "could not be read"
    cause = stat.__cause__
    reason = cause.strerror if isinstance(cause, OSError) else ""
    return f"cannot be read ({reason})" if reason else "cannot be read"


async def read_manifest(registry: Registry, digest: Digest) -> bytes | None:
    """The bytes of a manifest that is stored as a blob; `None` if they cannot be read.

    Of what is larger than a manifest may be, no more is read than shows that.
    """
    try:
        source = await registry.blobs.find(digest)
        if source is None:
            return None
        with source.open() as opened:
            return bytes(await opened.read(0, min(source.size, DEFAULT_MAX_SIZE + 1)))
    except (OSError, Unavailable):
        return None


def said_by(link: FoundLink) -> str:
    """The state of a link that says nothing useful."""
    if link.problem:
        return f"unreadable ({link.problem})"
    if link.text is None:
        return "missing"
    return f"damaged (it says {link.text[:80]!r})" if link.text else "empty"
