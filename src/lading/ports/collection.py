"""The part of `Metadata` that collects garbage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lading.core.digest import Digest
from lading.core.garbage import Criteria, GarbageBlob, GarbageLink, GarbageManifest, OrphanTag
from lading.core.names import RepositoryName
from lading.core.why import KeptIn


@dataclass(frozen=True, slots=True)
class Garbage:
    """What nothing needs, of all that the database knows."""

    manifests: Sequence[GarbageManifest]
    tags: Sequence[OrphanTag]
    links: Sequence[GarbageLink]
    blobs: Sequence[GarbageBlob]


class Collection(Protocol):
    """What nothing needs any more, and what keeps the rest."""

    async def repositories_with_manifests(self) -> Sequence[RepositoryName]:
        """All repositories that have manifests, in byte order."""

    async def list_manifests(
        self, repository: RepositoryName
    ) -> Sequence[tuple[Digest, Sequence[Digest]]]:
        """All manifests of a repository, deleted ones too, each with what it refers to."""

    async def find_keepers(self, digest: Digest) -> Sequence[KeptIn]:
        """The repositories that have a blob or a manifest, each with what keeps it there."""

    async def is_stored(self, digest: Digest) -> bool:
        """Whether a blob has a row, be it in a repository or not."""

    async def find_garbage(self, limits: Criteria) -> Garbage:
        """What a collection would take; what keeps something in it comes before that."""

    async def collect_manifests(
        self, garbage: Sequence[GarbageManifest], limits: Criteria
    ) -> Sequence[GarbageManifest]:
        """Remove the manifests for which that is still right, and return those."""

    async def trash_orphans(
        self, garbage: Sequence[OrphanTag], limits: Criteria
    ) -> tuple[Sequence[OrphanTag], bool]:
        """Put the attachments for which that is still right into the trash.

        Returns:
            Those that were, and whether there are more: it does not do everything at once.
        """

    async def collect_links(
        self, garbage: Sequence[GarbageLink], limits: Criteria
    ) -> Sequence[GarbageLink]:
        """Remove the links for which that is still right, and return those."""

    async def collect_blobs(self, digests: Sequence[Digest], *, now: float) -> Sequence[Digest]:
        """Remove the rows of the blobs that no repository has, and return all that have none.

        While a hold lasts, no row is removed.

        The caller holds the store's locks of the digests until it has deleted the bytes and said
        `forget_deletions`; `find_garbage` names what was interrupted before that again.
        """

    async def set_back_times(self, *, now: float) -> int:
        """Set times that a collection goes by, and that lie in the future, to now; how many."""

    async def forget_deletions(self, digests: Sequence[Digest]) -> None:
        """The bytes of collected blobs are gone."""

    async def forget_committed(self, *, before: float, at_most: int) -> int:
        """Forget uploads that became blobs before that time, which nobody asks for again; how many.

        A power cut may undo it (a process crash may not).
        """
