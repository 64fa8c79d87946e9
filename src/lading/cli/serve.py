"""`lading serve`: answer requests until told to stop."""

import asyncio
import os
import socket
from contextlib import ExitStack
from pathlib import Path

import click

from lading.auth.known import KnownLogins
from lading.cli.arguments import CONFIG
from lading.cli.settings import load_settings
from lading.cli.stores import translate_data_errors
from lading.config.loading import find_file
from lading.config.settings import Settings
from lading.ports.logins import AuthUnusable
from lading.server.process import workers
from lading.server.process.listener import listen
from lading.server.process.log import configure_logging
from lading.server.process.tls import UnusableTls, load_context
from lading.wiring import datadir
from lading.wiring.audit import open_audit
from lading.wiring.authentication import open_authentication
from lading.wiring.permissions import CurrentPermissions, permissions_of
from lading.wiring.stores import is_on_read_only_disk, open_registry


@click.command()
@CONFIG
def serve(config: Path | None) -> None:
    """Answer requests until told to stop.

    CONFIG is a configuration file (`config.yml`). If none is named, it is the one that
    REGISTRY_CONFIGURATION_PATH names, /etc/distribution/config.yml, or
    /etc/docker/registry/config.yml, for all commands alike. Where there is none, the registry
    listens on 127.0.0.1:5000 and keeps its data in ./data.
    """
    file = find_file(config, os.environ)
    settings = load_settings(config)
    configure_logging(settings)
    with ExitStack() as held:
        _check_stores(settings, held)
        _check_tls(settings)
        _check_audit(settings)
        listener = _listen(settings)
        _greet(settings, listener, file)
        if not workers.serve(settings, file, listener):
            raise click.ClickException("no worker process could start; the lines above say why")


def _check_stores(settings: Settings, held: ExitStack) -> None:
    """Open the stores once before any worker does, so that what is wrong is said once, clearly.

    Args:
        settings: in force.
        held: what lasts as long as the server.

    Raises:
        ClickException: the data, or what logins rest on, cannot be used.
    """
    root = settings.storage.filesystem.rootdirectory
    try:
        with translate_data_errors(settings):
            if settings.storage.driver == "filesystem" and not is_on_read_only_disk(settings):
                datadir.require_one_file_system(root)
                held.enter_context(datadir.served_from_here(root))
            asyncio.run(_open_once(settings))
    except AuthUnusable as error:
        raise click.ClickException(str(error)) from error


async def _open_once(settings: Settings) -> None:
    async with open_registry(settings) as registry:
        # Held by a server that did not get to its end, or by a command that was killed beside it.
        if not is_on_read_only_disk(settings):
            await registry.metadata.jobs.end_all_leases()
        if settings.storage.driver == "filesystem":
            await datadir.require_blobs(registry, settings.storage.filesystem.rootdirectory)
        permissions = CurrentPermissions(permissions_of(settings.auth))
        async with open_authentication(settings, registry.metadata, permissions, KnownLogins()):
            pass


def _check_tls(settings: Settings) -> None:
    """Read the certificate once before any worker does; the same is said of it once.

    Raises:
        ClickException: it cannot be used.
    """
    if settings.http.tls.enabled:
        try:
            load_context(settings.http.tls)
        except UnusableTls as error:
            raise click.ClickException(str(error)) from error


def _check_audit(settings: Settings) -> None:
    """Open the audit log once, before anything is done that it would have to hold.

    Raises:
        ClickException: it cannot be written.
    """
    try:
        asyncio.run(_open_audit(settings))
    except OSError as error:
        raise click.ClickException(
            f"audit.file: {settings.audit.file}: {error.strerror};"
            " make its directory, and let this user write there"
        ) from error


async def _open_audit(settings: Settings) -> None:
    async with open_audit(settings):
        pass


def _listen(settings: Settings) -> socket.socket:
    try:
        return listen(settings)
    except OSError as error:
        # What Python adds to the reason repeats the address.
        reason = str(error.strerror).partition(" (")[0]
        raise click.ClickException(
            f"cannot listen on {settings.http.addr}: {reason};"
            " stop what is using it, or set another address (http.addr, REGISTRY_HTTP_ADDR)"
        ) from error


def _greet(settings: Settings, listener: socket.socket, file: Path | None) -> None:
    """Greet: where the registry is, what it was told by, where the data is, and what to try."""
    lines = [f"Listening on  {_address(settings, listener)}"]
    if file is not None:
        lines.append(f"Configured by {file}")
    lines.append(f"Data is in    {_data(settings)}")
    if is_on_read_only_disk(settings):
        lines.append(
            "Read-only     the disk cannot be written to: pulls are served, pushes refused"
        )
    lines.append(f"Try           docker push {_image(settings, listener)}")
    # At once: who reads no further than to the address, and leaves, does not end the server.
    click.echo("\n".join(lines))


def _address(settings: Settings, listener: socket.socket) -> str:
    if settings.http.net == "unix":
        return settings.http.addr
    return f"{'https' if settings.http.tls.enabled else 'http'}://{_host(listener)}"


def _data(settings: Settings) -> str:
    if settings.storage.driver == "inmemory":
        return "memory, and gone when this process ends"
    return str(settings.storage.filesystem.rootdirectory.absolute())


def _image(settings: Settings, listener: socket.socket) -> str:
    host = "localhost" if settings.http.net == "unix" else _host(listener)
    return f"{host}/hello-world"


def _host(listener: socket.socket) -> str:
    """The host as a client on this machine would write it."""
    host, port = listener.getsockname()[:2]
    if host in {"::", "0.0.0.0"}:  # noqa: S104 - comparing, not listening
        host = "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
