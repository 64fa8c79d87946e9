"""A proxy on loopback before an S3 server: counts requests by kind, and makes some of them fail."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, urlsplit

PIECE = 256 * 1024

Kind = Literal[
    "PUT",
    "GET",
    "HEAD",
    "LIST",
    "DELETE",
    "CREATE",  # the upload of an object in parts
    "PART",
    "COMPLETE",
    "ABORT",
    "LIST_PARTS",
]
How = Literal[
    "503",  # SlowDown
    "500",
    "501",  # a header that the server knows nothing of
    "301",  # of a bucket in another region
    "403",
    "404",  # of an object
    "no bucket",
    "elsewhere",  # a 404 of something that is no S3 server
    "cut",  # before anything is done
    "lost answer",  # after it was done
    "hang",
    "half",  # of the answer's body, then a cut
    "wrong",  # a byte of the answer's body is another one
    "empty",  # a list, whatever there is
    "507",
    "full",  # a quota of the bucket, as Ceph and others say it
    "200",  # of what turns out an error after the head of the answer was sent
]

_CODES = {
    "503": (503, "SlowDown"),
    "500": (500, "InternalError"),
    "501": (501, "NotImplemented"),
    "301": (301, "PermanentRedirect"),
    "403": (403, "SignatureDoesNotMatch"),
    "404": (404, "NoSuchKey"),
    "no bucket": (404, "NoSuchBucket"),
    "507": (507, "XMinioStorageFull"),
    "full": (403, "QuotaExceeded"),
    "200": (200, "InternalError"),
}


@dataclass
class Fault:
    """What is to go wrong, how often, and after how many that go well."""

    how: How
    times: int
    skip: int = 0


@dataclass
class Proxy:
    """What has passed, and what shall not.

    Attributes:
        port: where it listens, on 127.0.0.1.
        requests: their kinds, in their order.
        answered: of those that the server has answered, in the order of that.
    """

    port: int = 0
    requests: list[Kind] = field(default_factory=list)
    answered: list[Kind] = field(default_factory=list)
    faults: dict[Kind, Fault] = field(default_factory=dict)

    def fail(self, kind: Kind, how: How, *, times: int = 1, skip: int = 0) -> None:
        """Have the next requests of a kind fail."""
        self.faults[kind] = Fault(how, times, skip)

    def reset(self) -> None:
        """Forget what has passed, and let everything pass."""
        self.requests.clear()
        self.answered.clear()
        self.faults.clear()

    def count(self, *kinds: Kind) -> int:
        """How many requests there were, of these kinds or of all."""
        counted = Counter(self.requests)
        return sum(counted[kind] for kind in kinds) if kinds else counted.total()

    def next_fault(self, kind: Kind) -> How | None:
        """What goes wrong with a request that has come."""
        self.requests.append(kind)
        fault = self.faults.get(kind)
        if fault is None:
            return None
        if fault.skip:
            fault.skip -= 1
            return None
        fault.times -= 1
        if fault.times <= 0:
            del self.faults[kind]
        return fault.how


@contextmanager
def proxy_before(upstream: int) -> Iterator[Proxy]:
    """Run a proxy before a port of this machine, in a thread, for the length of a block."""
    proxy = Proxy()
    started = threading.Event()
    ends: list[Callable[[], object]] = []

    async def run() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(stopped.set))
        # Of a client that has left asyncio knows nothing more, while its line waits for the server.
        lines: set[asyncio.Task[None]] = set()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = loop.create_task(_Line(proxy, upstream, reader, writer).run())
            lines.add(line)
            line.add_done_callback(lines.discard)

        server = await asyncio.start_server(
            begin,
            "127.0.0.1",
            0,
            limit=1024 * 1024,
        )
        proxy.port = server.sockets[0].getsockname()[1]
        started.set()
        await stopped.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    started.wait()
    try:
        yield proxy
    finally:
        ends[0]()
        thread.join()


class _Head:
    """The head of a request or an answer."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", 0))

    @property
    def chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "") == "chunked"


class _Line:
    """A client's connection, and the one to the server that goes with it."""

    def __init__(
        self,
        proxy: Proxy,
        upstream: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._upstream = upstream
        self._reader = reader
        self._writer = writer
        self._there: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self) -> None:
        try:
            while await self._pass_one():
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writer.close()
            if self._there is not None:
                self._there[1].close()

    async def _pass_one(self) -> bool:
        """Pass a request on, and its answer back; false if the connection is over."""
        head = _Head(await self._reader.readuntil(b"\r\n\r\n"))
        method, target, _ = head.first.split(" ", 2)
        how = self._proxy.next_fault(_kind(method, target))
        if how == "cut":
            return False
        if how == "hang":
            await self._reader.read()  # until the client has had enough
            return False
        if head.headers.get("expect") == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if how in _CODES or how in {"elsewhere", "empty"}:
            await _skip(self._reader, head.length)
            self._writer.write(_made_up(how, method))
            await self._writer.drain()
            return True
        if self._there is None:
            self._there = await asyncio.open_connection("127.0.0.1", self._upstream)
        there_reader, there_writer = self._there
        there_writer.write(head.raw)
        await _copy(self._reader, there_writer, head.length)
        passed = await self._answer(there_reader, method, how)
        self._proxy.answered.append(_kind(method, target))
        return passed

    async def _answer(self, there: asyncio.StreamReader, method: str, how: How | None) -> bool:
        answer = _Head(await there.readuntil(b"\r\n\r\n"))
        while answer.first.split(" ")[1] == "100":
            answer = _Head(await there.readuntil(b"\r\n\r\n"))
        empty = method == "HEAD" or answer.first.split(" ")[1] in {"204", "304"}
        if how == "lost answer":
            return False
        self._writer.write(answer.raw)
        if empty:
            await self._writer.drain()
        elif answer.chunked:
            await _copy_chunks(there, self._writer)
        elif how == "half":
            await _copy(there, self._writer, answer.length // 2)
            return False
        elif how == "wrong":
            first = await there.readexactly(1)
            self._writer.write(bytes([first[0] ^ 1]))
            await _copy(there, self._writer, answer.length - 1)
        else:
            await _copy(there, self._writer, answer.length)
        return answer.headers.get("connection", "").lower() != "close"


def _kind(method: str, target: str) -> Kind:
    query = parse_qs(urlsplit(target).query, keep_blank_values=True)
    if "uploadId" in query:
        found: dict[str, Kind] = {"PUT": "PART", "POST": "COMPLETE", "DELETE": "ABORT"}
        return found[method]
    if "uploads" in query:
        return "CREATE" if method == "POST" else "LIST_PARTS"
    if method == "GET" and "list-type" in query:
        return "LIST"
    plain: dict[str, Kind] = {"PUT": "PUT", "GET": "GET", "HEAD": "HEAD"}
    return plain.get(method, "DELETE")


def _made_up(how: How, method: str) -> bytes:
    """An answer that the server has not given."""
    if how == "empty":
        namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
        listed = "<IsTruncated>false</IsTruncated><KeyCount>0</KeyCount>"
        body = f'<ListBucketResult xmlns="{namespace}">{listed}</ListBucketResult>'
        status, kind = 200, "application/xml"
    elif how == "elsewhere":
        body, status, kind = "<html>nothing here</html>", 404, "text/html"
    else:
        status, code = _CODES[how]
        body, kind = f"<Error><Code>{code}</Code></Error>", "application/xml"
    head = f"HTTP/1.1 {status} made-up\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{'' if method == 'HEAD' else body}".encode()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, size: int) -> None:
    while size:
        piece = await source.read(min(size, PIECE))
        if not piece:
            raise ConnectionResetError
        size -= len(piece)
        target.write(piece)
        await target.drain()
    await target.drain()


async def _skip(source: asyncio.StreamReader, size: int) -> None:
    while size:
        piece = await source.read(min(size, PIECE))
        if not piece:
            raise ConnectionResetError
        size -= len(piece)


async def _copy_chunks(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while True:
        line = await source.readuntil(b"\r\n")
        target.write(line)
        size = int(line.split(b";")[0], 16)
        await _copy(source, target, size + 2)
        if size == 0:
            return
