"""The load of requests of many kinds: what it takes, the registry on the same cores cannot.

A few processes, each with one thread that waits for all its connections at once. What a client does
is a generator of Python: it yields requests as they go over the wire, and is handed the answers. Of
an answer's head only the lines that matter are looked at; its body is dropped in the kernel, as in
`bench.http`. What all that takes stands beside each measurement.
"""

import heapq
import multiprocessing
import select
import socket
import time
from collections.abc import Callable, Generator, Sequence
from itertools import count
from multiprocessing.connection import Connection as Pipe
from typing import NamedTuple

from bench.http import PIECE, UnexpectedAnswer
from bench.tally import Tally
from bench.wire import Answer, Part, Request, read_answer

# Each has every second connection.
PROCESSES = 2

# Seconds for all connections to be there.
START = 30
# Bytes read at once where a head is expected; most manifests come whole with it.
_HEAD = 16 * 1024
# Bytes of a large body that are worth waking up for.
_MANY = 256 * 1024
_NOWHERE = bytearray(PIECE)
_NOTHING = Answer(0, b"", 0)


class Pause(NamedTuple):
    """Wait until then, on the clock of `time.perf_counter`."""

    until: float


Client = Generator[Request | Pause, Answer, None]
"""Yields what to do next, and is sent the answer; that to a pause means nothing."""


class Done(NamedTuple):
    """What clients did.

    Attributes:
        began, ended: on the clock of `time.perf_counter`.
        processor: seconds that they took themselves.
    """

    tally: Tally
    began: float
    ended: float
    processor: float


def run(port: int, clients: int, client: Callable[[int, Tally], Client]) -> Done:
    """Run clients side by side, each on a connection of its own, until they return.

    Args:
        port: of the registry.
        clients: how many.
        client: what each does, given its number, and where to note what it did. Those whose numbers
            are the same modulo `PROCESSES` share a process, and no memory with the others.

    Raises:
        UnexpectedAnswer: one of them had one.
    """
    context = multiprocessing.get_context("fork")
    parties = min(PROCESSES, clients)
    barrier = context.Barrier(parties)

    def work(numbers: Sequence[int], pipe: Pipe) -> None:
        try:
            loop, tally = _Loop(), Tally()
            connections = [_Connection(port, loop) for _ in numbers]
            barrier.wait(START)
            began, used = time.perf_counter(), time.process_time()
            for number, connection in zip(numbers, connections, strict=True):
                connection.begin(client(number, tally))
            loop.run()
            pipe.send(Done(tally, began, time.perf_counter(), time.process_time() - used))
        except Exception as error:  # noqa: BLE001 - raised again in the process that waits
            said = str(error) if isinstance(error, UnexpectedAnswer) else repr(error)
            pipe.send(UnexpectedAnswer(said))

    pipes = []
    for first in range(parties):
        pipe, far_end = context.Pipe(duplex=False)
        numbers = range(first, clients, PROCESSES)
        context.Process(target=work, args=(numbers, far_end), daemon=True).start()
        far_end.close()
        pipes.append(pipe)
    return _together([_received(pipe) for pipe in pipes])


def _received(pipe: Pipe) -> Done | UnexpectedAnswer:
    try:
        received: Done | UnexpectedAnswer = pipe.recv()
    except EOFError:  # click would take it for the end of what somebody types
        return UnexpectedAnswer("a process of the generator of load was killed")
    return received


def _together(parts: Sequence[Done | UnexpectedAnswer]) -> Done:
    tally, done = Tally(), []
    for part in parts:
        if isinstance(part, UnexpectedAnswer):
            raise part
        tally.add(part.tally)
        done.append(part)
    return Done(
        tally,
        min(part.began for part in done),
        max(part.ended for part in done),
        sum(part.processor for part in done),
    )


class _Loop:
    """Waits for connections, and for the time."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._pauses: list[tuple[float, int, _Connection]] = []
        self._numbers = count()

    def add(self, descriptor: int, connection: "_Connection") -> None:
        """Wait for a connection from now on."""
        self._connections[descriptor] = connection
        self._poll.register(descriptor, select.EPOLLIN)

    def remove(self, descriptor: int) -> None:
        """The connection is over."""
        del self._connections[descriptor]
        self._poll.unregister(descriptor)

    def want_room(self, descriptor: int, *, wanted: bool) -> None:
        """Whether to wait for room to send, too."""
        self._poll.modify(descriptor, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def pause(self, until: float, connection: "_Connection") -> None:
        """Wake a connection then."""
        heapq.heappush(self._pauses, (until, next(self._numbers), connection))

    def run(self) -> None:
        """Until all connections are over."""
        while self._connections:
            timeout = max(0.0, self._pauses[0][0] - time.perf_counter()) if self._pauses else None
            for descriptor, events in self._poll.poll(timeout):
                if events & select.EPOLLOUT:
                    self._connections[descriptor].send()
                if events & ~select.EPOLLOUT:
                    self._connections[descriptor].receive()
            while self._pauses and self._pauses[0][0] <= time.perf_counter():
                heapq.heappop(self._pauses)[2].go_on(_NOTHING)


class _Connection:
    """One request after the other, as a client wants it."""

    def __init__(self, port: int, loop: _Loop) -> None:
        self._loop = loop
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(0)
        self._descriptor = self._socket.fileno()
        loop.add(self._descriptor, self)
        self._unsent: list[Part] = []
        self._waits_for_room = False
        self._head = b""
        self._answer: Answer | None = None
        self._left = 0
        self._low_mark = 1

    def begin(self, client: Client) -> None:
        """Do what the client wants."""
        self._client = client
        self._do(next(client, None))

    def go_on(self, answer: Answer) -> None:
        """Tell the client, and do what it wants next."""
        try:
            step = self._client.send(answer)
        except StopIteration:
            step = None
        self._do(step)

    def _do(self, step: Request | Pause | None) -> None:
        if step is None:
            self._loop.remove(self._descriptor)
            self._socket.close()
        elif isinstance(step, Pause):
            self._loop.pause(step.until, self)
        else:
            self._request, self._unsent = step, list(step.parts)
            self.send()

    def send(self) -> None:
        """Send what the kernel takes."""
        try:
            while self._unsent:
                self._forget(self._socket.sendmsg(self._unsent))
        except BlockingIOError:
            pass
        if bool(self._unsent) != self._waits_for_room:
            self._waits_for_room = not self._waits_for_room
            self._loop.want_room(self._descriptor, wanted=self._waits_for_room)

    def _forget(self, sent: int) -> None:
        while self._unsent and sent >= len(self._unsent[0]):
            sent -= len(self._unsent.pop(0))
        if sent:
            self._unsent[0] = memoryview(self._unsent[0])[sent:]

    def receive(self) -> None:
        """Take what has come, a piece of it: others have their turn."""
        try:
            if self._answer is None:
                self._receive_head()
            else:
                size = min(self._left, PIECE)
                came = self._came(self._socket.recv_into(_NOWHERE, size, socket.MSG_TRUNC))
                self._expect(self._left - came)
        except BlockingIOError:
            return
        if self._answer is not None and self._left == 0:
            answer, self._answer = self._answer, None
            self.go_on(answer)

    def _receive_head(self) -> None:
        data = self._socket.recv(_HEAD)
        self._came(len(data))
        self._head += data
        self._answer = read_answer(self._head, self._request)
        if self._answer is not None:
            self._head = b""
            self._expect(self._answer.size - len(self._answer.beginning))

    def _expect(self, left: int) -> None:
        """So many bytes of the body are still to come: wait for many of them, if there are many."""
        self._left = left
        mark = _MANY if left >= _MANY else 1
        if mark != self._low_mark:
            self._low_mark = mark
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, mark)

    def _came(self, size: int) -> int:
        if size == 0:
            raise UnexpectedAnswer("the registry hung up")
        return size
