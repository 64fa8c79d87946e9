"""Where bytes live: those of blobs by their digest, and those of uploads."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from lading.core.digest import Bytes, Digest
from lading.core.names import Owner, UploadKey

# Wrong digests after which an upload is over.
WRONG_DIGESTS = 3


@dataclass(frozen=True, slots=True)
class LocalFile:
    """The bytes are a file of this machine.

    Attributes:
        key: its path below the root of all blobs, with `/` between parts, for servers that see
            the same files.
        size: how many bytes it has; files at one path are the same whatever their size.
    """

    path: str
    key: str
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Memory:
    """The bytes are at hand."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)


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
        version: another one when other bytes have taken their place.
    """

    size: int
    since: float
    version: int = 0


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

    async def verify(self, digest: Digest) -> None:
        """Find out whether the bytes have this digest, and bring them to the disk.

        The one place where a blob's digest is verified. It can take as long as reading all of them
        does, so the caller holds nothing that others wait for.

        Raises:
            DigestMismatch: they have another; the upload stays as it is, but is over after
                `WRONG_DIGESTS` of them.
        """

    async def commit(self, digest: Digest) -> None:
        """Make the bytes a blob: under their final name, after `verify` (done here if it was not).

        These bytes take the place of those that were there under the digest, which nobody has
        verified since. The caller holds the store's lock of the digest, and says `settle` when the
        blob is known; the store lists the bytes until then, so that a crash does not leave them for
        ever.

        Raises:
            DigestMismatch: as `verify`.
            UploadUnknown: it was discarded meanwhile.
        """


class BlobStore(Protocol):
    """Where bytes live.

    Attributes:
        small: bytes up to which blobs are `read_small`, whose bytes are right then.
    """

    @property
    def small(self) -> int:
        """See the class."""

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

    def stage(
        self, upload: UploadKey, *, algorithm: str | None = None
    ) -> AbstractAsyncContextManager[StagedUpload]:
        """Open an upload for writing, exclusively among all workers.

        Args:
            upload: which.
            algorithm: what its digest will be of, if that is known; a hint.

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

    async def count_staged(self, owner: Owner) -> int:
        """How many uploads somebody has begun that are not over."""

    async def count_all_staged(self, now: float) -> int:
        """How many uploads there are; it may be some seconds since they were counted.

        Args:
            now: the time.
        """

    async def tidy(self, before: float) -> None:
        """Let go of what no upload has used since that time."""

    async def list_staged(self) -> Sequence[Staged]:
        """All that uploads have in the store: bytes, and commits that were not settled."""

    async def find(self, digest: Digest) -> BlobSource | None:
        """Where the bytes of a blob are, right or not.

        Raises:
            Unavailable: that cannot be told now, as the place of all blobs is gone.
        """

    async def read_small(self, digest: Digest, size: int) -> Memory | None:
        """The bytes of a blob that is small enough to be kept in memory; `None` for all others.

        Also for one whose bytes are not there, or not those that its digest names.

        Args:
            digest: of the blob.
            size: that it should have.
        """

    async def delete(self, digests: Sequence[Digest]) -> None:
        """Delete the bytes of blobs, where there are any. Only the collector calls this.

        Bytes that are `referred_to` stay.
        """

    async def referred_to(self, digests: Sequence[Digest]) -> frozenset[Digest]:
        """Those of the blobs that another registry's repositories, in the same place, refer to."""

    async def is_shared(self) -> bool:
        """Whether another registry has repositories in the same place."""

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
