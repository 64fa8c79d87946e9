"""Turns of connections: nobody's many small chunks are parsed in one go while others wait."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

import pytest
import uvloop

from lading.edge.asgi import Receive, Scope, Send
from lading.edge.body import PIECE
from lading.server.http.connection import Connection
from lading.server.http.connections import Connections
from lading.server.http.deadlines import timeouts
from lading.server.http.put_off import MOST_PIECES, SLICE
from tests.server.http.test_deadlines import Transport

# What the system hands over at once.
READ = 256 * 1024
HEAD = b"PUT /%b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
# Each chunk of one byte is a piece; a turn is over behind the slice with one piece too many.
MOST_IN_A_TURN = MOST_PIECES + SLICE // len(b"1\r\nx\r\n") + 1


class Reading(Transport):
    """A transport that knows whether it is read, and by what."""

    is_read = True
    protocol: asyncio.BaseProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class Client:
    """A client whose bytes come to a connection, and the bodies that arrive of them."""

    def __init__(self, bodies: "_Bodies") -> None:
        self.transport = Reading()
        shared = Connections(65536, {}, timeouts(idle=60, keep_alive=60))
        self.connection = Connection(bodies.application, shared)
        self.connection.connection_made(self.transport)

    def leave(self) -> None:
        self.transport.close()
        self.connection.connection_lost(None)

    async def send(self, data: bytes) -> Sequence[int]:
        """Have the bytes read; how many pieces each turn has had until none is left."""
        turns, position = [], 0
        while position < len(data) or self.connection._put_off.waits:
            if self.transport.is_read and position < len(data):
                position += self._receive(data[position : position + READ])
            turns.append(self.connection._put_off.pieces)
            await asyncio.sleep(0)
        for _ in range(9):
            await asyncio.sleep(0)
        return turns

    def _receive(self, data: bytes) -> int:
        """Hand over what there is room for; how much that was."""
        reader = self.transport.protocol
        if not isinstance(reader, asyncio.BufferedProtocol):
            self.connection.data_received(data)
            return len(data)
        buffer = memoryview(reader.get_buffer(-1))
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        reader.buffer_updated(size)
        return size


class _Bodies:
    """An application that receives bodies, or answers before they have come."""

    def __init__(self, *, are_wanted: bool = True) -> None:
        self.received: dict[str, bytes] = {}
        self.pieces: dict[str, list[int]] = {}
        self._are_wanted = are_wanted

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        pieces, more = [], self._are_wanted
        while more:
            message = await receive()
            pieces.append(bytes(message.get("body", b"")))
            more = message.get("more_body", False)
        self.received[scope["path"]] = b"".join(pieces)
        self.pieces[scope["path"]] = [len(piece) for piece in pieces]
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@asynccontextmanager
async def client_of(bodies: _Bodies) -> AsyncIterator[Client]:
    client = Client(bodies)
    with closing(client.transport.socket), closing(client.transport.client):
        yield client
        client.leave()


def crumbs(count: int) -> bytes:
    return b"1\r\nx\r\n" * count + b"0\r\n\r\n"


async def test_many_small_chunks_take_many_turns_and_arrive_in_their_order() -> None:
    bodies = _Bodies()
    letters = bytes(97 + number % 26 for number in range(100_000))
    sent = b"".join(b"1\r\n%c\r\n" % letter for letter in letters) + b"0\r\n\r\n"

    async with client_of(bodies) as client:
        turns = await client.send(HEAD % b"a" + sent + HEAD % b"b" + crumbs(5000))

        assert max(turns) <= MOST_IN_A_TURN
        assert bodies.received == {"/a": letters, "/b": b"x" * 5000}
        assert client.transport.is_read


@pytest.mark.parametrize("small", [b"1\r\nx\r\n", b"1;past=no\r\nx\r\n"], ids=str)
async def test_large_chunks_behind_a_small_one_are_hardly_more_pieces_than_they_are(
    small: bytes,
) -> None:
    """As a proxy sends a layer, of which little came to it first; past the parser or not."""
    bodies = _Bodies()
    chunk = bytes(range(256)) * 128
    sent = small + b"8000\r\n%b\r\n" % chunk * 7 + b"0\r\n\r\n"

    async with client_of(bodies) as client:
        await client.send(HEAD % b"a" + sent)

        assert bodies.received == {"/a": b"x" + 7 * chunk}
        assert client.connection._put_off.pieces <= 2 * 8


async def test_a_body_that_begins_with_a_small_chunk_arrives_in_large_pieces() -> None:
    """Past the parser, as one whose chunks are all large."""
    bodies = _Bodies()
    sent = [b"x" * size for size in [600, *[16_000] * 300, 5, *[8000] * 300, 1]]

    async with client_of(bodies) as client:
        framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in sent)
        await client.send(HEAD % b"a" + framed + b"0\r\n\r\n" + HEAD % b"b" + crumbs(1))

        assert bodies.received == {"/a": b"".join(sent), "/b": b"x"}
        assert set(bodies.pieces["/a"][:-1]) == {PIECE}


@pytest.mark.parametrize("are_wanted", [True, False])
async def test_small_chunks_behind_large_ones_take_many_turns_as_well(*, are_wanted: bool) -> None:
    """However the body began: it goes to the parser where a turn would have too many of them."""
    bodies = _Bodies(are_wanted=are_wanted)
    large = b"8000\r\n%b\r\n" % bytes(0x8000)

    async with client_of(bodies) as client:
        turns = await client.send(HEAD % b"a" + 2 * large + crumbs(200_000))

        assert max(turns) <= MOST_IN_A_TURN
        if are_wanted:
            assert bodies.received == {"/a": bytes(0x10000) + b"x" * 200_000}
            # Once, where the parser goes on, a turn has its pieces and those before it.
            assert bodies.pieces["/a"][0] <= 0x10000 + MOST_PIECES + MOST_IN_A_TURN


async def test_so_do_those_behind_a_small_body() -> None:
    bodies = _Bodies()
    small = b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"

    async with client_of(bodies) as client:
        turns = await client.send(small + HEAD % b"b" + crumbs(20_000))

        assert max(turns) <= MOST_IN_A_TURN
        assert bodies.received == {"/a": b"x", "/b": b"x" * 20_000}


async def test_so_do_those_that_nobody_wants() -> None:
    """A request that was answered without its body may have any number of chunks, too."""
    bodies = _Bodies(are_wanted=False)

    async with client_of(bodies) as client:
        turns = await client.send(HEAD % b"a" + crumbs(100_000) + HEAD % b"b" + crumbs(1))

        assert max(turns) <= MOST_IN_A_TURN
        assert list(bodies.received) == ["/a", "/b"]
        assert client.transport.is_read


async def test_what_waits_for_its_turn_goes_with_its_client() -> None:
    bodies = _Bodies()

    async with client_of(bodies) as client:
        client.connection.data_received((HEAD % b"a" + crumbs(50_000))[:READ])
        assert not client.transport.is_read
        client.leave()
        await client.send(b"")

        assert len(bodies.received["/a"]) <= MOST_IN_A_TURN
        assert not client.transport.is_read


def test_a_body_of_known_length_behind_them_is_whole() -> None:
    """It could be received past the parser, but not before what was read of it."""
    large = bytes(range(256)) * 4096
    announced = b"PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(large)
    bodies = _Bodies()

    async def push() -> None:
        shared = Connections(65536, {}, timeouts(idle=60, keep_alive=60))
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(bodies.application, shared), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(HEAD % b"a" + crumbs(30_000) + announced + large)
        writer.write_eof()
        await reader.read()
        writer.close()
        server.close()

    uvloop.run(push())

    assert bodies.received == {"/a": b"x" * 30_000, "/b": large}
