"""What is known: repositories, manifests, tags, blobs and how they belong together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest, WrongSize
from lading.core.names import Reference, RepositoryName, Tag, UploadKey
from lading.ports.collection import Collection
from lading.ports.inspection import Inspection
from lading.ports.jobs import Jobs
from lading.ports.maintenance import Maintenance
from lading.ports.refresh_tokens import RefreshTokens
from lading.ports.robots import Robots
from lading.ports.trash import Trash


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as it was pushed, byte for byte.

    Attributes:
        checked: whether the bytes are known to be those of the digest, as they have been hashed.
    """

    digest: Digest
    media_type: str
    body: bytes
    checked: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Referrer:
    """What the referrers list shows of a manifest.

    Attributes:
        annotations: an object of JSON; there may be MiBs of them, which nobody here reads.
    """

    digest: Digest
    media_type: str
    size: int
    artifact_type: str
    annotations: bytes

    @property
    def shown_size(self) -> int:
        """Bytes of what a client chose of it."""
        return len(self.media_type) + len(self.artifact_type) + len(self.annotations)


@dataclass(frozen=True, slots=True)
class Referrers:
    """Some of a list.

    Attributes:
        last: the digest after which the next ones are; `None` if there are none.
    """

    items: Sequence[Referrer]
    last: Digest | None


class Metadata(Trash, Collection, Jobs, Maintenance, Robots, RefreshTokens, Inspection, Protocol):
    """What is known: the database."""

    async def find_manifest(
        self, repository: RepositoryName, reference: Reference
    ) -> StoredManifest | None:
        """The manifest a tag points to, or the one of that digest."""

    async def find_blob(self, repository: RepositoryName, digest: Digest) -> int | None:
        """The size in bytes of a blob that is linked in the repository."""

    async def promise_blob(
        self, repository: RepositoryName, digest: Digest, *, now: float, grace: float
    ) -> int | None:
        """As `find_blob`, and the blob is then safe from collection for at least half of `grace`.

        "It is there" is a promise: the client will skip the upload. A power cut may forget it (a
        process crash may not).

        Raises:
            StorageFull, Unavailable: that cannot be written down in a moment.
        """

    async def promise_manifest(
        self, repository: RepositoryName, reference: Reference, *, now: float, grace: float
    ) -> StoredManifest | None:
        """As `find_manifest`, and it is then safe from collection for at least half of `grace`.

        A client that is told that a manifest is there may name it in an index, or point a tag at
        it. A power cut may forget the promise (a process crash may not).

        Raises:
            StorageFull, Unavailable: that cannot be written down in a moment.
        """

    async def repository_exists(self, repository: RepositoryName) -> bool:
        """Whether a manifest was ever pushed to it."""

    async def add_blob(
        self,
        repository: RepositoryName,
        digest: Digest,
        size: int,
        *,
        upload: UploadKey,
        now: float,
    ) -> None:
        """The upload became this blob, which is now in the repository."""

    async def find_committed(self, upload: UploadKey) -> Digest | None:
        """The blob that an upload became, for those who did not get the answer; for a while."""

    async def mount_blob(
        self,
        repository: RepositoryName,
        digest: Digest,
        *,
        source: RepositoryName,
        now: float,
    ) -> bool:
        """Put a blob of `source` into `repository`; false if it is not there."""

    async def repositories_with(self, digest: Digest, *, limit: int) -> Sequence[RepositoryName]:
        """Some repositories that have the blob."""

    async def put_manifest(
        self,
        repository: RepositoryName,
        manifest: Manifest,
        *,
        tags: Sequence[Tag],
        absent: Sequence[Reference],
        immutable: Sequence[ImmutableTags],
        children_required: bool,
        sizes_required: bool,
        change: Change,
    ) -> Sequence[WrongSize]:
        """Store a manifest and point tags at it, all or nothing.

        The check that everything it refers to is present makes it safe from collection as well.

        Args:
            repository: where it goes.
            manifest: what to store.
            tags: what to point at it.
            absent: what must not be there before.
            immutable: the tags that, if they are set, cannot be moved to another manifest.
            children_required: whether the manifests it lists must be present, as its blobs must.
            sizes_required: whether what is present must have the sizes that the manifest says.
            change: who pushes it, and when.

        Returns:
            What is present and has another size.

        Raises:
            AlreadyExists: something of `absent` is there.
            TagImmutable: one of the tags cannot be moved.
            ManifestBlobUnknown: something is missing; it is listed, as far as it is not too much.
            SizeMismatch: something that is present has another size, and must not.
        """

    async def delete_tag(
        self,
        repository: RepositoryName,
        tag: Tag,
        *,
        immutable: Sequence[ImmutableTags],
        change: Change,
    ) -> bool:
        """Take a tag away; false if there is none.

        Raises:
            TagImmutable: it is there, and one of `immutable`.
        """

    async def delete_manifest(
        self,
        repository: RepositoryName,
        digest: Digest,
        *,
        immutable: Sequence[ImmutableTags],
        change: Change,
    ) -> bool:
        """Hide a manifest and take away its tags; false if there is none.

        Raises:
            TagImmutable: one of `immutable` points to it, or to an index that holds it.
        """

    async def delete_blob(self, repository: RepositoryName, digest: Digest, *, now: float) -> bool:
        """Take a blob out of the repository; false if it is not there.

        Raises:
            BlobInUse: a manifest of the repository needs it.
        """

    async def list_tags(
        self, repository: RepositoryName, *, after: str, limit: int
    ) -> Sequence[str]:
        """Tags in byte order, from the first one greater than `after`."""

    async def list_repositories(self, *, after: str, limit: int, prefix: str = "") -> Sequence[str]:
        """Names that start with `prefix`, in byte order, from the first greater than `after`."""

    async def list_referrers(
        self,
        repository: RepositoryName,
        subject: Digest,
        *,
        artifact_type: str | None,
        after: str,
        limit: int,
        max_size: int,
    ) -> Referrers:
        """Some manifests whose subject this is, by digest, from the first greater than `after`.

        There may be none among them and more to come, as only so many are looked at in one go.

        Args:
            repository: where they are.
            subject: what they are about.
            artifact_type: only those of this type; `None` for all.
            after: the digest after which to start.
            limit: at most so many.
            max_size: bytes of them (`shown_size`) beyond which one more at most is read.
        """

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
