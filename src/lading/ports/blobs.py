"""The ports of blobs: their bytes, by digest, and locks while bytes get or lose that name."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from msgspec import Struct

from lading.core.digest import Digest
from lading.ports.blob_sources import BlobSource
from lading.ports.database import Work
from lading.ports.objects import PlacedSegment

KnownSegments: TypeAlias = Sequence[PlacedSegment] | None
"""What rows say of the objects of a blob, if the caller has just read that."""


class StoredBytes(Struct, frozen=True):
    """The bytes that the store has under a digest.

    Attributes:
        since: when they got there.
        version: another one when other bytes have taken their place.
    """

    size: int
    since: float
    version: int = 0


class Blobs(Protocol):
    """The bytes of blobs. What puts them there is an upload, see `lading.ports.uploads`."""

    async def find(self, digest: Digest, segments: KnownSegments = None) -> BlobSource | None:
        """Where the bytes of a blob are; `None` if they are not there, or seen to be damaged.

        Raises:
            Unavailable: that cannot be told now, as the place of all blobs is gone.
        """

    async def stat(
        self, digest: Digest, *, closely: bool = False, segments: KnownSegments = None
    ) -> StoredBytes | None:
        """The bytes that the store has of a blob, right or not, without reading them.

        Args:
            closely: whether to ask the place itself, where something else says what is there.

        Raises:
            Unavailable: as `find`.
        """

    async def hash(self, digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        """The digest that a blob's bytes have now; `None` if they cannot be read.

        Args:
            on_read: called with the number of bytes after each piece that was read.
        """

    def digests(self) -> AsyncIterator[Digest]:
        """All blobs whose bytes are there, in no order."""

    async def delete(self, digests: Sequence[Digest]) -> None:
        """Delete the bytes of blobs, where there are any. Only the collector calls this.

        Bytes that are `referred_to` stay.
        """

    async def quarantine(self, digest: Digest) -> str | None:
        """Take bytes aside that are not what their name says, and keep them there for a person.

        The caller has the digest locked.

        Returns:
            Where they are now, for a person; `None` if there were none.
        """

    async def referred_to(self, digests: Sequence[Digest]) -> frozenset[Digest]:
        """The blobs among these that another registry's repositories in the same place refer to."""
        return frozenset()  # as nobody else knows what is there

    async def is_shared(self) -> bool:
        """Whether another registry has repositories in the same place."""
        return False


class Locks(Protocol):
    """Locks of digests, against all workers; those of a process that dies are free again."""

    def lock(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Lock a digest for the length of a block, as soon as nobody else has it locked."""

    def lock_free(self, digests: Sequence[Digest]) -> AbstractAsyncContextManager[Sequence[Digest]]:
        """Lock those of the digests that nobody has locked; never waits. Yields those."""

    def lock_by_rows(self, digest: Digest) -> Work[bool] | None:
        """The work that locks a digest for the rest of its transaction, unless somebody has it.

        It never waits, and returns whether it is locked. `None` where locks are not the database's.
        """
        return None
