"""Clients of one address, shared among its workers."""

import asyncio
import socket
import ssl
from contextlib import ExitStack

import pytest
import uvloop

from lading.core.typing import override
from lading.server.process import acceptor
from lading.server.process.acceptor import Acceptor, Load, Loads
from lading.server.process.capacity import Capacity

CLIENTS = 9
# Seconds, more than a test takes.
OLD = 1000.0


def test_clients_that_come_together_are_shared() -> None:
    """Whoever is woken first, none takes more than its part."""
    assert sorted(uvloop.run(_spread(workers=2))) == [4, 5]
    assert sorted(uvloop.run(_spread(workers=3))) == [3, 3, 3]


def test_clients_of_a_worker_that_does_not_come_for_them_are_taken_by_another() -> None:
    """A load that is small helps nobody who waits."""
    assert uvloop.run(_spread(workers=2, awake=1)) == [CLIENTS, 0]


def test_only_a_client_who_is_there_is_left_to_others() -> None:
    """Who comes alone, as most do, costs neither a pause nor a look after it."""
    assert uvloop.run(_pauses_for(clients=1)) == 0
    assert uvloop.run(_pauses_for(clients=3)) == 2


def test_a_load_is_known_to_be_more_than_that_of_another_worker() -> None:
    loads = Loads(3)
    first, second, _ = (loads.of(worker) for worker in range(3))
    assert not first.is_more_than_anothers

    first.add(1)
    assert first.is_more_than_anothers
    assert not second.is_more_than_anothers

    second.add(2)
    assert loads.of(1).is_more_than_anothers is False


def test_who_stands_still_in_a_handshake_makes_room_for_one_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many come at once, and each is counted once."""
    monkeypatch.setattr(acceptor, "HANDSHAKE_WHEN_FULL", OLD)
    most, left = uvloop.run(_come_while_two_stand_still())
    assert 2 < most <= 4  # those that leave, and those that come for them
    assert left == 0


def test_a_handshake_begins_with_the_context_of_its_time() -> None:
    """Whenever the client came: in between, an authority may have been taken away."""
    assert uvloop.run(_asked_for_before_and_after_the_first_bytes()) == (0, 1)


async def _asked_for_before_and_after_the_first_bytes() -> tuple[int, int]:
    asked: list[ssl.SSLContext] = []

    def tls() -> ssl.SSLContext:
        asked.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        return asked[-1]

    load = _Counting(Loads(1).of(0))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taking = Acceptor(listener, load, asyncio.Protocol, tls)
        with socket.create_connection(listener.getsockname()) as client:
            while load.number < 1:
                await asyncio.sleep(0.01)
            before = len(asked)
            client.sendall(b"\x16\x03\x01")
            while not asked:
                await asyncio.sleep(0.01)
        taking.close()
        while load.number:
            await asyncio.sleep(0.01)
    return before, len(asked)


async def _come_while_two_stand_still() -> tuple[int, int]:
    """Let clients come when there is room for two; how many there were, and are in the end."""
    load = _Counting(Loads(1).of(0))
    tls, capacity = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Capacity(2, lambda: ())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taking = Acceptor(listener, load, asyncio.Protocol, lambda: tls, capacity=capacity)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(2)]
        while load.number < 2:
            await asyncio.sleep(0.01)
        for connection in taking._opening:
            taking._opening[connection] -= OLD
        clients += [socket.create_connection(listener.getsockname()) for _ in range(8)]
        while load.most < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        most = load.most
        taking.close()
        for client in clients:
            client.close()
        for _ in range(6000):
            await asyncio.sleep(0.01)
            if load.number == 0:
                break
    return most, load.number


async def _spread(workers: int, awake: int | None = None) -> list[int]:
    """Let clients come; how many each worker has in the end.

    Args:
        workers: how many there are.
        awake: how many of them take connections.
    """
    loads = Loads(workers)
    taken = [_Counting(loads.of(worker)) for worker in range(workers)]
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        acceptors = []
        for load in taken[:awake]:
            own = stack.enter_context(listener.dup())  # as a process of its own has it
            acceptors.append(Acceptor(own, load, asyncio.Protocol, None))
        clients = [socket.create_connection(listener.getsockname()) for _ in range(CLIENTS)]
        while sum(load.number for load in taken) < CLIENTS:
            await asyncio.sleep(0.01)
        for acceptor in acceptors:
            acceptor.close()
        for client in clients:
            client.close()
        await asyncio.sleep(0.1)  # in which the other ends notice
    return [load.number for load in taken]


class _Pausing(Acceptor):
    """Counts how often it leaves the next client to others."""

    pauses = 0

    @override
    def _pause(self, seconds: float) -> None:
        self.pauses += 1
        super()._pause(seconds)


async def _pauses_for(clients: int) -> int:
    """How often clients are left to another worker, which has none and never comes for them."""
    load = _Counting(Loads(2).of(0))
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        taking = _Pausing(listener, load, asyncio.Protocol, None)
        for number in range(clients):
            stack.enter_context(socket.create_connection(listener.getsockname()))
            while load.number <= number:
                await asyncio.sleep(0.01)
        taking.close()
    return taking.pauses


class _Counting(Load):
    """Remembers what it was told."""

    def __init__(self, load: Load) -> None:
        vars(self).update(vars(load))
        self.number = self.most = 0

    def add(self, number: int) -> None:
        super().add(number)
        self.number += number
        self.most = max(self.most, self.number)
