"""Pipes: bytes of objects that the kernel moves from the store's connection to a client's.

From a socket they go into a pipe, and out of it into another socket (splice(2)): what passes is
pages of the kernel, and no byte of it is copied or seen here. So this speaks HTTP/1.1 itself, for
one answer that has a length, to a store without TLS. Any other store or answer is left to obstore.
"""

import asyncio
import fcntl
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from lading.blobs.s3.attempts import RefusedRequest
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.signed_requests import SignedRequests
from lading.core.digest import Bytes
from lading.ports.object_sources import Piped
from lading.system.proxies import proxy_for

# Bytes of the head of an answer, and of the body of one that is an error.
_MOST = 64 * 1024
# Digits of a length; Python refuses to read some thousand.
_DIGITS = 18
# Bytes that a pipe is asked to hold; one that is refused that holds less, and is slower.
_PIPE = 1024 * 1024
# Bytes that are waited for, unless fewer are left: each time that this process wakes up costs the
# same.
_WORTH_WAKING = 384 * 1024
# Bytes of an answer that are read at once until its head has come.
_AT_ONCE = 4096


class CannotPipe(Exception):
    """The store answers in a way that is left to obstore."""


class ObjectPipes:
    """Opens pipes to the objects of a bucket without TLS, by requests that are signed."""

    def __init__(self, bucket: S3Bucket, signed: SignedRequests) -> None:
        url = urlsplit(bucket.own_address)
        self._host = url.hostname or ""
        self._port = url.port or 80
        self._agent = bucket.user_agent
        self._signed = signed

    async def open(self, path: str, start: int, stop: int) -> "ObjectPipe":
        """Ask for some bytes of an object.

        Raises:
            RefusedRequest, OSError, EOFError: there is no answer, or it is an error.
            CannotPipe: it is one of another kind.
        """
        target, headers = await self._signed.sign_get(path)
        headers |= {
            "range": f"bytes={start}-{stop - 1}",
            "user-agent": self._agent,
            "connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        line = await self._connect()
        try:
            request = f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode()
            await asyncio.get_running_loop().sock_sendall(line, request)
            return await _pipe_of(line, start, stop)
        except BaseException:
            line.close()
            raise

    async def _connect(self) -> socket.socket:
        """A connection to the first address of the server that takes one."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        failure: OSError | None = None
        for family, kind, protocol, _, address in found:
            line = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
            try:
                await loop.sock_connect(line, address)
            except BaseException as error:
                line.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
            else:
                return line
        raise failure or ConnectionError(f"{self._host} has no address")


class ObjectPipe:
    """The bytes of an answer on their way, until it is exited; `is_short` if they end too soon."""

    def __init__(self, line: socket.socket, early: bytes, size: int, there: int) -> None:
        self._line = line
        self._early = early
        self._left = size
        self.is_short = there < size
        self._out, self._in = os.pipe()
        with suppress(OSError):  # this user has many pipes already
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, _PIPE)

    def __enter__(self) -> "ObjectPipe":
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in (self._out, self._in):
            os.close(descriptor)
        self._line.close()

    async def next(self) -> Bytes | Piped:
        """The next bytes, after those before were taken out of the pipe; none if it was cut."""
        if self._early:
            early, self._early = self._early[: self._left], b""
            self._left -= len(early)
            return early
        while True:
            try:
                moved = os.splice(
                    self._line.fileno(), self._in, self._left, flags=os.SPLICE_F_NONBLOCK
                )
            except BlockingIOError:
                await self._until_readable()
            else:
                self._left -= moved
                return Piped(self._out, moved)

    async def _until_readable(self) -> None:
        least = min(_WORTH_WAKING, self._left)
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least)
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._line, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._line)


class _HeadOfAnswer(NamedTuple):
    """The head of an answer, and what has come of its body."""

    status: int
    headers: Mapping[str, str]
    early: bytes

    @classmethod
    async def read(cls, line: socket.socket) -> "_HeadOfAnswer":
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            more = await asyncio.get_running_loop().sock_recv(line, _AT_ONCE)
            if not more or len(received) > _MOST:
                raise EOFError("the store's answer has no head")
            received += more
        first, *lines = received[:end].decode("latin-1").split("\r\n")
        version, _, status = first.partition(" ")
        if not version.startswith("HTTP/1.") or not status[:3].isdecimal():
            raise CannotPipe(f"it answers {first[:100]!r}")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return cls(int(status[:3]), headers, bytes(received[end + 4 :]))

    def size_of(self, start: int, stop: int) -> int:
        """How many bytes the body has of those asked for; `CannotPipe` if it has others."""
        headers, size = self.headers, self._length
        ranged = headers.get("content-range", "")
        coded = {"transfer-encoding", "content-encoding"} & headers.keys()
        if self.status != 206 or coded or size is None or size > stop - start:
            raise CannotPipe(f"it answers {self.status} with {size} bytes")
        if ranged.startswith(f"bytes {start}-{start + size - 1}/"):
            return size
        raise CannotPipe(f"it answers {self.status} with the range {ranged!r}")

    @property
    def _length(self) -> int | None:
        """How many bytes the body has, as the head says; `None` if it says no such thing."""
        said = self.headers.get("content-length", "")
        return int(said) if said.isdecimal() and len(said) <= _DIGITS else None

    async def read_error(self, line: socket.socket) -> bytes:
        """The body, as far as it matters for what went wrong."""
        body = self.early
        length = self._length
        most = _MOST if length is None else min(length, _MOST)
        while len(body) < most and not body.endswith(b"0\r\n\r\n"):  # the end of one in chunks
            more = await asyncio.get_running_loop().sock_recv(line, _AT_ONCE)
            if not more:
                break
            body += more
        return body


async def _pipe_of(line: socket.socket, start: int, stop: int) -> ObjectPipe:
    """What the answer that comes next has, which should be these bytes."""
    answer = await _HeadOfAnswer.read(line)
    if answer.status >= 400:
        raise RefusedRequest(answer.status, await answer.read_error(line))
    return ObjectPipe(line, answer.early, stop - start, answer.size_of(start, stop))


def pipes_of(
    bucket: S3Bucket, signed: SignedRequests, environ: Mapping[str, str] = os.environ
) -> ObjectPipes | None:
    """Pipes to the objects of a bucket; `None` if its server is reached by TLS or a proxy."""
    address = bucket.own_address
    if address.startswith("https:") or proxy_for(address, environ):
        return None
    return ObjectPipes(bucket, signed)
