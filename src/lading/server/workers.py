"""Worker processes: as many as the settings say, replaced when they die.

A worker that outlives its parent would keep the address and the data of a server that is gone, so
each one watches its parent. SIGHUP to the parent reaches every worker: each reads its files again,
and no request is disturbed.
"""

import asyncio
import functools
import multiprocessing
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess

import uvicorn
from uvicorn.supervisors import Multiprocess

from lading.api.asgi import Application
from lading.app import build
from lading.config.settings import Settings
from lading.server.hangup import HangUp
from lading.server.log import configure_logging
from lading.server.protocol import BoundedHttp
from lading.server.tls import CHECK_INTERVAL, Certificates

# Seconds that an idle connection is kept; more than nginx keeps its own (60), so that it is never
# the registry that closes one which nginx is about to use.
KEEP_ALIVE = 75


def serve(settings: Settings, listener: socket.socket) -> None:
    """Answer requests until told to stop."""
    config = _Config(settings)
    if settings.workers == 1:
        uvicorn.Server(config).run(sockets=[listener])
    else:
        _Supervisor(config, sockets=[listener]).run()


class _Supervisor(Multiprocess):
    """The parent of the workers."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._hang_up = HangUp(reload=self._reload, stop=self.should_exit.set)

    def handle_hup(self) -> None:
        """SIGHUP. uvicorn would replace the workers, and cut off what takes long."""
        self._hang_up()

    def _reload(self) -> None:
        for process in self.processes:
            if process.pid is not None:
                os.kill(process.pid, signal.SIGHUP)


class _Config(uvicorn.Config):
    """The server's configuration, which also goes into each worker process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reloads: list[Callable[[], None]] = []
        super().__init__(
            functools.partial(_build, settings),
            factory=True,
            workers=settings.workers,
            loop="uvloop",
            http=BoundedHttp,
            ws="none",
            lifespan="on",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=max(1, round(settings.http.draintimeout.total_seconds())),
            ssl_context_factory=self._secure if settings.http.tls.enabled else None,
            timeout_notify=CHECK_INTERVAL,
        )

    def load(self) -> None:
        """The server calls this in each worker, on its event loop."""
        super().load()
        stop = functools.partial(signal.raise_signal, signal.SIGTERM)
        hang_up = HangUp(reload=self._reload, stop=stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up)

    def _secure(self, *_: object) -> ssl.SSLContext:
        certificates = Certificates(self._settings.http.tls)

        async def refresh() -> None:
            certificates.refresh()

        self.callback_notify = refresh
        self._reloads.append(certificates.refresh)
        return certificates.context

    def _reload(self) -> None:
        for reload in self._reloads:
            reload()

    def configure_logging(self) -> None:
        """The server calls this where it runs: here, and in each worker."""
        configure_logging(self._settings)


def _build(settings: Settings) -> Application:
    """In a worker: the application; and an end to the worker if its parent is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), name="follow-parent", daemon=True).start()
    return build(settings)


def _follow(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
