"""Worker processes: as many as the settings say, replaced when they die.

A worker is a fork of a process that has loaded everything and has no data open: it is there at
once, and shares the memory of that process and the files that the settings name. One that outlives
its parent would keep the address and the data of a server that is gone, so each one watches its
parent. SIGHUP to the parent reaches every worker: each reads its files again, and no request is
disturbed.
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
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from lading.auth.login_record import KnownLogins
from lading.config.settings import Settings
from lading.edge.budget import MEMORY
from lading.monitoring.memory import Figures, WorkerFigures
from lading.ports.measures import UNMEASURED
from lading.server.http.connections import Addresses, Connections
from lading.server.http.deadlines import timeouts
from lading.server.process.acceptor import Load, Loads
from lading.server.process.capacity import most_connections, raise_limit
from lading.server.process.log import configure_logging
from lading.server.process.side_door import SideDoor
from lading.server.process.supervisor import Supervisor
from lading.server.process.tls import Certificates
from lading.server.process.worker import FAREWELL, UNWINDING, Worker
from lading.system import interpreter
from lading.system.room import Budget
from lading.wiring.application import RegistryApplication, WorkerParts
from lading.wiring.monitoring import figures_of
from lading.wiring.start import ServerFiles
from lading.wiring.ways_in import headers_of_all

# Seconds that a worker may need to close its files, beyond what its requests need.
CLOSING = 5.0
# Seconds that a server may need to end, beyond those that requests have (http.draintimeout). What
# is in `deploy` waits for longer before it kills.
ENDING = FAREWELL + UNWINDING + CLOSING

_SIGNALS = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}


@dataclass(frozen=True, slots=True)
class Service:
    """What all workers of a server serve.

    Attributes:
        config: the file that the settings came from, which is read again when it changes.
        files: that they name, but for certificates.
        certificates: by which clients know the server; `None` if it does not encrypt.
        watched: accepts those of who watches the server, if anybody may.
        known: logins that were right lately.
    """

    settings: Settings
    config: Path | None
    files: ServerFiles
    certificates: Certificates | None
    listener: socket.socket
    watched: socket.socket | None = None
    known: KnownLogins = field(default_factory=KnownLogins)


def serve(service: Service) -> bool:
    """Answer requests until told to stop; false if that was not possible."""
    settings = service.settings
    loads, figures = Loads(settings.workers), figures_of(settings)
    most = most_connections(raise_limit(), encrypted=settings.http.tls.enabled)
    if settings.workers == 1:
        interpreter.tune()
        own = None if figures is None else figures.of(0)
        if own is not None:
            configure_logging(settings, own)
        _worker(service, most, loads.of(0), own).run(service.listener)
        return True
    return _serve_in_forks(service, most, loads, figures)


def _serve_in_forks(service: Service, most: int, loads: Loads, figures: Figures | None) -> bool:
    settings = service.settings
    processes = multiprocessing.get_context("fork")
    lifeline = os.pipe()
    # A collection in a worker would write to what it shares with the others, and so copy it.
    gc.collect()
    gc.freeze()

    workers: list[BaseProcess | None] = [None] * settings.workers

    def start() -> BaseProcess:
        place = next(n for n, w in enumerate(workers) if w is None or w.exitcode is not None)
        own = None if figures is None else figures.of(place)
        worker = processes.Process(
            target=_work, args=(service, most, loads.of(place), own, *lifeline)
        )
        # What arrives before the worker knows what to do with it waits until it does.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            worker.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        workers[place] = worker  # of one that could not be started, the place is still free
        return worker

    def stop_listening() -> None:
        service.listener.close()
        if service.watched is not None:
            service.watched.close()

    patience = _patience(settings) + ENDING
    return Supervisor(settings.workers, start, patience=patience).run(on_stop=stop_listening)


def _work(
    service: Service,
    most: int,
    load: Load,
    figures: WorkerFigures | None,
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
    # For itself: the thread that writes does not survive a fork.
    configure_logging(service.settings, figures or UNMEASURED)
    threading.Thread(target=_follow, args=(lifeline,), name="follow-parent", daemon=True).start()
    try:
        _worker(service, most, load, figures).run(service.listener)
    finally:
        logging.shutdown()  # which a forked process would not do by itself


def _follow(lifeline: int) -> None:
    """End with the parent, which alone holds the other end of the pipe and never writes to it."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _worker(service: Service, most: int, load: Load, figures: WorkerFigures | None) -> Worker:
    settings, http = service.settings, service.settings.http
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
    parts = WorkerParts(service.known, memory, figures, service.files)
    application = RegistryApplication(settings, service.config, parts)
    certificates = service.certificates
    return Worker(
        application,
        connections,
        load,
        patience=_patience(settings),
        most_connections=most,
        tls=None if certificates is None else certificates.newest,
        reloads=[application.refresh, *([certificates.refresh] if certificates else [])],
        side_door=(
            None if service.watched is None else SideDoor(service.watched, application.monitor)
        ),
        has_parent=settings.workers > 1,
    )


def _patience(settings: Settings) -> float:
    return settings.http.draintimeout.total_seconds()
