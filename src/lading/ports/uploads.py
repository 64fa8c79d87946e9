"""The port of uploads: bytes that are staged until they are a blob."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from lading.core.digest import Bytes, Digest
from lading.core.names import Owner, UploadKey
from lading.ports.database import SqlConnection

# Wrong digests after which an upload is over.
WRONG_DIGESTS = 3


@dataclass(frozen=True, slots=True)
class Staged:
    """An upload as the store has it.

    Attributes:
        active_at: when something was last done with it.
        digest: what it was committed as, if that was not settled.
    """

    upload: UploadKey
    size: int
    active_at: float
    digest: Digest | None = None


class UploadNotReady(Exception):
    """An upload cannot become a blob as it is.

    It is over, somebody writes to it, it has no bytes, or their hash is another or not known: who
    opens it finds out which.
    """


@dataclass(frozen=True, slots=True)
class Becoming:
    """How an upload becomes a blob where rows alone say what is one, with what makes it known.

    Attributes:
        statements: for `SqlConnection.execute_together`.
        values: of their parameters, but for `digest`, which is the blob's.
        size: how many bytes the blob has: an expression, true before these are run.
        require: called with what they have returned; raises if the upload cannot become that blob.
    """

    statements: Mapping[str, str]
    values: Mapping[str, Any]
    size: str
    require: Callable[[SqlConnection, Mapping[str, Sequence[Any]]], None]


class StagedUpload(Protocol):
    """An upload that this request alone may write to.

    Attributes:
        size: how many bytes it has; once the request is over, they survive a crash of the process.
        active_at: when something was last done with it, before this request.
    """

    size: int
    active_at: float

    async def touch(self, now: float) -> None:
        """Note that something was done with it; does nothing once the upload is over."""

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
            UploadUnknown: the upload was discarded meanwhile. Where only rows know that, whoever
                has it learns it when the request ends.
        """

    async def rewind(self, size: int) -> None:
        """Go back to the first `size` bytes; does nothing once the upload is over."""

    async def verify(self, digest: Digest) -> None:
        """Find out whether the bytes have this digest, and bring them to the disk.

        The one place where the digest of an upload is verified that was opened. It can take as long
        as reading all of them does, so the caller holds nothing that others wait for.

        Raises:
            DigestMismatch: they have another; the upload stays as it is, but is over after
                `WRONG_DIGESTS` of them.
            Unavailable: they did not get there. The upload is over: nobody knows what is lost.
        """

    async def commit(self, digest: Digest) -> None:
        """Make the bytes a blob: under their final name, after `verify` (done here if it was not).

        These bytes take the place of those that were there under the digest, which nobody has
        verified since. The caller has the digest locked, and says `settle` when the blob is known;
        the store lists the bytes until then, so that a crash does not leave them for ever.

        Raises:
            DigestMismatch: as `verify`.
            UploadUnknown: it was discarded meanwhile.
        """

    async def commit_by_rows(self, digest: Digest) -> Becoming | None:
        """What a transaction does in place of `commit`, where rows alone say what is a blob.

        It is done in the transaction that makes the blob known, after which the caller, who has the
        digest locked, says `end`: there is nothing to settle then. `None` where bytes need more to
        get their final name.

        Raises:
            DigestMismatch: as `verify`.
        """
        return None

    def end(self) -> None:
        """The upload is over, as what `commit_by_rows` has returned was done."""
        return


class Uploads(Protocol):
    """Uploads that are not over, each written by one request at a time.

    Attributes:
        small: bytes up to which `append_small` and `commit_small` may do better than `stage`; 0 if
            they never do.
    """

    small: int = 0

    async def require_space(self, size: int) -> None:
        """Go on only if there is room for so many bytes, be they of an upload or of a manifest.

        Raises:
            StorageFull: there is not, beyond what is kept in reserve for the database.
        """

    async def begin(
        self, upload: UploadKey, *, algorithm: str, now: float, most: int | None = None
    ) -> bool:
        """Start an upload. A power cut may forget it, and bytes of it (a process crash may not).

        Args:
            upload: new.
            algorithm: of the hash to keep running while bytes arrive; a hint.
            most: uploads that its owner may have that are not over; `None` for any number.

        Returns:
            False if its owner has as many already: then it has not begun.
        """

    def stage(
        self, upload: UploadKey, *, algorithm: str | None = None
    ) -> AbstractAsyncContextManager[StagedUpload]:
        """Open an upload for writing, exclusively among all workers.

        Args:
            algorithm: what its digest will be of, if that is known; a hint.

        Raises:
            UploadOutOfOrder: another request is writing to it.
            UploadUnknown: it never began, or it is over.
        """

    def commit_as_it_is(self, upload: UploadKey, digest: Digest) -> Becoming | None:
        """What `StagedUpload.commit_by_rows` returns, of an upload that is complete, unopened.

        To do that raises `UploadNotReady` if it cannot be: then the upload is to be opened. `None`
        where it always is.
        """
        return None

    async def append_small(self, upload: UploadKey, data: bytes) -> bool:
        """Append few bytes to an upload that has none, without opening it.

        Returns:
            False if that cannot be: then nothing was done, and the upload is to be opened.
        """
        return False

    async def commit_small(self, upload: UploadKey, digest: Digest, data: bytes) -> Becoming | None:
        """What `commit_as_it_is` returns, of an upload that has no bytes yet, and is to have few.

        `None` if it is to be opened: that cannot be, or they have another digest.
        """
        return None

    async def size(self, upload: UploadKey) -> int:
        """How many bytes an upload has.

        Raises:
            UploadUnknown: it never began, or it is over.
        """

    async def settle(self, upload: UploadKey, digest: Digest) -> None:
        """Forget about an upload's `commit`: what it left under the digest is known, or deleted.

        The caller has the digest locked.
        """

    async def discard(self, upload: UploadKey) -> None:
        """Delete what was uploaded, if anything, even if someone is writing to it."""

    async def count(self, owner: Owner) -> int:
        """How many uploads somebody has begun that are not over."""

    async def count_all(self, now: float) -> int:
        """How many uploads there are; it may be some seconds since they were counted."""

    async def list_all(self) -> Sequence[Staged]:
        """All that uploads have in the store: bytes, and commits that were not settled."""

    async def tidy(self, before: float) -> None:
        """Remove what no upload has used since that time."""
