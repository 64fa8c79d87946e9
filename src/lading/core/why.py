"""Why a blob or a manifest is kept: the facts, and the same for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from lading.core.digest import Digest
from lading.core.names import RepositoryName, Tag
from lading.core.timestamps import utc


@dataclass(frozen=True, slots=True)
class Step:
    """A step on the way down to what is asked about: a blob or a manifest.

    Attributes:
        kind: `index`, `manifest`, `config`, `layer` or `blob`; `referrer` if the one before it is
            what it is about.
    """

    kind: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class ReferencePath:
    """A path of references down to what is asked about, from what nothing else leads to.

    Attributes:
        steps: from the top to what is asked about.
        tag: that leads to the top.
        deleted_at: when the top was deleted.
        loose_at: since when nothing leads to the top.
    """

    steps: Sequence[Step]
    tag: Tag | None = None
    deleted_at: float | None = None
    loose_at: float | None = None

    def __str__(self) -> str:
        *above, last = self.steps
        tags = [] if self.tag is None else [f"tag {self.tag}"]
        return " → ".join(
            [*tags, *(f"{step.kind} {step.digest}" for step in above), f"this {last.kind}"]
        )


@dataclass(frozen=True, slots=True)
class KeptIn:
    """A repository that has what is asked about, and what keeps it there.

    Attributes:
        promised_at: when a client was last told that it is there, if nothing relied on it since.
        paths: how it is needed; a part, if there are very many.
    """

    repository: RepositoryName
    promised_at: float | None
    paths: Sequence[ReferencePath]


class KeptBy(Enum):
    """The kinds of reasons to keep something."""

    TAG = "tag"
    TRASH = "trash"
    PROMISE = "promise"
    UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason why something stays in a repository, and until when, if it ends by itself."""

    cause: KeptBy
    path: ReferencePath | None = None
    since: float | None = None
    until: float | None = None

    @property
    def why(self) -> str:
        """The reason, for a person."""
        until = "" if self.until is None else f" until {utc(self.until)}"
        since = "" if self.since is None else f" since {utc(self.since)}"
        match self.cause:
            case KeptBy.TAG:
                return str(self.path)
            case KeptBy.TRASH:
                return f"in the trash{since}, kept{until}: {self.path}"
            case KeptBy.PROMISE:
                return f"a client was told that it is there, so it is kept{until}"
            case KeptBy.UNTAGGED if self.until is None:
                return f"untagged{since}, kept as untagged manifests are not collected: {self.path}"
            case KeptBy.UNTAGGED:
                return f"untagged{since}, kept{until}: {self.path}"
