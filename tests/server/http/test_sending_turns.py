"""What leaves in a turn of the loop is bounded, however many clients take it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from lading.edge.asgi import Application, Receive, Scope, Send
from lading.server.http.connection import Connection
from lading.server.http.connections import Connections
from lading.server.http.deadlines import timeouts
from lading.server.http.sendfile import PIECE as FILE_PIECE
from lading.server.http.turns import FILE_TURN, TURN, SendingTurns

CLIENTS = 40
PIECE = 64 * 1024
SIZE = 16 * PIECE
LENGTH = (b"content-length", b"%d" % SIZE)
HEAD = {"type": "http.response.start", "status": 200, "headers": [LENGTH]}


class Sent:
    """What was sent in each turn of the loop."""

    def __init__(self) -> None:
        self.by_turn = [0]

    def note(self, size: int) -> int:
        """So much was sent in this turn."""
        self.by_turn[-1] += size
        return size

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[None]:
        """Begin to count with every turn during the block."""
        task = asyncio.create_task(self._end_turns())
        yield
        task.cancel()

    async def _end_turns(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.by_turn.append(0)


async def test_no_turn_has_more_than_its_bytes_and_a_piece() -> None:
    turns, sent = SendingTurns(1000), Sent()

    async def send() -> None:
        for _ in range(10):
            await turns.take(300)
            sent.note(300)
            await asyncio.sleep(0)

    async with sent.counted():
        await asyncio.gather(*(send() for _ in range(20)))

    assert sum(sent.by_turn) == 20 * 10 * 300
    assert max(sent.by_turn) <= 2 * (1000 + 300)  # of who waited for it, and who came in it


async def test_who_waits_longer_is_first() -> None:
    turns = SendingTurns(1)
    order: list[int] = []

    async def send(number: int) -> None:
        await turns.take(10)
        order.append(number)

    await asyncio.gather(*(send(number) for number in range(20)))
    assert order == list(range(20))


async def test_who_has_left_takes_nothing_of_a_turn() -> None:
    turns = SendingTurns(1)
    await turns.take(1)
    gone, stays = (asyncio.create_task(turns.take(1)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    with suppress(asyncio.CancelledError):
        await gone
    await asyncio.wait_for(stays, 60)


async def test_a_turn_has_room_for_two_pieces_of_files() -> None:
    turns = Connections(8192, {}, timeouts(idle=60, keep_alive=60)).file_turns
    sending = [asyncio.create_task(turns.take(FILE_PIECE)) for _ in range(8)]
    await asyncio.sleep(0)
    assert sum(each.done() for each in sending) == 2
    await asyncio.gather(*sending)


async def test_large_answers_from_memory_share_a_turn() -> None:
    sent = Sent()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send(HEAD)
        for left in reversed(range(0, SIZE, PIECE)):
            await send({"type": "http.response.body", "body": bytes(PIECE), "more_body": left > 0})
            sent.note(PIECE)
            await asyncio.sleep(0)

    async with sent.counted():
        await pull_by_many(application)
    check(sent, TURN + PIECE)


async def test_files_share_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sent, sendfile = tmp_path / "file", Sent(), os.sendfile
    path.write_bytes(bytes(SIZE))
    monkeypatch.setattr(os, "sendfile", lambda *file: sent.note(sendfile(*file)))
    # Some file systems cannot tell: then threads send, which hold up no turn of the loop.
    monkeypatch.setattr("lading.server.http.sendfile._is_cached", lambda _: True)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send(HEAD)
        with path.open("rb") as file:
            part = {"file": file.fileno(), "offset": 0, "count": SIZE}
            await send({"type": "http.response.zerocopysend", **part})

    async with sent.counted():
        await pull_by_many(application)
    # What a socket takes that has room again is known afterwards only.
    check(sent, FILE_TURN + FILE_PIECE)


def check(sent: Sent, most: int) -> None:
    """No turn had much more than it may: of those who waited for it, and who came in it."""
    assert sum(sent.by_turn) == CLIENTS * SIZE
    assert max(sent.by_turn) <= 2 * most


async def pull_by_many(application: Application) -> None:
    """Have many clients served that all ask at once."""
    shared = Connections(8192, {}, timeouts(idle=60, keep_alive=60))
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(application, shared), "127.0.0.1", 0
    )
    address = server.sockets[0].getsockname()

    async def pull() -> None:
        reader, writer = await asyncio.open_connection(*address, limit=2 * SIZE)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(bytes(SIZE))
        writer.close()

    await asyncio.gather(*(pull() for _ in range(CLIENTS)))
    server.close()
