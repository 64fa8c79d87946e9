"""A sink: a server that takes what attackers send, answers about as a registry, and does nothing.

What guests of a registry wait beside attackers of a sink is the machine's doing: some of the
attackers' work is the kernel's, and the caches and the memory are everybody's. What they wait
beyond it when the registry itself is attacked, is the registry's. So that the sink adds nothing, it
gets of the processors what nobody else wants, as the attackers do.
"""

import asyncio
import contextlib
import re
import socket
import sys

from tests.siege.elsewhere import be_elsewhere

# Bytes of a head, and of trailers, of which no more are taken: as many as the registry takes.
MOST_HEAD, MOST_TRAILERS = 64 * 1024, 8 * 1024
# Bytes of a manifest, and of a list of them.
LARGE = 4 * 1024 * 1024
PIECE = 64 * 1024

# What a head says of a body.
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_TOO_LARGE = b"HTTP/1.1 431 Too large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer):
        try:
            while True:
                await _exchange(reader, writer)
        except asyncio.LimitOverrunError:
            writer.write(_TOO_LARGE)
        except (asyncio.IncompleteReadError, ConnectionError):
            return


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take a request, and answer it."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"chunked" in head:
        await reader.readuntil(b"0\r\n")
        await _take_trailers(reader)
    elif found := _LENGTH.search(head):
        await _take(reader, int(found[1]))
    status, headers, size = _answer(*head.split(b" ", 2)[:2])
    writer.write(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n" % (status, headers, size))
    for _ in range(size // PIECE):
        writer.write(bytes(PIECE))
        await writer.drain()


async def _take(reader: asyncio.StreamReader, size: int) -> None:
    while size:
        data = await reader.read(min(size, PIECE))
        if not data:
            raise asyncio.IncompleteReadError(data, size)
        size -= len(data)


async def _take_trailers(reader: asyncio.StreamReader) -> None:
    size = 0
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        size += len(line)
        if size > MOST_TRAILERS:
            raise asyncio.LimitOverrunError("trailers", size)


def _answer(method: bytes, path: bytes) -> tuple[bytes, bytes, int]:
    """The status, headers and size of an answer."""
    if method == b"GET":
        return (b"401 No", b"", 0) if path == b"/v2/" else (b"200 OK", b"", LARGE)
    if method == b"PUT":
        return b"400 No", b"", 0
    return b"202 Taken", b"Location: /v2/mallory/taken/blobs/uploads/1\r\n", 0


async def main() -> None:
    """Serve on a port that is printed, until the standard input is closed."""
    be_elsewhere()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    async with await asyncio.start_server(_serve, sock=listener, limit=MOST_HEAD):
        print(listener.getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
