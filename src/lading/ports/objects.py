"""The ports of objects: rows that say what is in an object store, and its upkeep.

An object store keeps bytes under keys. An object belongs to one upload and is never changed; a row
says what it is for. The row comes first: the key of an object is written down before the object is
there, so that what a crash leaves is known, and what no row names is nobody's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lading.core.digest import Digest
from lading.core.names import Owner, UploadKey
from lading.ports.uploads import Becoming, Staged

READING = 24 * 3600.0
"""Seconds for which an object that nothing needs any more is there for those who read it."""


class PlacedSegment(NamedTuple):
    """A segment of an upload or of a blob: all bytes of an object.

    Attributes:
        start: how many bytes come before it.
    """

    key: str
    start: int
    size: int
    stored_at: float


class TakenUpload(NamedTuple):
    """An upload, as a request finds it that alone may write to it.

    Attributes:
        hash: what is known of the hash of its bytes.
        is_crumbled: whether it has come in so many small segments that it gets no more of them.
    """

    size: int
    active_at: float
    hash: bytes
    is_crumbled: bool = False


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """The progress that a request has made with an upload.

    Attributes:
        hash: what is known of their hash.
        stored: the segment that was stored since what is written down.
        unused: keys of objects that may be there and that nothing needs.
        writing: the key of the next object; `None` if there will be none, as the request ends.
    """

    size: int
    hash: bytes
    active_at: float
    now: float
    stored: PlacedSegment | None = None
    unused: Sequence[str] = ()
    writing: str | None = None


class UploadRows(Protocol):
    """Rows of uploads whose bytes are objects; each method is one transaction.

    Those that are given a generation raise `UploadUnknown` if the upload is over, and
    `UploadOutOfOrder` if another request has taken it since.
    """

    async def begin(
        self, upload: UploadKey, hash_: bytes, now: float, *, most: int | None = None
    ) -> bool:
        """Start an upload, unless its owner has `most` already; a power cut may forget it."""

    async def take(
        self, upload: UploadKey, *, generation: int, writing: str, now: float, until: float
    ) -> TakenUpload:
        """Let one request alone write to an upload, for a while.

        Args:
            generation: a number that no other request has; what an earlier one still does is void.
            writing: the key of the object that the request writes, if it does.
            until: the time at which it is anybody's, unless it is renewed.

        Raises:
            UploadUnknown: it never began, or it is over.
            UploadOutOfOrder: another request has it.
        """

    async def renew(self, upload: UploadKey, generation: int, until: float) -> bool:
        """Go on having an upload; false if it is somebody else's, or over."""

    async def save(self, upload: UploadKey, generation: int, progress: UploadProgress) -> None:
        """Write down what has come of a request; one that ends gives the upload back."""

    async def cut(self, upload: UploadKey, generation: int, progress: UploadProgress) -> None:
        """Write down that an upload goes back to so many bytes, between two of its segments."""

    async def count_wrong_digest(self, upload: UploadKey, generation: int) -> None:
        """Count a wrong digest; after `WRONG_DIGESTS` of them the upload is over."""

    async def commit(
        self, upload: UploadKey, generation: int, progress: UploadProgress, digest: Digest
    ) -> None:
        """Make the segments of an upload those of a blob; those it had are unused from then."""

    def becoming(self, upload: UploadKey, generation: int, progress: UploadProgress) -> Becoming:
        """As `commit`, with what makes the blob known, so that nothing is to settle."""

    def becoming_as_it_is(
        self,
        upload: UploadKey,
        digest: Digest,
        digest_of: Callable[[bytes], Digest | None],
        now: float,
    ) -> Becoming:
        """As `becoming`, of an upload that nobody has taken; it may raise `UploadNotReady`.

        Args:
            digest_of: the digest of all bytes by what is known of their hash, if it is.
        """

    async def reserve(self, keys: Sequence[str], now: float) -> None:
        """Write down keys of objects that are about to be stored, and unused until then."""

    async def save_small(
        self, upload: UploadKey, stored: PlacedSegment, begun: bytes, hash_: bytes
    ) -> None:
        """Write down all that an upload has, which nobody has taken; a power cut may forget it.

        Args:
            upload: which has nothing yet.
            stored: under a key that was reserved.
            begun: what is known of the hash of nothing, as it was begun with.
            hash_: what is known of the hash of all bytes.

        Raises:
            UploadNotReady: it is over, has something, or somebody writes to it, or the object may
                be gone: nothing was done.
        """

    def becoming_small(self, upload: UploadKey, stored: PlacedSegment) -> Becoming:
        """As `becoming`, of an upload that has nothing and that nobody has taken.

        To do that raises `UploadNotReady` as `save_small` does.
        """

    async def segments(self, upload: UploadKey) -> Sequence[PlacedSegment]:
        """The segments of an upload, in order."""

    async def size(self, upload: UploadKey) -> int | None:
        """How many bytes an upload has; `None` if it never began, or is over."""

    async def settle(self, upload: UploadKey) -> None:
        """Remove the row of an upload that was committed; a power cut may undo it."""

    async def discard(self, upload: UploadKey, now: float) -> Sequence[str]:
        """End an upload that is no blob; returns the keys of its objects, unused from then."""

    async def count(self, owner: Owner) -> int:
        """How many uploads somebody has begun that are not over."""

    async def count_all(self) -> int:
        """How many uploads there are that are not over."""

    async def list_all(self) -> Sequence[Staged]:
        """All uploads, and commits that were not settled."""


class ObjectRows(Protocol):
    """Rows of objects; each method is one transaction."""

    async def find(self, digest: Digest) -> Sequence[PlacedSegment]:
        """The segments of a blob, in order; none if it is not there."""

    async def page(self, *, after: str, limit: int, in_segments: bool = False) -> Sequence[Digest]:
        """Blobs that have objects, or several, by digest, from the first one after another."""

    async def unuse(self, digests: Sequence[Digest], now: float) -> None:
        """Note that nothing needs the objects of blobs any more."""

    async def quarantine(self, digest: Digest) -> Sequence[str]:
        """Take a blob's objects from it and keep them, unless it counts as there; their keys."""

    async def reserve(self, key: str, now: float) -> None:
        """Write down the key of an object that is about to be stored, and unused until then.

        Said again, it stays reserved as long again.
        """

    async def replace(
        self, digest: Digest, old: Sequence[PlacedSegment], new: PlacedSegment
    ) -> bool:
        """Put one object in the place of a blob's segments; false if it has others by now."""

    async def retire(
        self, *, before: float, limit: int, refused_before: float = 0.0
    ) -> Sequence[str]:
        """Let objects that nothing has needed since that time be deleted; their keys.

        From then on they can become nothing. Those of a collection that was killed come after
        the others, and last those that the store has refused to delete.

        Args:
            refused_before: the time since which those that the store has refused to delete are left
                alone.
        """

    async def refuse(self, keys: Sequence[str], now: float) -> None:
        """Note of unused objects that the store refuses to delete them."""

    async def remove(self, keys: Sequence[str]) -> None:
        """Remove the rows of unused objects, which are deleted."""

    async def count_unused(self) -> "UnusedBytes":
        """How much there is that nothing needs and is not deleted yet."""

    async def unknown(
        self, keys: Sequence[str], *, parts_at: float | None = None
    ) -> frozenset[str]:
        """The keys among these that no row names.

        Args:
            parts_at: the time, if the keys are of parts, which only somebody who is at it joins:
                neither a request that is gone by then, nor one that has stored the object.
        """

    async def badges(self) -> Sequence[str]:
        """The keys of objects by which the database knows its place, the newest first.

        It has one, or none yet; more than one while it takes another one, or a crash was between.
        """

    async def set_badge(self, key: str, now: float) -> str:
        """Write down the key of that object, unless there is one; returns the one that counts."""

    async def keep_badge(self, key: str, now: float) -> None:
        """Let other badges be unused, unless one of them is being taken."""

    async def begin_taking(self, key: str, now: float) -> str | None:
        """Begin to take the place of a registry that came here, or went from here.

        Returns:
            The badge to take it with; `None` if the registry never moved, or the place was taken.
        """

    async def end_taking(self, key: str, now: float) -> None:
        """Know the place by this badge alone; nothing is said of a move from then on."""


class UnusedBytes(NamedTuple):
    """Bytes in the object store that nothing needs, and that are not freed yet.

    Attributes:
        objects: how many they are in.
        size: in bytes, of those of which a row says it.
        refused: how many of them the store has refused to delete.
    """

    objects: int
    size: int
    refused: int = 0


class DeniedRight(NamedTuple):
    """A right that upkeep takes and the store denies.

    Attributes:
        name: as policies of buckets have it.
        consequence: what comes of it, for people: a clause.
    """

    name: str
    consequence: str


class StoredObject(NamedTuple):
    """An object as the store lists it, or parts of one that was never completed.

    Attributes:
        size: `None` if they are parts.
        id: of the upload of parts, in the store's words; empty for an object.
    """

    key: str
    size: int | None
    since: float
    id: str = ""


class ForeignObjects(Exception):
    """The store has objects of another database; the message says what to do."""


class Upkeep(Protocol):
    """The upkeep of an object store."""

    async def check(self) -> None:
        """Go on only if the store answers.

        Raises:
            Unavailable: it does not.
        """

    async def require_own(self) -> None:
        """Go on only if the objects that are there are this database's; what is empty becomes so.

        Raises:
            ForeignObjects: they are not, or that cannot be told.
            Unavailable: the store cannot be asked.
        """

    async def take_own(self) -> None:
        """As `require_own`, of a registry that goes on here.

        If it was migrated to here, or from here, two databases know the objects: the first of them
        that goes on has them for itself, and for the other one they are another one's then.
        """

    def join(self, going_on: Callable[[], Awaitable[None]]) -> AsyncIterator[Digest]:
        """Make each blob that is several objects one; yields those that are.

        Args:
            going_on: called again and again meanwhile; what it raises ends the work.
        """

    async def unused(self) -> UnusedBytes:
        """How much is kept for those who may be reading it, and deleted after `READING` seconds."""

    def strays(self, before: float) -> AsyncIterator[Sequence[StoredObject]]:
        """Strays that are older than that, by pages of what is there; some pages have none."""

    async def denied_rights(self) -> Sequence[DeniedRight]:
        """The rights that the store denies, as far as that can be found out without an effect."""

    async def remove(self, strays: Sequence[StoredObject]) -> Sequence[StoredObject]:
        """Remove what no row names; returns what stays, as the store refuses to delete it.

        Raises:
            Unavailable: another database keeps its objects there, too; nothing was removed.
        """
