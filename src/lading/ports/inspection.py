"""The part of `Metadata` that only a check of the whole registry needs.

Everything is read in pages, so that a check of any registry fits into memory; what a check writes
down makes a later push heal what is damaged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lading.core.digest import Digest
from lading.core.manifest import Edge
from lading.core.names import RepositoryName, Tag


@dataclass(frozen=True, slots=True)
class KnownBlob:
    """A blob that the database knows.

    Attributes:
        size: in bytes.
        lost: whether its bytes are known to be gone, so that it counts as not there.
    """

    digest: Digest
    size: int
    lost: bool


@dataclass(frozen=True, slots=True)
class KnownManifest:
    """A manifest that the database knows, in the trash or not.

    Attributes:
        key: where it stands among all manifests; the next page starts after the last one's.
        lost: whether its body is known to be damaged, so that it counts as not there.
        children: what is recorded that it refers to, and whether each is in the repository.
    """

    key: int
    repository: RepositoryName
    digest: Digest
    media_type: str
    body: bytes
    deleted: bool
    lost: bool
    children: Mapping[Digest, bool]


@dataclass(frozen=True, slots=True)
class User:
    """A manifest that needs something, and the tags that lead to it."""

    repository: RepositoryName
    manifest: Digest
    tags: Sequence[Tag]


@dataclass(frozen=True, slots=True)
class Totals:
    """How much there is to check.

    Attributes:
        size: of all blobs, in bytes.
    """

    blobs: int
    size: int
    manifests: int


class Inspection(Protocol):
    """What a check asks, and what it writes down."""

    async def totals(self) -> Totals:
        """How much there is to check."""

    async def check_database(self, *, thorough: bool) -> Sequence[str]:
        """What the database itself finds to be wrong with its file."""

    async def list_blobs(self, *, after: str, limit: int) -> Sequence[KnownBlob]:
        """Blobs by digest, from the first one greater than `after`."""

    async def known_blobs(self, digests: Sequence[Digest]) -> Sequence[KnownBlob]:
        """Those of the blobs that the database knows."""

    async def list_users(self, digest: Digest, *, limit: int) -> Sequence[User]:
        """Some manifests, not deleted, that need a blob."""

    async def lose_blob(self, digest: Digest, *, now: float, at_once: bool = False) -> None:
        """Its bytes are gone: it counts as not there until it is pushed again, or found again.

        Args:
            digest: of the blob.
            now: the time.
            at_once: whether to do it in a moment or not at all; a power cut may then forget it.

        Raises:
            StorageFull, Unavailable: it was not done in a moment.
        """

    async def regain_blob(self, digest: Digest) -> None:
        """Its bytes are there after all."""

    async def adopt_blob(
        self, repository: RepositoryName, digest: Digest, size: int, *, now: float
    ) -> None:
        """The bytes are there, and a manifest needs them: put the blob into the repository."""

    async def list_known_manifests(self, *, after: int, size: int) -> Sequence[KnownManifest]:
        """Manifests by key, from the first one greater than `after`.

        Args:
            after: the key.
            size: bytes of bodies after which the page ends; there is at least one on it.
        """

    async def find_known_manifest(
        self, repository: RepositoryName, digest: Digest
    ) -> KnownManifest | None:
        """The manifest of that digest, whatever state it is in."""

    async def lose_manifest(
        self,
        repository: RepositoryName,
        digest: Digest,
        body: bytes,
        *,
        now: float,
        at_once: bool = False,
    ) -> None:
        """Its body is damaged: it counts as not there until it is pushed again.

        Args:
            repository: it is in.
            digest: of the manifest.
            body: that was seen; if there is another one, somebody has pushed it since.
            now: the time.
            at_once: see `lose_blob`.

        Raises:
            StorageFull, Unavailable: see `lose_blob`.
        """

    async def add_children(
        self, repository: RepositoryName, manifest: Digest, edges: Sequence[Edge], *, now: float
    ) -> None:
        """Record what a manifest refers to, so that it is kept."""

    async def list_dangling_tags(
        self, *, limit: int
    ) -> Sequence[tuple[RepositoryName, Tag, Digest]]:
        """Tags that lead to manifests that are not there."""
