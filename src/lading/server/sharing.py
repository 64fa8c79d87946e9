"""How workers share the connections of one socket.

Each of them waits for the next connection, and the kernel wakes whom it likes; a loop that takes
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

log = logging.getLogger(__name__)

# Seconds for which a connection is left to the other workers.
COURTESY = 0.001
# Seconds before the next try when no connection can be taken: asyncio's own delay for that.
RETRY = 1.0
# Connections taken at once; then requests have their turn.
BURST = 16
_SLOT = 8
# "the per-process limit … has been reached", and others that pass (accept(2)).
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Shares:
    """How many connections each worker has, in memory that they all see."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, _SLOT * workers)).cast("q")

    def of(self, worker: int) -> "Share":
        """Of a worker that starts, and has none."""
        self._counts[worker] = 0
        return Share(self._counts, worker)


class Share:
    """How many connections this worker has."""

    def __init__(self, counts: memoryview, worker: int) -> None:
        self._counts = counts
        self._worker = worker

    def add(self, number: int) -> None:
        """So many more, or fewer."""
        self._counts[self._worker] += number

    @property
    def is_large(self) -> bool:
        """Whether some worker has fewer."""
        return self._counts[self._worker] > min(self._counts)


class Acceptor:
    """Takes connections.

    Args:
        listener: that all workers share.
        share: of this worker.
        connect: makes the protocol of a connection; it takes that off the share when it ends.
        tls: for connections that are to be encrypted.
    """

    def __init__(
        self,
        listener: socket.socket,
        share: Share,
        connect: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._listener = listener
        self._share = share
        self._connect = connect
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._later: asyncio.TimerHandle | None = None
        listener.settimeout(0)
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Take no more."""
        self._loop.remove_reader(self._listener)
        if self._later is not None:
            self._later.cancel()

    def _accept(self) -> None:
        for _ in range(BURST):
            if self._share.is_large:
                self._pause(COURTESY)
                return
            if not self._accept_one():
                return

    def _accept_one(self) -> bool:
        """Take a connection; false if there is none."""
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
        self._share.add(1)
        opening = self._loop.create_task(self._open(connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        return True

    async def _open(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(0)
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(self._connect, connection, ssl=self._tls)
        except (OSError, asyncio.CancelledError) as error:  # it was no client for us
            log.debug("a connection could not be opened: %s", error)
            self._share.add(-1)
            with suppress(OSError):
                connection.close()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._later = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        """Nobody came for it, or else it is gone."""
        self._later = None
        self._accept_one()
        if self._later is None:  # it does not wait again
            self._loop.add_reader(self._listener, self._accept)
