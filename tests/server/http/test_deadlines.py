"""The table of a connection's states, walked: in each of them, each thing happens."""

import asyncio
import math
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest

from lading.edge.asgi import Receive, Scope, Send
from lading.server.http import deadlines
from lading.server.http.connection import Connection
from lading.server.http.connections import Connections
from lading.server.http.deadlines import (
    CRAWL,
    HEAD_TIMEOUT,
    LINGER,
    STANDING,
    State,
    timeouts,
)

IDLE_TIMEOUT, KEEP_ALIVE = 1000.0, 5000.0
SECONDS = {
    "head timeout": HEAD_TIMEOUT,
    "idle timeout": IDLE_TIMEOUT,
    "keep-alive": KEEP_ALIVE,
    "linger": LINGER,
    "none": math.inf,
}
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
PUT = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n"
EXPECTING = PUT.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")


def rows() -> Mapping[State, Mapping[str, str]]:
    """The table at the head of the module."""
    lines = [line.removeprefix("    ") for line in (deadlines.__doc__ or "").splitlines()]
    (rule,) = (number for number, line in enumerate(lines) if line.startswith("───"))
    widths = [len(word) for word in lines[rule].split()]

    def cells(line: str) -> Iterator[str]:
        at = 0
        for width in widths:
            yield line[at : at + width].strip()
            at += width + 2

    names = list(cells(lines[rule - 1]))
    found = [dict(zip(names, cells(line), strict=True)) for line in lines[rule + 1 :]]
    return {State[row["state"]]: row for row in found[: len(State)]}


TABLE = rows()


class Transport(asyncio.Transport):
    """Has sent everything, or so much not; notes how it is ended."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0
        self.written = b""
        self.end = "stays"
        self.socket, self.client = socket.socketpair()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.socket if name == "socket" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Have none."""

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        """Be told what comes."""

    def resume_reading(self) -> None:
        """Be told what comes."""

    def is_closing(self) -> bool:
        return self.end != "stays"

    def close(self) -> None:
        self.end = "closes"

    def abort(self) -> None:
        self.end = "aborts"


class Scene:
    """A connection, and the application that it asks."""

    def __init__(self) -> None:
        self.connections = Connections(8192, {}, timeouts(IDLE_TIMEOUT, KEEP_ALIVE))
        self.go_on = asyncio.Event()
        self.may_ask = asyncio.Event()
        self.may_ask.set()
        self.now = 10_000.0
        self.transport = Transport()
        self.connection = Connection(self.application, self.connections)
        self.deadlines = self.connection.deadlines
        self.deadlines._clock = lambda: self.now
        self.deadlines.turn()
        self.connection.connection_made(self.transport)

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the body as soon as it may ask, and answer as soon as it may go on."""
        await self.may_ask.wait()
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self.transport.unsent:
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await self.go_on.wait()
            await send({"type": "http.response.body", "body": b"b"})
        else:
            await self.go_on.wait()
            await send({"type": "http.response.body", "body": b"ab"})

    async def hear(self, data: bytes) -> None:
        """Take bytes of the client, and do what follows."""
        self.connection.data_received(data)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def answer(self) -> None:
        self.go_on.set()
        await self.settle()

    def sweep(self) -> None:
        self.connections.sweep(self.now)

    def close(self) -> None:
        self.connection.connection_lost(None)
        self.transport.socket.close()
        self.transport.client.close()


async def get_asked(scene: Scene) -> None:
    await scene.hear(GET)


async def get_answered(scene: Scene) -> None:
    scene.go_on.set()
    await scene.hear(GET)


async def nothing(scene: Scene) -> None:
    """What a new connection has heard."""


async def head(scene: Scene) -> None:
    await scene.hear(GET[:16])


async def body(scene: Scene) -> None:
    await scene.hear(PUT + b"123")


async def taking(scene: Scene) -> None:
    scene.transport.unsent = 100
    await scene.hear(GET)


async def taken(scene: Scene) -> None:
    scene.transport.unsent = 100
    await get_answered(scene)


async def parting(scene: Scene) -> None:
    await scene.hear(b"this is not HTTP\r\n\r\n")


async def closing(scene: Scene) -> None:
    scene.transport.unsent = 100
    scene.go_on.set()
    await scene.hear(LAST)


async def closed(scene: Scene) -> None:
    scene.go_on.set()
    await scene.hear(LAST)


REACHED: Mapping[State, Callable[[Scene], Awaitable[None]]] = {
    State.NEW: nothing,
    State.HEAD: head,
    State.BODY: body,
    State.ANSWER: get_asked,
    State.TAKING: taking,
    State.TAKEN: taken,
    State.IDLE: get_answered,
    State.PARTING: parting,
    State.CLOSING: closing,
    State.CLOSED: closed,
}
# What completes the request of a state in which there is one.
RESTS = {State.HEAD: GET[16:], State.BODY: bytes(19_997), State.ANSWER: b"", State.TAKING: b""}


@pytest.fixture(params=list(State))
async def state(request: pytest.FixtureRequest) -> State:
    found: State = request.param
    return found


@pytest.fixture
async def scene(state: State) -> Any:
    """A connection in that state, that was looked at, and has done nothing since."""
    scene = Scene()
    await REACHED[state](scene)
    scene.sweep()
    scene.transport.end = "stays" if state not in {State.CLOSING, State.CLOSED} else "closes"
    assert scene.deadlines.state is state
    yield scene
    scene.close()
    await scene.settle()


def test_the_table_has_a_row_for_each_state() -> None:
    assert list(TABLE) == list(State)


async def test_its_time_is_over(scene: Scene, state: State) -> None:
    seconds, before = SECONDS[TABLE[state]["its time"]], scene.transport.end

    scene.now += min(seconds, 1_000_000) - 1
    scene.sweep()
    assert scene.transport.end == before

    scene.now += 2
    scene.sweep()
    expected = TABLE[state]["is over"]
    assert scene.transport.end == (before if expected == "stays" else expected)


async def test_another_connection_needs_its_place(scene: Scene, state: State) -> None:
    now = scene.deadlines.dispensable()
    scene.now += STANDING + 1
    standing = scene.deadlines.dispensable()

    match TABLE[state]["for another"]:
        case "first":
            assert now is not None
            assert now[0] == 0
        case "at once":
            assert now is not None
            assert now[0] == 1
        case "standing":
            assert now is None
            assert standing is not None
            assert standing[0] == 2
        case "stays":
            assert now is standing is None


async def test_the_place_that_another_connection_needs_is_there(scene: Scene, state: State) -> None:
    """Whoever was chosen is gone, in order unless something is on its way."""
    if scene.deadlines.dispensable() or TABLE[state]["for another"] == "standing":
        scene.deadlines.make_way()
        answering = state in {State.BODY, State.TAKING, State.TAKEN, State.CLOSING}
        assert scene.transport.end == ("aborts" if answering else "closes")


async def test_a_byte_now_and_then_keeps_no_place(scene: Scene, state: State) -> None:
    """Neither one that comes nor one that is taken; as many as a slow network brings do."""
    if TABLE[state]["for another"] == "standing":
        scene.transport.unsent *= 1000
        await move(scene, state, CRAWL)
        for _ in range(5):
            scene.now += STANDING / 4
            await move(scene, state, 1)
        assert scene.deadlines.dispensable() is not None

        await move(scene, state, CRAWL)
        assert scene.deadlines.dispensable() is None


async def move(scene: Scene, state: State, size: int) -> None:
    """Have the client of a connection bring so many bytes of a body, or take so many."""
    if state is State.BODY:
        await scene.hear(bytes(size))
    else:
        scene.transport.unsent -= size
    scene.sweep()


async def test_who_is_told_late_to_send_a_body_has_all_the_time_for_it() -> None:
    """However long the application took before it asked."""
    scene = Scene()
    scene.may_ask.clear()
    await scene.hear(EXPECTING)
    scene.now += IDLE_TIMEOUT * 2
    scene.sweep()
    scene.may_ask.set()
    await scene.settle()
    assert b"100 Continue" in scene.transport.written

    assert scene.deadlines.state is State.BODY
    assert scene.deadlines.dispensable() is None
    scene.sweep()
    assert scene.transport.end == "stays"
    scene.now += IDLE_TIMEOUT + 1
    scene.sweep()
    assert scene.transport.end == "aborts"
    scene.close()


async def test_a_request_that_was_not_read_yet_is_one(scene: Scene, state: State) -> None:
    """Its connection seems idle, and is not."""
    assert not scene.deadlines.has_request()
    scene.transport.client.send(GET)
    assert scene.deadlines.has_request() == (state in {State.NEW, State.IDLE})


async def test_a_byte_comes(scene: Scene, state: State) -> None:
    row, before = TABLE[state], scene.transport.end
    seconds = SECONDS[row["its time"]]
    scene.now += min(seconds, 1000) * 0.75

    await scene.hear(b"G")

    if row["byte"] == "HEAD":
        assert scene.deadlines.state is State.HEAD
    else:
        assert scene.deadlines.state is state
        scene.now += min(seconds, 1000) * 0.75
        scene.sweep()
        lasts = row["byte"] == "anew" or row["is over"] == "stays"
        assert scene.transport.end == (before if lasts else row["is over"])


async def test_the_client_takes_something(scene: Scene, state: State) -> None:
    """A sign of life where that is what is waited for."""
    if scene.transport.unsent:
        scene.now += IDLE_TIMEOUT * 0.75
        scene.transport.unsent -= 1
        scene.sweep()
        before = scene.transport.end
        scene.now += IDLE_TIMEOUT * 0.75
        scene.sweep()
        assert scene.transport.end == before


async def test_the_worker_ends(scene: Scene, state: State) -> None:
    before = scene.transport.end
    scene.connections.end_after_responses()
    scene.connections.end()

    match TABLE[state]["worker ends"]:
        case "closes":
            assert scene.transport.end == "closes"
        case "answers":
            assert scene.transport.end == "stays"
            await scene.hear(RESTS[state])
            await scene.answer()
            assert scene.transport.written.count(b"HTTP/1.1 200") == 1
            assert scene.transport.end == "closes"
        case "stays":
            assert scene.transport.end == before


async def test_the_client_leaves(scene: Scene, state: State) -> None:
    """The application is told, and nothing is left of the connection."""
    scene.connection.connection_lost(None)
    await scene.answer()
    assert not scene.connections.open
    assert not scene.connections.tasks
    assert scene.connections.collected == 0
