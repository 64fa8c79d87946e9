"""The two things a registry stands on: what is known, and where bytes live.

`Metadata` is the truth: repositories, manifests with their bytes, tags, links, uploads. `BlobStore`
holds bytes by digest. Services see only these; adapters implement them; one suite of tests per
protocol runs over every adapter (`tests/contracts`).

Every write of `Metadata` is one transaction that is on disk when the call returns, unless its
docstring says otherwise. Times are seconds since the epoch, UTC, and always arguments.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lading.core.digest import Digest
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Manifest
from lading.core.names import Reference, RepositoryName, Tag, UploadId

# --- what is known ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as it was pushed, byte for byte."""

    digest: Digest
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Referrer:
    """What the referrers list shows of a manifest."""

    digest: Digest
    media_type: str
    size: int
    artifact_type: str
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Upload:
    """A push of one blob that has been started.

    Attributes:
        algorithm: of the hash to keep running while bytes arrive; a hint.
        committed: the blob it became, once it did.
    """

    id: UploadId
    repository: RepositoryName
    algorithm: str
    started_at: float
    committed: Digest | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, and when; what the history records."""

    actor: str
    at: float


@dataclass(frozen=True, slots=True)
class DoomedManifest:
    """A manifest that a collection would remove.

    Attributes:
        reason: for a person: why it goes.
    """

    repository: RepositoryName
    digest: Digest
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class DoomedLink:
    """A blob that a collection would take out of a repository, as no manifest there needs it."""

    repository: RepositoryName
    digest: Digest


@dataclass(frozen=True, slots=True)
class DoomedBlob:
    """A blob whose bytes a collection would free, as no repository has it."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class CollectionLimits:
    """What a collection may take.

    Attributes:
        now: the time of the collection.
        grace: seconds that a blob is kept after a client was told that it is there.
        trash_before: deleted manifests go if they were deleted before this time.
        untagged: whether manifests that no tag reaches go too.
    """

    now: float
    grace: float
    trash_before: float
    untagged: bool


class Metadata(Protocol):
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
        """

    async def repository_exists(self, repository: RepositoryName) -> bool:
        """Whether a manifest was ever pushed to it."""

    async def start_upload(self, upload: Upload) -> None:
        """Remember an upload. A power cut may forget it (a process crash may not)."""

    async def find_upload(self, repository: RepositoryName, upload: UploadId) -> Upload | None:
        """An upload of this repository that was not cancelled; a committed one for a while too."""

    async def drop_upload(self, upload: UploadId) -> None:
        """Forget an upload."""

    async def add_blob(
        self, repository: RepositoryName, digest: Digest, size: int, *, upload: UploadId, now: float
    ) -> None:
        """The upload became this blob, which is now in the repository."""

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
        change: Change,
    ) -> None:
        """Store a manifest and point tags at it, all or nothing.

        The check that everything it refers to is present makes it safe from collection as well.

        Args:
            repository: where it goes.
            manifest: what to store.
            tags: what to point at it.
            absent: what must not be there before.
            immutable: the tags that, if they are set, cannot be moved to another manifest.
            children_required: whether the manifests it lists must be present, as its blobs must.
            change: who pushes it, and when.

        Raises:
            AlreadyExists: something of `absent` is there.
            TagImmutable: one of the tags cannot be moved.
            ManifestBlobUnknown: something is missing; all that is missing is listed.
            SizeMismatch: something that is present has another size than the manifest says.
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
    ) -> Sequence[Referrer]:
        """Manifests whose subject this is, by digest, from the first one greater than `after`."""

    async def repositories_with_manifests(self) -> Sequence[RepositoryName]:
        """All repositories that have manifests, in byte order."""

    async def list_kept(
        self, repository: RepositoryName, limits: CollectionLimits
    ) -> Sequence[tuple[Digest, Sequence[Digest]]]:
        """Manifests that a collection keeps, each with what it refers to."""

    async def list_doomed_manifests(self, limits: CollectionLimits) -> Sequence[DoomedManifest]:
        """Manifests that a collection would remove."""

    async def list_doomed_links(
        self, limits: CollectionLimits, doomed: Sequence[DoomedManifest]
    ) -> Sequence[DoomedLink]:
        """Links that no manifest needs, were the `doomed` ones gone."""

    async def list_doomed_blobs(self, links: Sequence[DoomedLink]) -> Sequence[DoomedBlob]:
        """Blobs in no repository, were the given links gone."""

    async def collect_manifest(self, doomed: DoomedManifest, limits: CollectionLimits) -> bool:
        """Remove a manifest if that is still right; false if it was kept."""

    async def collect_link(self, doomed: DoomedLink, limits: CollectionLimits) -> bool:
        """Remove a link if that is still right; false if it was kept."""

    async def collect_blob(self, digest: Digest) -> bool:
        """Remove the row of a blob if no repository has it; false if it was kept.

        Also true if its row went before, and its bytes did not.

        The caller holds the store's lock of the digest, and deletes the bytes afterwards.
        """

    async def forget_deletion(self, digest: Digest) -> None:
        """The bytes of a collected blob are gone; until then each collection tries again."""

    async def list_stale_uploads(self, *, started_before: float) -> Sequence[Upload]:
        """Uploads started before that time."""

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""


# --- where bytes live ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LocalFile:
    """The bytes are a file of this machine.

    Attributes:
        key: its path below the root of all blobs, with `/` between parts, for servers that see
            the same files.
    """

    path: Path
    key: str


@dataclass(frozen=True, slots=True)
class Memory:
    """The bytes are at hand."""

    data: bytes


BlobSource = LocalFile | Memory
"""Where the bytes of a blob are; how they leave is for the edge to decide."""


class StagedUpload(Protocol):
    """An upload that this request alone may write to.

    Attributes:
        size: how many bytes it has; they survive a crash of the process.
    """

    @property
    def size(self) -> int:
        """How many bytes it has so far."""

    async def write(self, data: bytes | bytearray) -> None:
        """Append bytes."""

    async def rewind(self, size: int) -> None:
        """Go back to the first `size` bytes; does nothing once the upload is over."""

    async def commit(self, digest: Digest) -> None:
        """Make the bytes a blob: verified, on disk, under their final name.

        The one place where a blob's digest is verified. A blob that is there already is left as it
        is. The caller holds the store's lock of the digest.

        Raises:
            DigestMismatch: the bytes have another digest; the upload stays as it is.
            UploadUnknown: it was discarded meanwhile.
        """


class BlobStore(Protocol):
    """Where bytes live."""

    async def begin(self, upload: UploadId) -> None:
        """Make room for an upload."""

    def stage(self, upload: Upload) -> AbstractAsyncContextManager[StagedUpload]:
        """Open an upload for writing, exclusively among all workers.

        Raises:
            UploadOutOfOrder: another request is writing to it.
            UploadUnknown: it never began, or it is over.
        """

    async def staged_size(self, upload: UploadId) -> int:
        """How many bytes an upload has.

        Raises:
            UploadUnknown: it never began, or it is over.
        """

    async def discard(self, upload: UploadId) -> None:
        """Delete what was uploaded, if anything, even if someone is writing to it."""

    async def find(self, digest: Digest) -> BlobSource | None:
        """Where the bytes of a blob are."""

    async def delete(self, digest: Digest) -> None:
        """Delete the bytes of a blob, if they are there. Only the collector calls this."""

    def lock(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Hold a blob against all workers: while committing its bytes, while deleting them."""

    def digests(self) -> AsyncIterator[Digest]:
        """All blobs whose bytes are there, in no order."""

    async def close(self) -> None:
        """Let go of files and threads."""
