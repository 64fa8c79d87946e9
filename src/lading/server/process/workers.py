"""Worker processes: as many as the settings say, replaced when they die.

A worker is a fork of a process that has loaded everything and opened nothing: it is there at once,
and shares that process's memory. One that outlives its parent would keep the address and the data
of a server that is gone, so each one watches its parent. SIGHUP to the parent reaches every worker:
each reads its files again, and no request is disturbed.
"""

import functools
import gc
import logging
import math
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from lading.auth.known import KnownLogins
from lading.config.settings import Settings
from lading.edge.budget import MEMORY
from lading.server.http.connections import Addresses, Connections
from lading.server.http.deadlines import timeouts
from lading.server.process.balance import Load, Loads
from lading.server.process.capacity import most_connections, raise_limit
from lading.server.process.log import configure_logging
from lading.server.process.supervisor import Supervisor
from lading.server.process.tls import Certificates
from lading.server.process.worker import FAREWELL, UNWINDING, Worker
from lading.system import interpreter
from lading.system.budget import Budget
from lading.wiring.application import RegistryApplication, headers_of_all

# Seconds that a worker may need to close its files, beyond what its requests need.
CLOSING = 5.0

_SIGNALS = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}


def serve(settings: Settings, config: Path | None, listener: socket.socket) -> bool:
    """Answer requests until told to stop; false if that was not possible.

    Args:
        config: the file that they came from, which is read again when it changes.
    """
    loads = Loads(settings.workers)
    make = functools.partial(RegistryApplication, settings, config, KnownLogins())
    most = most_connections(raise_limit(), encrypted=settings.http.tls.enabled)
    if settings.workers == 1:
        interpreter.tune()
        _worker(settings, make, loads.of(0), most).run(listener)
        return True
    processes = multiprocessing.get_context("fork")
    lifeline = os.pipe()
    # A collection in a worker would write to what it shares with the others, and so copy it.
    gc.collect()
    gc.freeze()

    workers: list[BaseProcess | None] = [None] * settings.workers

    def start() -> BaseProcess:
        place = next(n for n, w in enumerate(workers) if w is None or w.exitcode is not None)
        load = loads.of(place)
        worker = processes.Process(
            target=_work, args=(settings, make, listener, load, most, *lifeline)
        )
        workers[place] = worker
        # What arrives before the worker knows what to do with it waits until it does.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        worker.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return worker

    patience = FAREWELL + _patience(settings) + UNWINDING + CLOSING
    return Supervisor(settings.workers, start, patience=patience).run(on_stop=listener.close)


def _work(
    settings: Settings,
    make: Callable[[Budget], RegistryApplication],
    listener: socket.socket,
    load: Load,
    most: int,
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
        _worker(settings, make, load, most).run(listener)
    finally:
        logging.shutdown()  # which a forked process would not do by itself


def _follow(lifeline: int) -> None:
    """End with the parent, which alone holds the other end of the pipe and never writes to it."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _worker(
    settings: Settings, make: Callable[[Budget], RegistryApplication], load: Load, most: int
) -> Worker:
    http = settings.http
    of_one_address = math.ceil(settings.limits.connections / settings.workers)
    memory = Budget(MEMORY)
    connections = Connections(
        settings.limits.headers,
        headers_of_all(settings),
        timeouts(http.idletimeout.total_seconds(), http.keepalivetimeout.total_seconds()),
        Addresses(of_one_address, http.trustedproxies),
        memory,
        on_lost=functools.partial(load.add, -1),
    )
    application = make(memory)
    certificates = Certificates(http.tls) if http.tls.enabled else None
    return Worker(
        application,
        connections,
        load,
        patience=_patience(settings),
        most_connections=most,
        tls=None if certificates is None else certificates.context,
        reloads=[application.refresh, *([certificates.refresh] if certificates else [])],
    )


def _patience(settings: Settings) -> float:
    return settings.http.draintimeout.total_seconds()
