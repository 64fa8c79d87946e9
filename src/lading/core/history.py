"""History: where tags have pointed, and what is in the trash."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import Struct

from lading.core.digest import Digest
from lading.core.names import RepositoryName, Tag


class Change(Struct, frozen=True):  # made for each request that writes
    """A change of something: who makes it, when, and by which request.

    Attributes:
        actor: by name; empty for anybody.
        address: where the request came from; empty for a command and for the server itself.
        request_id: of the request; as empty as the address.
    """

    actor: str
    at: float
    address: str = ""
    request_id: str = ""

    def __str__(self) -> str:
        """Whose change it is, for a log."""
        request = f" from {self.address} by request {self.request_id}" if self.request_id else ""
        return f"{self.actor or 'anybody'}{request}"


@dataclass(frozen=True, slots=True)
class TagMove:
    """A move of a tag: it was set, moved or deleted.

    Attributes:
        at: when.
        actor: by whom; empty for anybody.
        previous: what it pointed to before; `None` if it was new.
        digest: what it points to since; `None` if it was taken away.
    """

    at: float
    actor: str
    previous: Digest | None
    digest: Digest | None


class NotedRefusal(NamedTuple):
    """A refusal of a request, or somebody's sign-in to the pages, as its status says.

    Attributes:
        at: when it was so last.
        what: as the audit log calls it.
        actor: who asked; empty for anybody.
        claimed: the name that it came with, where nobody has found that it is the caller's.
        repository, reference: what it was about, as far as it was about one; not checked.
        times: how often, in a moment.
    """

    at: float
    what: str
    actor: str
    claimed: str
    repository: str
    reference: str
    address: str
    status: int
    times: int


@dataclass(frozen=True, slots=True)
class TrashedManifest:
    """A manifest in the trash: it was deleted, and can be restored.

    Attributes:
        size: of its body, in bytes.
        tags: that were taken away with it.
    """

    repository: RepositoryName
    digest: Digest
    media_type: str
    size: int
    deleted_at: float
    actor: str
    tags: Sequence[Tag]


@dataclass(frozen=True, slots=True)
class TrashedTag:
    """A tag in the trash: it was deleted, and can be restored, as its manifest is still stored."""

    repository: RepositoryName
    tag: Tag
    digest: Digest
    deleted_at: float
    actor: str


@dataclass(frozen=True, slots=True)
class Restored:
    """All that was restored by one command.

    Attributes:
        tags: with what each of them points to now.
        taken: tags that were not brought back, as they point to something newer.
        lost: tags of attachments that went after their manifest, and were collected since.
    """

    manifests: Sequence[Digest]
    tags: Sequence[tuple[Tag, Digest]]
    taken: Sequence[Tag] = ()
    lost: Sequence[Tag] = ()
