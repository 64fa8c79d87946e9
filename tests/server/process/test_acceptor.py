"""Clients of one address, shared among its workers."""

import asyncio
import socket
from contextlib import ExitStack

import uvloop

from lading.server.process.acceptor import Acceptor
from lading.server.process.balance import Load, Loads

CLIENTS = 9


def test_clients_that_come_together_are_shared() -> None:
    """Whoever is woken first, none takes more than its part."""
    assert sorted(uvloop.run(_spread(workers=2))) == [4, 5]
    assert sorted(uvloop.run(_spread(workers=3))) == [3, 3, 3]


def test_clients_of_a_worker_that_does_not_come_for_them_are_taken_by_another() -> None:
    """A load that is small helps nobody who waits."""
    assert uvloop.run(_spread(workers=2, awake=1)) == [CLIENTS, 0]


def test_a_load_is_known_to_be_more_than_that_of_another_worker() -> None:
    loads = Loads(3)
    first, second, _ = (loads.of(worker) for worker in range(3))
    assert not first.is_more_than_anothers

    first.add(1)
    assert first.is_more_than_anothers
    assert not second.is_more_than_anothers

    second.add(2)
    assert loads.of(1).is_more_than_anothers is False


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


class _Counting(Load):
    """Remembers what it was told."""

    def __init__(self, load: Load) -> None:
        vars(self).update(vars(load))
        self.number = 0

    def add(self, number: int) -> None:
        super().add(number)
        self.number += number
