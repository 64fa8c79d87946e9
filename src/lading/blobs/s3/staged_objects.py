"""An upload to the object store while a request writes to it, up to when it is a blob.

What a request brings is one object as a rule, and its row is written when the request is over: from
then on any replica goes on there. A request that breaks off leaves what has come of it, if this
process can still store that; if it is killed, the upload is as it was before.
"""

import asyncio
import logging
import secrets
from contextlib import aclosing, suppress
from dataclasses import dataclass

from lading.blobs.hashing import RunningHash
from lading.blobs.s3.object_room import ObjectRoom, new_key
from lading.blobs.s3.object_writer import ObjectWriter
from lading.core.digest import SHA256, Bytes, Digest
from lading.core.errors import (
    DigestMismatch,
    RegistryError,
    Unavailable,
    UploadInvalid,
    UploadUnknown,
)
from lading.core.names import UploadKey
from lading.core.typing import override
from lading.ports.blob_sources import all_bytes
from lading.ports.object_sources import LostObject
from lading.ports.objects import PlacedSegment, UploadProgress
from lading.ports.uploads import Becoming, StagedUpload
from lading.system.threads import Pending, finish

log = logging.getLogger(__name__)

# Seconds for which a request has its upload, unless it says again that it does; and between that.
LEASE = 10.0
RENEWAL = 3.0
# Seconds for which a request that is over, or whose client has left, stores what has come.
LEAVING = 30.0
# Bytes up to which a thread would take longer to wake up than they take to hash.
SMALL = 64 * 1024
# What is known of a hash of which nothing is.
_NOTHING = b""


class StagedObjects(StagedUpload):
    """The objects of an upload, which is this request's while it is entered."""

    def __init__(self, room: ObjectRoom, upload: UploadKey, algorithm: str | None = None) -> None:
        self._room = room
        self._upload = upload
        self._algorithm = algorithm
        self._generation = secrets.randbits(62)
        self._over = False
        self._is_crumbled = False
        self._renewing: asyncio.Task[None] | None = None
        # The hash of all bytes; `None` if it is not known, and they have to be read.
        self._running: RunningHash | None = None
        self._hashed: Pending[None] | None = None
        self._verified: Digest | None = None
        # The object that is written now, and the key of the one that may be written.
        self._writer: ObjectWriter | None = None
        self._key: str | None = None
        # What was there at first, what the rows know by now, and what was stored since.
        self._first = self._saved = _Known(0, _NOTHING)
        self._stored: tuple[PlacedSegment, _Known] | None = None
        self._unused: list[str] = []
        self.size = 0
        self.active_at = self._touched_at = 0.0

    async def __aenter__(self) -> "StagedObjects":
        """Take the upload, unless another request has it."""
        room, key = self._room, new_key()
        now = room.clock()
        taken = await room.uploads.take(
            self._upload, generation=self._generation, writing=key, now=now, until=now + LEASE
        )
        self._key = key
        self.active_at = self._touched_at = taken.active_at
        known = _Known(taken.size, taken.hash)
        if taken.size == 0 and self._algorithm is not None:
            known = _Known(0, RunningHash.start(self._algorithm).pack())
        self._is_crumbled = taken.is_crumbled
        self._first = self._saved = known
        self._go_on_from(known)
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Store what has come, write it down, and give the upload back."""
        try:
            await finish(asyncio.ensure_future(self._leave()))
        except RegistryError as error:
            if kind is None:
                raise
            if isinstance(error, UploadUnknown):  # it was discarded, with what came last
                return
            log.warning("what came last of upload %s is lost: %s", self._upload.id, error)

    @override
    async def touch(self, now: float) -> None:
        self._touched_at = now

    @override
    async def write(self, data: Bytes) -> None:
        if not data:  # or it would be an object
            return
        if self._is_crumbled:
            raise UploadInvalid(
                "it has come in too many pieces, of less than 64 KiB on average; finish it with"
                " what it has, or begin it anew and send larger ones"
            )
        piece = bytes(data)
        self._verified = None
        try:
            await self._append(piece)
            await self._hash(piece)
        except BaseException:
            await self._give_up()
            raise
        self.size += len(piece)

    @override
    async def finish(self) -> None:
        try:
            await self._store()
        except BaseException:
            await self._give_up()
            raise

    @override
    async def rewind(self, size: int) -> None:
        if not self._over:
            with suppress(UploadUnknown):
                await self._rewind(size)

    @override
    async def verify(self, digest: Digest) -> None:
        await self.finish()
        actual = await self._digest(digest.algorithm)
        if actual != digest:
            with suppress(UploadUnknown):
                await self._room.uploads.count_wrong_digest(self._upload, self._generation)
            raise DigestMismatch("", {"expected": digest, "actual": actual})
        self._verified = digest

    @override
    async def commit(self, digest: Digest) -> None:
        progress = await self._complete(digest)
        await self._room.uploads.commit(self._upload, self._generation, progress, digest)
        self._over = True

    @override
    async def commit_by_rows(self, digest: Digest) -> Becoming:
        progress = await self._complete(digest)
        return self._room.uploads.becoming(self._upload, self._generation, progress)

    @override
    def end(self) -> None:
        self._over = True

    async def _append(self, piece: bytes) -> None:
        """Have a piece in the object that is written, or else in the next one."""
        if self._writer is not None:
            if await self._writer.accept(piece):
                return
            await self._store()
        writer = await self._next_writer()
        await writer.accept(piece)

    async def _next_writer(self) -> ObjectWriter:
        """Begin an object, whose key the rows know already."""
        if self._key is None:
            await self._save(new_key())
        assert self._key is not None
        room = self._room
        self._writer = ObjectWriter(room.store, room.budget, room.files, self._key)
        return self._writer

    async def _hash(self, piece: bytes) -> None:
        """Begin to hash a piece, in a thread unless it is small, after the one before."""
        await self._hash_all()
        if self._running is None:
            return
        if len(piece) <= SMALL:
            self._running.update(piece)
        else:
            self._hashed = self._room.hashing.start(self._running.update, piece)

    async def _hash_all(self) -> None:
        hashed, self._hashed = self._hashed, None
        if hashed is not None:
            await hashed

    async def _store(self) -> None:
        """Have the store keep what is written; the rows do not know of it yet."""
        await self._hash_all()
        writer = self._writer
        if writer is None:
            return
        await writer.store()
        start = self._end
        segment = PlacedSegment(writer.key, start, writer.size, self._room.clock())
        running = self._running
        packed = _NOTHING if running is None else running.pack()
        self._stored = segment, _Known(start + writer.size, packed)
        self._writer = self._key = None

    async def _complete(self, digest: Digest) -> UploadProgress:
        """Verify the upload, unless it was; what is to be written down when it becomes a blob."""
        if self._verified != digest:
            await self.verify(digest)
        if self.size == 0:  # an object without bytes is a blob, too
            await self._next_writer()
            await self._store()
        return self._progress()

    @property
    def _end(self) -> int:
        """How many bytes are stored."""
        return self._saved.size if self._stored is None else self._stored[1].size

    async def _save(self, writing: str | None) -> None:
        """Write down what was stored, and what is to be written next."""
        if self._stored is not None and self._stored[0].size == 0:  # it is of no use but to a blob
            self._unused.append(self._stored[0].key)
            self._stored = None
        await self._room.uploads.save(self._upload, self._generation, self._progress(writing))
        if self._stored is not None:
            self._saved, self._stored = self._stored[1], None
        self._unused.clear()
        self._key = writing

    def _progress(self, writing: str | None = None) -> UploadProgress:
        stored, known = (None, self._saved) if self._stored is None else self._stored
        return UploadProgress(
            size=known.size,
            hash=known.hash,
            active_at=self._touched_at,
            now=self._room.clock(),
            stored=stored,
            unused=tuple(self._unused),
            writing=writing,
        )

    async def _give_up(self) -> None:
        """Go back to what is stored; what is written now is lost."""
        await self._hash_all()
        if self._writer is not None:
            await self._writer.abandon()
            self._unused.append(self._writer.key)
            self._writer = self._key = None
        self._go_on_from(self._saved if self._stored is None else self._stored[1])

    def _go_on_from(self, known: "_Known") -> None:
        self.size, self._verified = known.size, None
        self._running = RunningHash.unpack(known.hash)

    async def _rewind(self, size: int) -> None:
        if size > self._end:
            await self.finish()
        await self._give_up()
        if self._stored is not None and size <= self._stored[0].start:
            self._unused.append(self._stored[0].key)
            self._stored = None
            self._go_on_from(self._saved)
        if size < self._end:
            await self._cut(size)

    async def _cut(self, size: int) -> None:
        """Cut off segments; the one that `size` lies in is stored again as far as that."""
        await self._save(new_key())
        segments = await self._room.uploads.segments(self._upload)
        last = [segment for segment in segments if segment.start <= size][-1]
        known = self._known_of(last.start)
        self._saved = known
        await self._room.uploads.cut(self._upload, self._generation, self._progress(self._key))
        self._go_on_from(known)
        if size > last.start:
            async with aclosing(self._room.store.pieces(last.key, 0, size - last.start)) as pieces:
                async for piece in pieces:
                    await self.write(piece)

    def _known_of(self, size: int) -> "_Known":
        """What is known of the first bytes, at the start of a segment."""
        if size == self._first.size:
            return self._first
        return _Known(size, _NOTHING if size else RunningHash.start(SHA256).pack())

    async def _digest(self, algorithm: str) -> Digest:
        """The digest of all bytes, which are read if nobody hashed them on their way in."""
        if self._running is None or self._running.algorithm != algorithm:
            self._running = await self._read_all(algorithm)
        return self._running.digest()

    async def _read_all(self, algorithm: str) -> RunningHash:
        running = RunningHash.start(algorithm)
        segments = list(await self._room.uploads.segments(self._upload))
        if self._stored is not None:
            segments.append(self._stored[0])
        try:
            async with all_bytes(self._room.store.chunks(segments)) as pieces:
                async for piece in pieces:
                    await self._room.hashing.start(running.update, piece)
        except LostObject as error:
            log.error("bytes of upload %s are lost: %s", self._upload.id, error)  # noqa: TRY400
            raise Unavailable("what was uploaded is lost; begin the upload anew") from error
        return running

    async def _renew(self) -> None:
        """Go on having the upload."""
        rows, clock = self._room.uploads, self._room.clock
        held = True
        while held:
            await asyncio.sleep(RENEWAL)
            with suppress(RegistryError):  # it is said again soon
                held = await rows.renew(self._upload, self._generation, clock() + LEASE)

    async def _leave(self) -> None:
        try:
            failure = await self._keep_what_came()
        finally:  # or nobody could go on with the upload as long as this process lives
            assert self._renewing is not None
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
        if not self._over:
            try:
                await self._save(None)
            except UploadUnknown:  # it was discarded meanwhile
                if self._stored is not None:  # with bytes that this request has brought
                    raise
        if failure is not None:
            raise failure

    async def _keep_what_came(self) -> RegistryError | None:
        try:
            async with asyncio.timeout(LEAVING):
                await self.finish()
        except RegistryError as error:
            return error
        except TimeoutError:
            return Unavailable("the object store takes too long")
        return None


@dataclass(frozen=True, slots=True)
class _Known:
    """How many bytes there are, and what is known of their hash, packed (`RunningHash.pack`).

    So whoever goes on, be it another replica, reads nothing back.
    """

    size: int
    hash: bytes
