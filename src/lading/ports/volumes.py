"""The port of volumes: the repositories of CNCF Distribution, beside the blobs of this registry.

What is listed comes in pages, so that a repository of any size fits into memory. The old registry
may write meanwhile: what goes while it is looked for was not there.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from lading.core.digest import Digest
from lading.core.moving import FoundLink, FoundTag, VolumeSurvey


class ForeignVolume(Protocol):
    """The repositories of CNCF Distribution. Nothing of them is changed.

    Each method raises `Unavailable` if something cannot be read.
    """

    async def survey(self) -> VolumeSurvey:
        """How much there is, by a look at the folders."""

    async def is_cache(self) -> bool:
        """Whether it is what a proxy has of another registry."""

    def repositories(self) -> AsyncIterator[str]:
        """The names of all repositories, in no order, as their folders are called."""

    def layers(self, repository: str) -> AsyncIterator[Sequence[FoundLink]]:
        """The links to blobs of a repository."""

    def revisions(self, repository: str) -> AsyncIterator[Sequence[FoundLink]]:
        """The links to manifests of a repository."""

    def tags(self, repository: str) -> AsyncIterator[Sequence[FoundTag]]:
        """The tags of a repository."""

    async def absent_tags(self, repository: str, names: Sequence[str]) -> Sequence[str]:
        """The tags among these that are not there."""

    async def absent_revisions(self, repository: str, digests: Sequence[str]) -> Sequence[str]:
        """The manifests among these to which there is no link."""

    async def count_uploads(self, repository: str) -> int:
        """How many uploads of a repository are unfinished."""

    async def referred_to(
        self, repositories: Sequence[str], digests: Sequence[Digest]
    ) -> frozenset[Digest]:
        """The blobs among these to which repositories refer; and manifests whose links are kept."""

    async def note_adopted(self, left: Sequence[str]) -> None:
        """Note, durably, that the metadata is the truth from now on.

        Args:
            left: repositories that were not taken over, or not all of them: what these refer to is
                kept as long as they do.
        """
