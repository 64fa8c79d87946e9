"""What moves between registries: what is taken over of another one, and what it is to find."""

from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.clocks import SLACK
from lading.core.digest import Digest
from lading.core.manifest import Manifest
from lading.core.names import Tag

# Who moved a tag before it was adopted: nobody wrote down more than the time of its link, and that
# may be the time of a copy.
DISTRIBUTION = "Distribution"
DISTRIBUTION_AT_THE_LATEST = "Distribution, at the latest"


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link of Distribution: a small file that says a digest, mostly in a folder named by it.

    Attributes:
        name: the digest that its folder is named by, as `sha256:…`; empty for what a tag points to.
        text: what it says; `None` if the folder has no such file.
        at: when it was written, in seconds since the epoch, as the file says it, which may be any
            time; 0 if it is not there.
        problem: why it cannot be read; empty if it can.
    """

    name: str
    text: str | None
    at: float
    problem: str = ""


def believable(at: float, now: float) -> float:
    """The time of a file, as far as it can be: neither before 1970 nor of a clock that is wrong."""
    return max(at, 0.0) if at <= now + SLACK else now


@dataclass(frozen=True, slots=True)
class FoundTag:
    """A tag of Distribution.

    Attributes:
        name: as its folder is called.
        current: what it points to.
        index: what it has ever pointed to, each with the last time.
    """

    name: str
    current: FoundLink
    index: Sequence[FoundLink]


@dataclass(frozen=True, slots=True)
class VolumeSurvey:
    """A survey of a volume, before anything is read of it.

    Attributes:
        times_are_known: whether the times of links tell when tags were moved; those of a volume
            that was copied without its times are all the same.
    """

    repositories: int
    tags: int
    times_are_known: bool = True


@dataclass(frozen=True, slots=True)
class AdoptedBlob:
    """A blob that is taken over, and when it got there, in seconds since the epoch."""

    digest: Digest
    size: int
    at: float


@dataclass(frozen=True, slots=True)
class AdoptedManifest:
    """A manifest that is taken over.

    Attributes:
        at: when it was pushed, in seconds since the epoch.
        is_linked: whether there is a link to it, whose end is to be noticed.
    """

    manifest: Manifest
    at: float
    is_linked: bool = True


@dataclass(frozen=True, slots=True)
class AdoptedMove:
    """A move of a tag that is taken over."""

    digest: Digest
    at: float


@dataclass(slots=True)
class AdoptionTally:
    """A tally of what an adoption has taken over.

    Attributes:
        repositories: in which there was something.
        manifests, tags, moves: that were new.
        gone: tags and manifests that were taken over before, and are gone from the volume.
        blobs, size: that the database knows in the end, with the bytes of all of them.
        garbage, garbage_size: blobs of no repository, and manifests, whose bytes go after the time
            of the trash.
    """

    repositories: int = 0
    manifests: int = 0
    tags: int = 0
    moves: int = 0
    gone: int = 0
    blobs: int = 0
    size: int = 0
    garbage: int = 0
    garbage_size: int = 0

    @property
    def changes(self) -> int:
        """The number of things that were new, or are gone."""
        return self.manifests + self.tags + self.gone + self.garbage


@dataclass(frozen=True, slots=True)
class ExportedManifest:
    """A manifest that is exported.

    Attributes:
        key: where it stands among all of its repository.
        size: of its body, in bytes.
        at: when it was pushed, in seconds since the epoch.
    """

    key: int
    digest: Digest
    size: int
    at: float


@dataclass(frozen=True, slots=True)
class ExportedTag:
    """A tag that is exported.

    Attributes:
        moves: to what it pointed to and is still there, each once, the last one to what it points
            to now.
    """

    tag: Tag
    moves: Sequence[AdoptedMove]


@dataclass(slots=True)
class ExportTally:
    """A tally of what an export has written.

    Attributes:
        repositories: that there are.
        blobs, size: whose bytes were brought, manifests among them.
        links: that were written, as they were not there or said something else.
        removed: tags and manifests whose links were removed, as they were deleted here.
    """

    repositories: int = 0
    blobs: int = 0
    size: int = 0
    links: int = 0
    removed: int = 0
