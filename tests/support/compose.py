"""deploy/compose as a person gets it: a folder, unpacked, and docker-compose run in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, require, run
from tests.support.curl import Response, curl
from tests.support.docker import Docker
from tests.support.images import LADING, NGINX, POSTGRESQL, STORE
from tests.support.processes import wait_until


@dataclass(frozen=True)
class Stack:
    """A stack: nginx and the registry behind it.

    Attributes:
        docker: the daemon that runs them.
        folder: the unpacked folder.
        port: where nginx is published.
        files: that docker-compose reads, one over the other.
        registry: the service that is asked directly, and in whose container commands run.
    """

    docker: Docker
    folder: Path
    port: int = 80
    files: tuple[str, ...] = ("docker-compose.yml",)
    registry: str = "registry"

    @property
    def host(self) -> str:
        """As in the name of an image: port 80 is not written."""
        return "localhost" if self.port == 80 else f"localhost:{self.port}"

    @property
    def config(self) -> Path:
        """The configuration file of the registry."""
        return self.folder / "registry" / "config.yml"

    @property
    def environment(self) -> dict[str, str]:
        """What points docker-compose at the daemon, the images and the port."""
        return {
            **self.docker.environment,
            "LADING_IMAGE": LADING,
            "NGINX_IMAGE": NGINX,
            "POSTGRES_IMAGE": POSTGRESQL,
            "STORE_IMAGE": STORE,
            "LADING_PORT": str(self.port),
            "COMPOSE_FILE": ":".join(self.files),
        }

    def compose(self, *arguments: str) -> str:
        """Run docker-compose in the folder; return what it printed."""
        done = run(["docker-compose", *arguments], cwd=self.folder, env=self.environment)
        return done.stdout.decode()

    def type(self, line: str) -> str:
        """Type a line into a terminal, in the folder; return what came on the screen."""
        inside = f"cd {self.folder} && {line}"
        terminal = self.docker.network.command("script", "--quiet", "--return", "--command", inside)
        done = run([*terminal, "/dev/null"], env=self.environment)
        return done.stdout.decode().replace("\r\n", "\n")

    def start(self, *arguments: str) -> None:
        """Run a docker-compose command after which the registry is to answer."""
        try:
            self.compose(*arguments)
        except pytest.fail.Exception as error:
            pytest.fail(f"{error}\n{self.log()}")
        wait_until(self._answers, f"docker-compose {' '.join(arguments)}", log=self.log)

    def curl(self, path: str, *options: str, stdin: bytes = b"") -> Response:
        """Ask nginx for a path."""
        url = f"http://{self.host}{path}"
        return curl(url, *options, stdin=stdin, network=self.docker.network)

    def curl_directly(self, path: str, *options: str, stdin: bytes = b"") -> Response:
        """Ask the registry for a path, past nginx."""
        container = self.docker.inspect("container", self.container(self.registry))
        address = next(iter(container["NetworkSettings"]["Networks"].values()))["IPAddress"]
        url = f"http://{address}:5000{path}"
        return curl(url, *options, stdin=stdin, network=self.docker.network)

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        return self.compose("ps", "--quiet", service).strip()

    def log(self, *services: str) -> str:
        """Return what some services, or all, have logged."""
        return self.compose("logs", "--no-color", *services)

    def volume(self) -> Path:
        """Return the directory of the one volume."""
        mounts = self.docker.inspect("container", self.container(self.registry))["Mounts"]
        return next(Path(mount["Source"]) for mount in mounts if mount["Type"] == "volume")

    def _answers(self) -> bool:
        probe = ("curl", "--silent", "--fail", "--max-time", "5", f"http://{self.host}/v2/")
        return self.docker.network.run(*probe, check=False).returncode == 0


@contextmanager
def unpacked_stack(
    docker: Docker,
    folder: Path,
    *,
    port: int = 80,
    name: str = "compose",
    files: tuple[str, ...] = ("docker-compose.yml",),
    registry: str = "registry",
) -> Iterator[Stack]:
    """Unpack a folder of `deploy`; whatever was started from it ends with the block."""
    require("docker-compose")
    shutil.copytree(REPOSITORY / "deploy" / name, folder)
    stack = Stack(docker, folder, port, files, registry)
    yield stack
    stack.compose("down", "--volumes", "--timeout", "5")
