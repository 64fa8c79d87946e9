"""`lading serve`: answer requests until told to stop."""

import asyncio
import functools
import multiprocessing
import os
import signal
import socket
import sqlite3
import stat
import threading
from multiprocessing.process import BaseProcess
from pathlib import Path

import click
import uvicorn
from uvicorn.supervisors import Multiprocess

from lading.api.asgi import Application
from lading.app import build, close_registry, open_registry
from lading.cli.log import configure_logging
from lading.cli.settings import load_settings
from lading.config.settings import Settings
from lading.metadata.schema import NewerSchema

# Connections that wait to be accepted.
BACKLOG = 2048
# Seconds that an idle connection is kept; more than nginx keeps its own (60), so that it is never
# the registry that closes one which nginx is about to use.
KEEP_ALIVE = 75


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
def serve(config: Path | None) -> None:
    """Answer requests until told to stop.

    CONFIG is a configuration file (`config.yml`). Without one, the registry listens on
    127.0.0.1:5000 and keeps its data in ./data.
    """
    settings = load_settings(config)
    configure_logging(settings)
    _check_stores(settings)
    listener = _listen(settings)
    _greet(settings, listener)
    _run(settings, listener)


def _check_stores(settings: Settings) -> None:
    """Open the stores once before any worker does, so that what is wrong is said once, clearly.

    Raises:
        ClickException: the data cannot be used.
    """
    try:
        asyncio.run(close_registry(open_registry(settings)))
    except (OSError, NewerSchema, sqlite3.Error) as error:
        raise click.ClickException(
            f"cannot use the data in {_data(settings)}: {error};"
            " check that this user may write there, or set another place"
            " (storage.filesystem.rootdirectory, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY)"
        ) from error


class _Config(uvicorn.Config):
    """The server's configuration, which also goes into each worker process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__(
            functools.partial(_build, settings),
            factory=True,
            workers=settings.workers,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=max(1, round(settings.http.draintimeout.total_seconds())),
        )

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


def _run(settings: Settings, listener: socket.socket) -> None:
    config = _Config(settings)
    if settings.workers == 1:
        uvicorn.Server(config).run(sockets=[listener])
    else:
        Multiprocess(config, sockets=[listener]).run()


def _listen(settings: Settings) -> socket.socket:
    """A listening socket, shared by all workers.

    Raises:
        ClickException: the address is taken or cannot be listened on.
    """
    http = settings.http
    try:
        if http.net == "unix":
            return _listen_unix(Path(http.addr))
        host, _, port = http.addr.rpartition(":")
        return _listen_tcp(host.strip("[]"), int(port))
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {http.addr}: {error.strerror};"
            " stop what is using it, or set another address (http.addr, REGISTRY_HTTP_ADDR)"
        ) from error


def _listen_tcp(host: str, port: int) -> socket.socket:
    """Without a host: on all addresses, of IPv6 and IPv4 alike."""
    if host:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG
        )
    return socket.create_server(("", port), backlog=BACKLOG)


def _listen_unix(path: Path) -> socket.socket:
    """A socket that an earlier run left behind is replaced; any other file is not."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(BACKLOG)
    return listener


def _greet(settings: Settings, listener: socket.socket) -> None:
    """Where it is, where the data is, and what to try."""
    click.echo(f"Listening on  {_address(settings, listener)}")
    click.echo(f"Data is in    {_data(settings)}")
    click.echo(f"Try           docker push {_image(settings, listener)}")


def _address(settings: Settings, listener: socket.socket) -> str:
    if settings.http.net == "unix":
        return settings.http.addr
    return f"http://{_host(listener)}"


def _data(settings: Settings) -> str:
    if settings.storage.driver == "inmemory":
        return "memory, and gone when this process ends"
    return str(settings.storage.filesystem.rootdirectory.absolute())


def _image(settings: Settings, listener: socket.socket) -> str:
    host = "localhost" if settings.http.net == "unix" else _host(listener)
    return f"{host}/hello-world"


def _host(listener: socket.socket) -> str:
    """As a client on this machine would write it."""
    host, port = listener.getsockname()[:2]
    if host in {"::", "0.0.0.0"}:  # noqa: S104 - comparing, not listening
        host = "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
