"""The object store: objects in a bucket, put, read, listed, deleted, and addresses of them.

What fails is repeated within bounds (`attempts`), and then is an error in the registry's words.
Keys are relative to the folder of the bucket.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.attempts import Failed, StoreAttempts
from lading.blobs.s3.bucket import MIB, S3Bucket
from lading.blobs.s3.deletions import RefusedObject
from lading.blobs.s3.object_streams import ObjectStreams, lost, next_of
from lading.blobs.s3.opening import open_bucket
from lading.blobs.s3.pipes import pipes_of
from lading.blobs.s3.role_keys import RoleKeys
from lading.blobs.s3.signatures import SignedAddresses
from lading.blobs.s3.signed_requests import SignedRequests
from lading.core.digest import Bytes
from lading.core.typing import override
from lading.ports.measures import UNMEASURED, Measures, Timing
from lading.ports.object_sources import Chunks, Piped, Segment, Segments
from lading.ports.objects import PlacedSegment, StoredObject

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta

# Bytes of parts that are sent at the same time, for one object.
IN_FLIGHT = 48 * MIB
# Bytes that are collected before obstore, which lives in threads of its own, is handed them.
COLLECTED = 1 * MIB
# Seconds for which an address is to be good, so that a client gets there; and those by which it
# ends before the keys of a role that it is signed with.
SHORTEST_ADDRESS = 60.0
KEYS_APART = 10.0
# Rights of what is done with parts.
LISTING_PARTS = "`s3:ListBucketMultipartUploads`"
GIVING_UP_PARTS = "`s3:AbortMultipartUpload`"
# Objects of a page, and of a deletion: as many as S3 takes.
PAGE = 1000


class ObjectStore(Segments):
    """The objects of a bucket.

    Every method raises `Unavailable` if the store cannot be used, and `StorageFull` if it says that
    it is; the log says why.
    """

    def __init__(self, bucket: S3Bucket, measures: Measures = UNMEASURED) -> None:
        import obstore  # noqa: PLC0415 - only who uses it loads it

        self._obstore: Any = obstore
        self._bucket = bucket
        self._folder = bucket.folder
        self._measures = measures
        self._open = open_bucket(bucket)
        self._addresses = SignedAddresses(bucket)
        self._signed = SignedRequests(bucket, self._open.keys)
        self._streams = ObjectStreams(self._open, pipes_of(bucket, self._signed), measures)
        self._attributes = {"Storage-Class": bucket.storage_class} if bucket.storage_class else None

    async def put(self, key: str, data: Bytes) -> None:
        """Put an object that fits into memory: one request.

        Args:
            key: that no object has or ever had.
            data: all of it, which must not change as long as this takes.
        """
        await self._attempts(Timing.STORE_PUT_CONTENT, len(data)).run(
            partial(
                self._obstore.put_async,
                self._open.once,
                self._folder + key,
                data,
                attributes=self._attributes,
                use_multipart=False,
            )
        )

    async def put_first(self, key: str, data: bytes) -> None:
        """Put a small object unless there is one, where the store knows this condition.

        Of what does not, some ignore it, and others say so: those are asked without it.
        """

        async def put(mode: str) -> None:
            with suppress(self._obstore.exceptions.AlreadyExistsError):
                await self._obstore.put_async(
                    self._open.once, self._folder + key, data, mode=mode, use_multipart=False
                )

        async def attempt() -> None:
            try:
                await put("create")
            except Exception as error:
                if "status code: 501" not in str(error):
                    raise
                await put("overwrite")

        await self._attempts(Timing.STORE_PUT_CONTENT, len(data)).run(attempt)

    async def put_pieces(self, key: str, pieces: AsyncIterator[Bytes]) -> int:
        """Put an object of which nobody knows how large it becomes: in parts, some at a time.

        That takes three requests more than it has parts. Nothing is there before all of it is. If
        the pieces end by an error, that is raised, and what was sent of them is found among the
        unfinished parts.

        Args:
            key: as in `put`.
            pieces: of it, in order, and not without bytes: parts of nothing are refused. Each may
                be used again as soon as the next one is asked for.

        Returns:
            How many bytes it has.
        """
        collected = _Collected(pieces)
        attempts = self._attempts(Timing.STORE_WRITER)
        failure: Exception | None = None
        try:
            await self._obstore.put_async(
                self._open.again,
                self._folder + key,
                collected,
                attributes=self._attributes,
                use_multipart=True,
                chunk_size=self._bucket.part_size,
                max_concurrency=max(1, IN_FLIGHT // self._bucket.part_size),
            )
        except Exception as error:
            if collected.failure is not None:
                raise collected.failure from error
            if not collected.ended:
                raise attempts.error(error) from error
            failure = error
        finally:
            collected.stop()
        # What is there counts, not what is said. The answer to the request that joins the parts may
        # be lost after it was done. And obstore repeats it, to which a store that was killed in the
        # middle of it may say that it is done (versitygw 1.8.0: "treat as success").
        if await self.size_of(key) != collected.size:
            raise attempts.error(
                failure or ConnectionError("parts are said to be joined, and are not")
            )
        attempts.done()
        return collected.size

    async def read(self, key: str, start: int, size: int) -> Bytes:
        """Some bytes of an object, which are to fit into memory; `LostObject` without them."""
        if size == 0:
            return b""
        read = partial(
            self._obstore.get_range_async,
            self._open.once,
            self._folder + key,
            start=start,
            length=size,
        )
        try:
            data = memoryview(await self._attempts(Timing.STORE_GET_CONTENT, size).run(read))
        except FileNotFoundError as error:
            raise lost(key, start + size) from error
        if len(data) < size:
            raise lost(key, start + size)
        return data[:size]  # some stores give more than was asked for

    async def content(self, key: str) -> bytes | None:
        """All bytes of a small object; `None` if there is none."""

        async def get() -> bytes:
            found: GetResult = await self._obstore.get_async(self._open.once, self._folder + key)
            return bytes(await found.bytes_async())

        try:
            return await self._attempts(Timing.STORE_GET_CONTENT).run(get)
        except FileNotFoundError:
            return None

    @override
    def pieces(self, key: str, start: int, size: int) -> AsyncGenerator[Bytes, None]:
        return self._streams.pieces(self._folder + key, start, size)

    @override
    def piped(self, key: str, start: int, size: int) -> AsyncGenerator[Bytes | Piped, None]:
        return self._streams.piped(self._folder + key, start, size)

    def chunks(self, segments: Sequence[PlacedSegment]) -> Chunks:
        """The bytes of segments, one after the other."""
        return Chunks(self, tuple(Segment(item.key, item.size) for item in segments))

    async def size_of(self, key: str) -> int | None:
        """How many bytes an object has; `None` if there is none."""
        try:
            size: int = await self._attempts(Timing.STORE_STAT).run(
                partial(self._stat, self._folder + key)
            )
        except FileNotFoundError:
            return None
        return size

    async def delete(self, keys: Sequence[str]) -> Sequence[RefusedObject]:
        """Delete objects, those that are there; returns those that the store refuses to delete."""
        refused: list[RefusedObject] = []
        for first in range(0, len(keys), PAGE):
            paths = [self._folder + key for key in keys[first : first + PAGE]]
            delete = partial(self._signed.delete, paths)
            with suppress(FileNotFoundError):  # of a store that says so of all of them
                refused += await self._attempts(Timing.STORE_DELETE).run(delete)
        return [RefusedObject(key.removeprefix(self._folder), why) for key, why in refused]

    async def pages(self, prefix: str = "") -> AsyncGenerator[Sequence[StoredObject], None]:
        """The objects of a folder, or of all, in the order of their keys, a page at a time."""
        attempts = self._attempts(Timing.STORE_LIST)
        offset = None
        while True:
            found = self._obstore.list(
                self._open.once,
                (self._folder + prefix).rstrip("/") or None,
                offset=offset,
                chunk_size=PAGE,
            )
            try:
                while page := await attempts.once(partial(next_of, found, ())):
                    yield [self._stored(entry) for entry in page]
                    offset = page[-1]["path"]
                    attempts.moved()
            except Failed as failed:
                await attempts.pause(failed)
            except FileNotFoundError as error:
                raise attempts.error(error) from error
            else:
                break
        attempts.done()

    @override
    async def sign(self, key: str, seconds: float) -> str | None:
        path, keys = self._folder + key, self._open.keys
        if isinstance(keys, AccessKeys):  # there is nothing to wait for
            return self._addresses.make(keys, path, seconds)
        attempts = self._attempts(Timing.STORE_REDIRECT_URL)
        return await attempts.run(partial(self._sign_for_a_role, keys, path, seconds))

    async def _sign_for_a_role(self, keys: RoleKeys, path: str, seconds: float) -> str | None:
        """An address as `sign` makes it: it ends with the keys, and the store refuses it then."""
        known = keys.known()
        if known is None:
            known = await asyncio.to_thread(keys.get)
        seconds = min(seconds, known.ends_at - time.time() - KEYS_APART)
        if seconds < SHORTEST_ADDRESS:
            return None
        return self._addresses.make(known.keys, path, seconds)

    async def unfinished_parts(self, before: float) -> AsyncGenerator[Sequence[StoredObject], None]:
        """Parts of objects that were begun before a time and never joined, a page at a time.

        They take room, and no list of objects shows them.
        """
        following: Mapping[str, str] = {}
        while True:
            ask = partial(self._signed.list_unfinished, following)
            page = await self._attempts(Timing.STORE_LIST, right=LISTING_PARTS).run(ask)
            yield [
                parts._replace(key=parts.key.removeprefix(self._folder))
                for parts in page.parts
                if parts.since < before
            ]
            if not page.following:
                return
            following = page.following

    async def abort(self, unfinished: StoredObject) -> None:
        """Give up parts that were never joined, if they are still there."""
        full = unfinished._replace(key=self._folder + unfinished.key)
        with suppress(FileNotFoundError):
            attempts = self._attempts(Timing.STORE_DELETE, right=GIVING_UP_PARTS)
            await attempts.run(partial(self._signed.abort, full))

    async def denied(self) -> Sequence[str]:
        """The rights that upkeep takes and the store denies, as policies call them."""
        return await self._signed.denied()

    async def check(self) -> None:
        """Go on only if the store answers, and knows the bucket and the keys."""
        await self.size_of("no-such-object")

    def _attempts(self, timing: Timing, size: int = 0, right: str = "") -> StoreAttempts:
        return StoreAttempts(timing, self._measures, size, right)

    async def _stat(self, path: str) -> int:
        """The size of an object.

        An answer to HEAD says nothing more than 404 where a bucket is missing, or where something
        else has answered. So what is not there is asked for once more.
        """
        try:
            found = await self._obstore.head_async(self._open.once, path)
        except FileNotFoundError:
            await self._obstore.get_range_async(self._open.once, path, start=0, length=1)
            raise ConnectionError("an object is there, and is not") from None
        size: int = found["size"]
        return size

    def _stored(self, entry: "ObjectMeta") -> StoredObject:
        key = entry["path"].removeprefix(self._folder)
        at = entry["last_modified"].timestamp()
        return StoredObject(key, entry["size"], at)


class _Collected:
    """Pieces that were collected, as they are handed to obstore.

    Attributes:
        size: bytes that were handed over.
        ended: whether these are all.
        failure: why there are no more of them.
    """

    def __init__(self, pieces: AsyncIterator[Bytes]) -> None:
        self._pieces = pieces
        self.size = 0
        self.ended = False
        self.failure: Exception | None = None
        self._waiting: asyncio.Task[Any] | None = None

    def stop(self) -> None:
        """Ask for no more of them: obstore does so in a task of its own, which would go on."""
        if self._waiting is not None:
            self._waiting.cancel()

    def __aiter__(self) -> "_Collected":
        return self

    async def __anext__(self) -> bytearray:
        collected = bytearray()  # which is kept by reference, so it is never used again
        self._waiting = asyncio.current_task()
        try:
            while not self.ended and len(collected) < COLLECTED:
                piece = await anext(self._pieces, None)
                if piece is None:
                    self.ended = True
                else:
                    collected += piece
        except Exception as error:
            self.failure = error
            raise
        finally:
            self._waiting = None
        if not collected:
            raise StopAsyncIteration
        self.size += len(collected)
        return collected
