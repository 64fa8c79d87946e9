"""`python -m bench.servers`: our own server beside others that run the same application.

One worker each, with a log of requests as they make it; all take turns. Needs what the tests need.
"""

import os
import random
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click
import yaml

from bench.content import ACCEPT, MIB, Image, image, push_image
from bench.http import Connection
from bench.registries import Launch, Registry
from bench.running import Running, running
from bench.tally import quantile
from bench.works.base import measure_load
from bench.wrk import load
from lading.config.loading import find_file
from lading.config.loading import load as load_settings
from lading.edge.asgi import Application
from lading.wiring.application import RegistryApplication

REPOSITORY = "library/app"
OTHERS: Mapping[str, Sequence[str]] = {
    "uvicorn": ["uvicorn", "--factory", "--no-access-log", "--no-proxy-headers"],
    "Granian": ["granian", "--factory", "--interface", "asgi", "--no-ws"],
}


def application() -> Application:
    """The application, for a server that is not its own."""
    file = find_file(None, os.environ)
    return RegistryApplication(load_settings(file, os.environ).settings, file)


@click.command()
@click.option("--rounds", default=30, help="How often to measure everything.")
@click.option("--seconds", default=1.0, help="How long each measurement takes.")
def main(*, rounds: int, seconds: float) -> None:
    """Measure the processor time of a pull of a manifest, and of a blob of 32 MiB."""
    content = image(random.Random(1), [32 * MIB])
    results: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        servers = [
            stack.enter_context(running(registry, Path(directory))) for registry in _registries()
        ]
        for server in servers:
            with Connection(server.port) as connection:
                push_image(connection, REPOSITORY, "latest", content)
        for _ in range(rounds):
            for server in servers:
                for what, used in _measure(server, content, seconds).items():
                    results[server.registry.name, what].append(used)
    for (name, what), figures in results.items():
        middle, low = statistics.median(figures), quantile(figures, 0.1)
        click.echo(f"{name:10} {what:24} {middle:9.3f} ms (a tenth: {low:.3f})")


def _measure(server: Running, content: Image, seconds: float) -> Mapping[str, float]:
    """Milliseconds of processor time, by what is pulled."""
    layer = content.blobs[-1].digest
    paths = {
        "a manifest": (f"/v2/{REPOSITORY}/manifests/latest", 16),
        "a blob of 32 MiB": (f"/v2/{REPOSITORY}/blobs/{layer}", 1),
    }

    def used(path: str, connections: int) -> float:
        return measure_load(
            server,
            lambda: load(
                server.port, path, connections=connections, seconds=seconds, headers=ACCEPT
            ),
        ).processor

    return {what: used(*asked) for what, asked in paths.items()}


def _registries() -> Sequence[Registry]:
    program = Path(sys.executable).with_name("lading")
    own = _registry("ours", lambda _: [str(program), "serve"])
    return [own, *(_other(name, command) for name, command in OTHERS.items())]


def _other(name: str, command: Sequence[str]) -> Registry:
    run = [sys.executable, "-m", *command]
    return _registry(name, lambda port: [*run, "--port", str(port), "bench.servers:application"])


def _registry(name: str, command: Callable[[int], Sequence[str]]) -> Registry:
    def launch(data: Path, port: int) -> Launch:
        config = data.with_suffix(".yml")
        settings = {
            "version": 0.1,
            "http": {"addr": f"127.0.0.1:{port}", "workers": 1},
            "storage": {"filesystem": {"rootdirectory": str(data)}},
        }
        config.write_text(yaml.safe_dump(settings))
        root = str(Path(__file__).parents[1])
        place = {"REGISTRY_CONFIGURATION_PATH": str(config), "PYTHONPATH": root}
        return Launch(command(port), place)

    return Registry(name, launch, "")


if __name__ == "__main__":
    main()
