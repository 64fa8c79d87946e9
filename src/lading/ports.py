"""The two things a registry stands on: what is known, and where bytes live.

`Metadata` is the truth: repositories, manifests with their bytes, tags, links. `BlobStore` holds
bytes by digest, and those of uploads. Services see only these; adapters implement them; one suite
of tests per protocol runs over every adapter (`tests/contracts`).

Every write of `Metadata` is one transaction that is on disk when the call returns, unless its
docstring says otherwise. Times are seconds since the epoch, UTC, and always arguments.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lading.core.access import Actions
from lading.core.digest import Bytes, Digest
from lading.core.garbage import DoomedBlob, DoomedLink, DoomedManifest, Limits
from lading.core.globs import Glob
from lading.core.history import Restored, TagMove, TrashedManifest, TrashedTag
from lading.core.immutability import ImmutableTags
from lading.core.keepers import Holding
from lading.core.manifest import Manifest
from lading.core.names import Reference, RepositoryName, Tag, UploadKey
from lading.inspection import Inspection

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
class Change:
    """Who changes something, and when; what the history records."""

    actor: str
    at: float


@dataclass(frozen=True, slots=True)
class Job:
    """Something that one worker at a time does, now and then.

    Attributes:
        holder: who does it now, for a person; `None` if nobody does.
        expires_at: when others may take over, because the holder seems to be dead.
        started_at: when it was last begun.
        finished_at: when it last came to its end; `None` if it never did.
    """

    holder: str | None
    expires_at: float
    started_at: float
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody copies the blobs that there are, so none is to be collected.

    Attributes:
        name: what for, for a person.
        until: when it ends by itself.
    """

    name: str
    until: float


@dataclass(frozen=True, slots=True)
class Garbage:
    """What nothing needs, of all that the database knows."""

    manifests: Sequence[DoomedManifest]
    links: Sequence[DoomedLink]
    blobs: Sequence[DoomedBlob]


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A login that a client may renew without its password.

    Attributes:
        hash: of the secret that the client has; the secret itself is kept nowhere.
        stamp: of the login; if it has another one now, the token is worth nothing.
    """

    hash: str
    name: str
    stamp: str
    expires_at: float


class RefreshTokens(Protocol):
    """Logins that clients may renew."""

    async def add_refresh_token(self, token: RefreshToken, *, now: float) -> None:
        """Keep a token; some that are old may go. A power cut may forget it."""

    async def find_refresh_token(self, hash_: str, *, now: float) -> RefreshToken | None:
        """A token that has not ended."""


@dataclass(frozen=True, slots=True)
class Robot:
    """The login of a program.

    Attributes:
        hash: of its password; the password itself is kept nowhere.
        repositories: where it may do something.
        actions: what it may do there.
        created_by: who made it.
        expires_at: when it ends, if it does.
        used_at: when it was last used, give or take a minute; `None` if it never was.
    """

    name: str
    hash: str
    repositories: Sequence[Glob]
    actions: Actions
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None = None


class Robots(Protocol):
    """Logins of programs."""

    async def add_robot(self, robot: Robot) -> bool:
        """Keep a new robot; false if there is one of that name."""

    async def find_robot(self, name: str) -> Robot | None:
        """A robot, be its time over or not."""

    async def list_robots(self) -> Sequence[Robot]:
        """All robots, by name."""

    async def remove_robot(self, name: str) -> bool:
        """Remove a robot for good; false if there is none."""

    async def note_robots_used(self, used: Mapping[str, float]) -> None:
        """Note when robots, by name, were last used; an earlier time than is known changes nothing.

        A power cut may forget it.
        """


class Metadata(RefreshTokens, Robots, Inspection, Protocol):
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

    async def promise_manifest(
        self, repository: RepositoryName, reference: Reference, *, now: float, grace: float
    ) -> StoredManifest | None:
        """As `find_manifest`, and it is then safe from collection for at least half of `grace`.

        A client that is told that a manifest is there may name it in an index, or point a tag at
        it. A power cut may forget the promise (a process crash may not).
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

    async def find_keepers(self, digest: Digest) -> Sequence[Holding]:
        """The repositories that have a blob or a manifest, each with what keeps it there."""

    async def is_stored(self, digest: Digest) -> bool:
        """Whether a blob has a row, be it in a repository or not."""

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

    async def list_manifests(
        self, repository: RepositoryName
    ) -> Sequence[tuple[Digest, Sequence[Digest]]]:
        """All manifests of a repository, deleted ones too, each with what it refers to."""

    async def find_garbage(self, limits: Limits) -> Garbage:
        """What a collection would take; what keeps something in it comes before that."""

    async def collect_manifests(
        self, doomed: Sequence[DoomedManifest], limits: Limits
    ) -> Sequence[DoomedManifest]:
        """Remove the manifests for which that is still right, and return those."""

    async def collect_links(
        self, doomed: Sequence[DoomedLink], limits: Limits
    ) -> Sequence[DoomedLink]:
        """Remove the links for which that is still right, and return those."""

    async def collect_blobs(self, digests: Sequence[Digest], *, now: float) -> Sequence[Digest]:
        """Remove the rows of the blobs that no repository has, and return all that have none.

        While a hold lasts, no row is removed.

        The caller holds the store's locks of the digests until it has deleted the bytes and said
        `forget_deletions`; `find_garbage` names what was interrupted before that again.
        """

    async def forget_deletions(self, digests: Sequence[Digest]) -> None:
        """The bytes of collected blobs are gone."""

    async def find_read_only(self) -> Change | None:
        """Who made the registry read-only, and when; `None` if it is not."""

    async def set_read_only(self, change: Change | None) -> None:
        """Make the registry read-only, for all processes at once, or (`None`) not so any more."""

    async def hold_blobs(self, hold: Hold) -> None:
        """Let no blob be collected until then; a hold of the same name is replaced."""

    async def release_blobs(self, name: str) -> bool:
        """End a hold; false if there is none of that name."""

    async def find_hold(self, *, now: float) -> Hold | None:
        """The hold that lasts longest, if there is any."""

    async def copy_to(self, target: Path) -> None:
        """Write a consistent copy, of one moment, into a new file; on disk when this returns."""

    async def forget_committed(self, *, before: float, at_most: int) -> int:
        """Forget uploads that became blobs before that time, which nobody asks for again; how many.

        A power cut may undo it (a process crash may not).
        """

    async def find_job(self, name: str) -> Job | None:
        """What is known of a job that ever ran."""

    async def claim_job(
        self,
        name: str,
        holder: str,
        *,
        now: float,
        expires_at: float,
        finished_before: float | None,
    ) -> bool:
        """Take the lease of a job; false if another holder's has not expired.

        Also false if the job finished after `finished_before`, so that of many workers that find it
        due only one does it. What this and the next two write may be forgotten in a power cut.
        """

    async def renew_job(self, name: str, holder: str, *, expires_at: float) -> bool:
        """Hold the lease for longer; false if it was lost to another."""

    async def release_jobs(self) -> None:
        """Let go of every lease, whoever holds it. What this writes may be forgotten as well."""

    async def release_job(self, name: str, holder: str, *, finished_at: float | None) -> None:
        """Let go of the lease, unless it was lost; `finished_at` if the job came to its end."""

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

    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Memory:
    """The bytes are at hand."""

    data: bytes


BlobSource = LocalFile | Memory
"""Where the bytes of a blob are; how they leave is for the edge to decide."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What the store has of an upload.

    Attributes:
        active_at: when something was last done with it.
        digest: what it was committed as, if that was not settled.
    """

    upload: UploadKey
    size: int
    active_at: float
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """The bytes that the store has under a digest.

    Attributes:
        size: how many there are.
        since: when they got there.
    """

    size: int
    since: float


class StagedUpload(Protocol):
    """An upload that this request alone may write to.

    Attributes:
        size: how many bytes it has; after `finish`, they survive a crash of the process.
        active_at: when something was last done with it, before this request.
    """

    @property
    def size(self) -> int:
        """How many bytes it has so far."""

    @property
    def active_at(self) -> float:
        """See the class."""

    async def touch(self, now: float) -> None:
        """Something was done with it; does nothing once the upload is over."""

    async def write(self, data: Bytes) -> None:
        """Append bytes; they are the caller's again when the next `write`, or `finish`, returns.

        Raises:
            StorageFull: there is no room for them, or was none for those before; perhaps some were
                appended.
        """

    async def finish(self) -> None:
        """Wait until all bytes are appended.

        Raises:
            StorageFull: as `write`.
        """

    async def rewind(self, size: int) -> None:
        """Go back to the first `size` bytes; does nothing once the upload is over."""

    async def commit(self, digest: Digest) -> None:
        """Make the bytes a blob: verified, on disk, under their final name.

        The one place where a blob's digest is verified. These bytes take the place of those that
        were there under the digest, which nobody has verified since. The caller holds the store's
        lock of the digest, and says `settle` when the blob is known; the store lists the bytes
        until then, so that a crash does not leave them for ever.

        Raises:
            DigestMismatch: the bytes have another digest; the upload stays as it is.
            UploadUnknown: it was discarded meanwhile.
        """


class BlobStore(Protocol):
    """Where bytes live."""

    async def begin(self, upload: UploadKey, *, algorithm: str, now: float) -> None:
        """Start an upload. A power cut may forget it, and bytes of it (a process crash may not).

        Args:
            upload: new.
            algorithm: of the hash to keep running while bytes arrive; a hint.
            now: the time.
        """

    async def require_space(self, size: int) -> None:
        """Find out before something is begun whether there is room for so many bytes.

        Raises:
            StorageFull: there is not, beyond what is kept in reserve for the database.
        """

    def stage(self, upload: UploadKey) -> AbstractAsyncContextManager[StagedUpload]:
        """Open an upload for writing, exclusively among all workers.

        Raises:
            UploadOutOfOrder: another request is writing to it.
            UploadUnknown: it never began, or it is over.
        """

    async def staged_size(self, upload: UploadKey) -> int:
        """How many bytes an upload has.

        Raises:
            UploadUnknown: it never began, or it is over.
        """

    async def settle(self, upload: UploadKey, digest: Digest) -> None:
        """What the upload's `commit` left under the digest is known, or deleted; forget about it.

        The caller holds the store's lock of the digest.
        """

    async def discard(self, upload: UploadKey) -> None:
        """Delete what was uploaded, if anything, even if someone is writing to it."""

    async def list_staged(self) -> Sequence[Staged]:
        """All that uploads have in the store: bytes, and commits that were not settled."""

    async def find(self, digest: Digest) -> BlobSource | None:
        """Where the bytes of a blob are."""

    async def read_small(self, digest: Digest, size: int) -> Memory | None:
        """The bytes of a blob that is small enough to be kept in memory; `None` for all others.

        Args:
            digest: of the blob.
            size: that it should have.
        """

    async def delete(self, digests: Sequence[Digest]) -> None:
        """Delete the bytes of blobs, where there are any. Only the collector calls this."""

    def lock(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Hold a blob against all workers: while committing its bytes, while deleting them."""

    def lock_idle(self, digests: Sequence[Digest]) -> AbstractAsyncContextManager[Sequence[Digest]]:
        """As `lock`, for those of the blobs that nobody holds; never waits. Yields those."""

    def digests(self) -> AsyncIterator[Digest]:
        """All blobs whose bytes are there, in no order."""

    async def examine(self, digests: Sequence[Digest]) -> Mapping[Digest, StoredBytes]:
        """What is there of these blobs, without reading the bytes."""

    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        """The digest that a blob's bytes have now; `None` if they cannot be read.

        Args:
            digest: of the blob.
            on_read: called with the number of bytes after each piece that was read.
        """

    async def quarantine(self, digest: Digest) -> str | None:
        """Take bytes aside that are not what their name says, and keep them there for a person.

        The caller holds the store's lock of the digest.

        Returns:
            Where they are now, for a person; `None` if there were none.
        """

    async def close(self) -> None:
        """Let go of files and threads."""
