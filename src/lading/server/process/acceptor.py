"""Connections of one socket, as a worker accepts them beside others.

Each worker waits for the next connection, and the kernel wakes whom it likes; a loop that takes
what is there takes all of a burst, and then one core answers four clients while the other idles. So
each worker knows how many connections all others have, and leaves the next one to a worker with
fewer; if that one is busy and does not come for it, another does.
"""

import asyncio
import errno
import logging
import mmap
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from lading.server.http.prefaces import LONGEST, is_proxy_protocol
from lading.server.process.capacity import Capacity

log = logging.getLogger(__name__)

# Seconds for which a connection is left to the other workers.
COURTESY = 0.001
# Seconds before the next try when no connection can be taken: asyncio's own delay for that.
RETRY = 1.0
# Connections taken at once; then requests have their turn.
BURST = 16
# Seconds before the next try when there is no place for another connection.
FULL = 0.1
# Seconds that a client has for its part of a TLS handshake, and those after which it is sent away
# if there is no place for another one.
HANDSHAKE = 60.0
HANDSHAKE_WHEN_FULL = 2.0
# Seconds that a client has to say that it has seen the end of a connection of TLS.
TLS_FAREWELL = 2.0
# What a method of HTTP begins with; a record of TLS never does.
_HTTP = frozenset(bytes([letter]) for letter in range(ord("A"), ord("Z") + 1))
# "the per-process limit … has been reached", and others that pass (accept(2)).
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_SLOT = 8


class Loads:
    """The loads of all workers, in memory that they all see."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, _SLOT * workers)).cast("q")

    def of(self, worker: int) -> "Load":
        """The load of a worker that starts, and has no connection."""
        self._counts[worker] = 0
        return Load(self._counts, worker)


class Load:
    """The load of this worker: how many connections it has."""

    def __init__(self, counts: memoryview, worker: int) -> None:
        self._counts = counts
        self._worker = worker

    def add(self, number: int) -> None:
        """Count connections that have begun, or ended if the number is negative."""
        self._counts[self._worker] += number

    @property
    def count(self) -> int:
        """The number of connections that are open."""
        return self._counts[self._worker]

    @property
    def is_more_than_anothers(self) -> bool:
        """Whether some worker has fewer."""
        return self._counts[self._worker] > min(self._counts)


class Acceptor:
    """The acceptor: takes connections.

    Args:
        connect: makes the protocol of a connection; it takes that off the load when it ends.
        tls: gives the context of a connection that is to be encrypted; `None` if none is.
        capacity: how many there may be; `None` for any number.
        decline: makes the protocol of a connection that is to be encrypted, if HTTP comes by it,
            or what a proxy says before that; it is told how that begins.
    """

    def __init__(
        self,
        listener: socket.socket,
        load: Load,
        connect: Callable[[], asyncio.Protocol],
        tls: Callable[[], ssl.SSLContext] | None,
        *,
        capacity: Capacity | None = None,
        decline: Callable[[bytes], asyncio.Protocol] = lambda _: asyncio.Protocol(),
    ) -> None:
        self._listener = listener
        self._load = load
        self._connect = connect
        self._tls = tls
        self._capacity = capacity
        self._decline = decline
        self._loop = asyncio.get_running_loop()
        # Those that are not connections of the server yet, and when they came; the oldest first.
        self._opening: dict[socket.socket, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._later: asyncio.TimerHandle | None = None
        listener.settimeout(0)
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Take no more."""
        self._loop.remove_reader(self._listener)
        if self._later is not None:
            self._later.cancel()

    def _accept(self) -> None:
        for taken in range(BURST):
            if self._load.is_more_than_anothers:
                if not taken:  # else nobody knows yet whether there is a next one
                    self._pause(COURTESY)
                return
            if not self._accept_one():
                return

    def _accept_one(self) -> bool:
        """Take a connection; false if there is none, or no place for it."""
        if not self._has_place():
            self._pause(FULL)
            return False
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno not in _SHORTAGE:
                raise
            log.error("no connection can be accepted: %s", error)  # noqa: TRY400 - it says all
            self._pause(RETRY)
            return False
        self._load.add(1)
        self._opening[connection] = self._loop.time()
        opening = self._loop.create_task(self._open(connection))
        self._tasks.add(opening)
        opening.add_done_callback(self._tasks.discard)
        return True

    def _has_place(self) -> bool:
        if self._capacity is None or self._capacity.has_place(self._load.count):
            return True
        oldest, began = next(iter(self._opening.items()), (None, 0.0))
        if oldest is None or self._loop.time() - began < HANDSHAKE_WHEN_FULL:
            return False
        del self._opening[oldest]  # it makes room for one other, and not for all that come now
        with suppress(OSError):
            oldest.shutdown(socket.SHUT_RDWR)
        return True

    async def _open(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(0)
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                await self._loop.connect_accepted_socket(self._connect, connection)
            else:
                await self._secure(connection, self._tls)
        except (OSError, asyncio.CancelledError) as error:  # it was no client for us
            log.debug("a connection could not be opened: %s", error)
            self._load.add(-1)
            with suppress(OSError):
                connection.close()
        finally:
            self._opening.pop(connection, None)

    async def _secure(self, connection: socket.socket, tls: Callable[[], ssl.SSLContext]) -> None:
        async with asyncio.timeout(HANDSHAKE):
            said = await self._first_bytes(connection)
            if said[:1] in _HTTP or is_proxy_protocol(said):
                await self._loop.connect_accepted_socket(partial(self._decline, said), connection)
            else:
                await self._loop.connect_accepted_socket(
                    self._connect,
                    connection,
                    ssl=tls(),  # that of now: the client may have taken its time
                    ssl_handshake_timeout=HANDSHAKE,
                    ssl_shutdown_timeout=TLS_FAREWELL,
                )

    async def _first_bytes(self, connection: socket.socket) -> bytes:
        """What the client says first, which it will be read to have said; empty if it leaves."""
        spoken = asyncio.Event()
        self._loop.add_reader(connection, spoken.set)
        try:
            await spoken.wait()
        finally:
            self._loop.remove_reader(connection)
        return connection.recv(LONGEST, socket.MSG_PEEK)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._later = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        """Go on after a connection that was left to others."""
        self._later = None
        self._accept_one()
        if self._later is None:  # it does not wait again
            self._loop.add_reader(self._listener, self._accept)
