"""Runs the application on servers that are not its own: any that speaks ASGI will do."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from lading.config.loading import find_file, load
from lading.edge.asgi import Application
from lading.wiring.application import RegistryApplication
from tests.support.client import Client
from tests.support.commands import REPOSITORY
from tests.support.processes import background, free_port, wait_until

COMMANDS: Mapping[str, Sequence[str]] = {
    "uvicorn": ["uvicorn", "--factory", "--no-access-log"],
    "granian": ["granian", "--factory", "--interface", "asgi", "--no-ws"],
}


def application() -> Application:
    """Make the application, in a process of such a server."""
    file = find_file(None, os.environ)
    return RegistryApplication(load(file, os.environ).settings, file)


@contextmanager
def stock_server(name: str, directory: Path) -> Iterator[Client]:
    """Serve the application for the length of the block.

    Args:
        name: of the server, as in `COMMANDS`.
        directory: for its configuration, log and data.
    """
    config, log = directory / "config.yml", directory / f"{name}.log"
    storage = {"filesystem": {"rootdirectory": str(directory)}, "delete": {"enabled": True}}
    config.write_text(yaml.safe_dump({"version": 0.1, "storage": storage}))
    port = free_port()
    command = [
        sys.executable,
        "-m",
        *COMMANDS[name],
        "--port",
        str(port),
        f"{__name__}:application",
    ]
    env = {"PYTHONPATH": str(REPOSITORY), "REGISTRY_CONFIGURATION_PATH": str(config)}
    client = Client(f"127.0.0.1:{port}")
    with background(command, log=log, env=env):
        wait_until(client.is_answered, name, log=log.read_text)
        yield client
