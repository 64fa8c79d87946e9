"""Worker processes: as many as the settings say, replaced when they die.

A worker is a fork of a process that has loaded everything and opened nothing: it is there at once,
and shares that process's memory. One that outlives its parent would keep the address and the data
of a server that is gone, so each one watches its parent. SIGHUP to the parent reaches every worker:
each reads its files again, and no request is disturbed.
"""

import asyncio
import functools
import gc
import logging
import math
import multiprocessing
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import uvicorn

from lading.auth.known import KnownLogins
from lading.config.settings import Settings
from lading.server.addresses import Addresses
from lading.server.connection import Connection
from lading.server.hangup import HangUp
from lading.server.log import configure_logging
from lading.server.room import most_connections, raise_limit
from lading.server.server import FAREWELL, UNWINDING, Server
from lading.server.sharing import Share, Shares
from lading.server.state import State
from lading.server.supervisor import Supervisor
from lading.server.tls import CHECK_INTERVAL, Certificates
from lading.system import interpreter
from lading.wiring.application import Server as Application
from lading.wiring.application import build, headers_of_all

# Seconds that a worker may need to close its files, beyond what its requests need.
CLOSING = 5.0

_DEFERRED = {signal.SIGHUP, signal.SIGINT}
_FORKING = {*_DEFERRED, signal.SIGTERM}


def serve(settings: Settings, config: Path | None, listener: socket.socket) -> bool:
    """Answer requests until told to stop; false if that was not possible.

    Args:
        settings: in force.
        config: the file that they came from, which is read again when it changes.
        listener: accepts connections.
    """
    shares = Shares(settings.workers)
    make = functools.partial(build, settings, config, KnownLogins())
    room = most_connections(raise_limit(), encrypted=settings.http.tls.enabled)
    if settings.workers == 1:
        interpreter.tune()
        _server(settings, make, shares.of(0), room).run(sockets=[listener])
        return True
    processes = multiprocessing.get_context("fork")
    lifeline = os.pipe()
    # A collection in a worker would write to what it shares with the others, and so copy it.
    gc.collect()
    gc.freeze()

    workers: list[BaseProcess | None] = [None] * settings.workers

    def start() -> BaseProcess:
        place = next(n for n, w in enumerate(workers) if w is None or w.exitcode is not None)
        share = shares.of(place)
        worker = processes.Process(
            target=_work, args=(settings, make, listener, share, room, *lifeline)
        )
        workers[place] = worker
        # What arrives before the worker knows what to do with it waits until it does.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _FORKING)
        worker.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return worker

    patience = FAREWELL + _patience(settings) + UNWINDING + CLOSING
    return Supervisor(settings.workers, start, patience=patience).run(on_stop=listener.close)


def _work(
    settings: Settings,
    make: Callable[[], Application],
    listener: socket.socket,
    share: Share,
    room: int,
    lifeline: int,
    parents_end: int,
) -> None:
    """In a worker: serve, until told to stop or the parent is gone."""
    os.close(parents_end)
    signal.set_wakeup_fd(-1)
    # Ctrl-C reaches all processes; until there are requests to finish, the parent sees to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    interpreter.tune()
    configure_logging(settings)  # for itself: the thread that writes does not survive a fork
    threading.Thread(target=_follow, args=(lifeline,), name="follow-parent", daemon=True).start()
    try:
        _server(settings, make, share, room).run(sockets=[listener])
    finally:
        logging.shutdown()  # which a forked process would not do by itself


def _follow(lifeline: int) -> None:
    """End with the parent, which alone holds the other end of the pipe and never writes to it."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _server(settings: Settings, make: Callable[[], Application], share: Share, room: int) -> Server:
    of_one_address = math.ceil(settings.limits.connections / settings.workers)
    addresses = Addresses(of_one_address, settings.http.trustedproxies)
    return Server(
        _Config(settings, make),
        State(settings.limits.headers, share, headers_of_all(settings), addresses),
        patience=_patience(settings),
        idle_timeout=settings.http.idletimeout.total_seconds(),
        keep_alive=settings.http.keepalivetimeout.total_seconds(),
        most_connections=room,
    )


def _patience(settings: Settings) -> float:
    return settings.http.draintimeout.total_seconds()


class _Config(uvicorn.Config):
    """The configuration of a process that serves."""

    def __init__(self, settings: Settings, make: Callable[[], Application]) -> None:
        self._settings = settings
        self._reloads: list[Callable[[], None]] = []
        super().__init__(
            make,
            factory=True,
            loop="uvloop",
            http=Connection,  # which the server makes itself; uvicorn would load its own
            ws="none",
            lifespan="on",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ssl_context_factory=self._secure if settings.http.tls.enabled else None,
            timeout_notify=CHECK_INTERVAL,
            callback_notify=self._look,
        )

    def load(self) -> None:
        """The server calls this in each worker, on its event loop."""
        super().load()
        self._reloads.append(self.loaded_app.refresh)
        stop = functools.partial(signal.raise_signal, signal.SIGTERM)
        hang_up = HangUp(reload=self._reload, stop=stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _DEFERRED)

    def _secure(self, *_: object) -> ssl.SSLContext:
        certificates = Certificates(self._settings.http.tls)
        self._reloads.append(certificates.refresh)
        return certificates.context

    async def _look(self) -> None:
        self._reload()

    def _reload(self) -> None:
        for reload in self._reloads:
            reload()

    def configure_logging(self) -> None:
        """Nothing: this process has done so already."""
