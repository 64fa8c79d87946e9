"""The part of `Metadata` that brings back what was deleted."""

from collections.abc import Sequence
from typing import Protocol

from lading.core.digest import Digest
from lading.core.history import Change, Restored, TagMove, TrashedManifest, TrashedTag
from lading.core.immutability import ImmutableTags
from lading.core.names import RepositoryName, Tag


class Trash(Protocol):
    """Deleted manifests and tags, and where tags led before."""

    async def tag_history(
        self, repository: RepositoryName, tag: Tag, *, limit: int
    ) -> Sequence[TagMove]:
        """The moves of a tag, the last one first."""

    async def list_trash(
        self, repository: RepositoryName | None, *, deleted_since: float
    ) -> Sequence[TrashedManifest | TrashedTag]:
        """All that can be restored, in one repository or in all; what was deleted last comes first.

        A manifest is listed while it is stored, a tag if it was deleted since that time.
        """

    async def restore_manifest(
        self, repository: RepositoryName, digest: Digest, *, change: Change
    ) -> Restored:
        """Bring a deleted manifest back, with all it needs and the tags that went with it.

        Raises:
            NotRestorable: it is not deleted, or is gone for good.
        """

    async def restore_tag(
        self,
        repository: RepositoryName,
        tag: Tag,
        *,
        at: float | None,
        immutable: Sequence[ImmutableTags],
        change: Change,
    ) -> Restored:
        """Bring a deleted tag back, or point a tag at what it pointed to at a time.

        Raises:
            NotRestorable: there is no such tag or time, or what it pointed to is gone for good.
            TagImmutable: it points to something else now, and cannot be moved.
        """

    async def restore_all(
        self, repository: RepositoryName, *, deleted_since: float, change: Change
    ) -> Restored:
        """Bring everything back that `list_trash` lists of the repository.

        Raises:
            NotRestorable: nothing is in the trash.
        """
