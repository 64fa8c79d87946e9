"""`lading serve`: answer requests until told to stop."""

import logging
import os
import socket
from contextlib import ExitStack
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings
from lading.cli.late import late
from lading.cli.output import say
from lading.cli.registry import translate_data_errors

with late():
    from lading.config import loading
    from lading.config.settings import Settings
    from lading.config.tcp_address import TcpAddress
    from lading.ports import logins
    from lading.server.process import listener as listeners
    from lading.server.process import log as server_log
    from lading.server.process import signals, workers
    from lading.server.process import tls as server_tls
    from lading.wiring import audit, start, stores

log = logging.getLogger(__name__)


@click.command()
@CONFIG
def serve(config: Path | None) -> None:
    """Answer requests until told to stop.

    CONFIG is a configuration file (`config.yml`). If none is named, it is the one that
    REGISTRY_CONFIGURATION_PATH names, /etc/distribution/config.yml, or
    /etc/docker/registry/config.yml, for all commands alike. Where there is none, the registry
    listens on 127.0.0.1:5000 and keeps its data in ./data.
    """
    signals.ignore_others()
    file = loading.find_file(config, os.environ)
    settings = load_settings(config)
    server_log.configure_logging(settings)
    with ExitStack() as stack:
        try:
            with translate_data_errors(settings):
                files = stack.enter_context(start.prepared(settings))
            tls = settings.http.tls
            certificates = server_tls.Certificates(tls) if tls.enabled else None
        except (logins.AuthUnusable, audit.AuditUnusable, server_tls.UnusableTls) as error:
            raise click.ClickException(str(error)) from error
        listener = _listen(settings.http.listen, settings.http.addr, "http.addr")
        debug = settings.http.debug
        watched = debug.listen and _listen(debug.listen, debug.addr, "http.debug.addr")
        _greet(settings, listener, watched, file)
        service = workers.Service(settings, file, files, certificates, listener, watched)
        if not workers.serve(service):
            # Not by click, which would wait for whoever reads standard error, perhaps for ever.
            log.error("no worker process could start; the lines above say why")
            raise SystemExit(1)


def _listen(address: "TcpAddress | Path", text: str, key: str) -> socket.socket:
    try:
        return listeners.listen(address)
    except OSError as error:
        # What Python adds to the reason repeats the address.
        reason = str(error.strerror or error).partition(" (")[0]
        raise click.ClickException(
            f"cannot listen on {text}: {reason}; stop what is using it, or set another address"
            f" ({key}, REGISTRY_{key.upper().replace('.', '_')})"
        ) from error


def _greet(
    settings: "Settings", listener: socket.socket, watched: socket.socket | None, file: Path | None
) -> None:
    """Greet: where the registry is, what it was told by, where the data is, and what to try."""
    address, storage = _address(settings, listener), settings.storage
    lines = [f"Listening on  {address}"]
    if watched is not None:
        paths = [settings.http.debug.prometheus.path] * settings.http.debug.prometheus.enabled
        lines.append(f"Watched at    http://{_host(watched)} ({', '.join([*paths, '/readyz'])}, …)")
    if file is not None:
        lines.append(f"Configured by {file}")
    in_memory = storage.driver == "inmemory"
    data = "memory, and gone when this process ends" if in_memory else storage.directory.absolute()
    lines.append(f"Data is in    {data}")
    if (s3 := storage.s3) is not None:
        where = f" at {s3.regionendpoint}" if s3.regionendpoint else ""
        below = f", below {s3.rootdirectory}" if s3.rootdirectory else ""
        lines.append(f"Blobs         the bucket {s3.bucket}{where}{below}")
    if settings.database.postgresql is not None:
        lines.append(f"Metadata      {settings.database.postgresql.url}")
    if stores.is_on_read_only_disk(settings):
        lines.append(
            "Read-only     the disk cannot be written to: pulls are served, pushes refused"
        )
    if settings.ui.enabled and settings.http.net != "unix":
        pages = settings.http.prefix and f"{settings.http.prefix}/"
        lines.append(f"Open          {address}{pages} in a browser, for its pages")
    host = "localhost" if settings.http.net == "unix" else _host(listener)
    image = f"{host}/hello-world"
    lines.append(f"Try           docker tag hello-world {image}")
    lines.append(f"              docker push {image}")
    # At once: who reads no further than to the address, and leaves, does not end the server.
    say("\n".join(lines))


def _address(settings: "Settings", listener: socket.socket) -> str:
    if settings.http.net == "unix":
        return settings.http.addr
    return f"{'https' if settings.http.tls.enabled else 'http'}://{_host(listener)}"


def _host(listener: socket.socket) -> str:
    """The host as a client on this machine would write it."""
    host, port = listener.getsockname()[:2]
    if host in {"::", "0.0.0.0"}:  # noqa: S104 - comparing, not listening
        host = "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
