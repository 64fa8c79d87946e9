"""A Docker daemon of its own for a test, in a network of its own, and the docker command for it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import require, run
from tests.support.network import Network
from tests.support.processes import background, wait_until


@dataclass(frozen=True)
class Docker:
    """The docker command, for one daemon.

    Attributes:
        socket: where the daemon listens.
        network: what `localhost` is for the daemon.
    """

    socket: Path
    network: Network

    @property
    def environment(self) -> dict[str, str]:
        """What points docker and docker-compose at the daemon."""
        return {
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_CONFIG": str(self.socket.parent / "client"),
            # The builder that needs neither a plugin nor a front end from a registry.
            "DOCKER_BUILDKIT": "0",
        }

    def run(self, *arguments: str | Path, stdin: bytes = b"", check: bool = True) -> str:
        """Run a docker command; return what it printed."""
        command = ["docker", *arguments]
        done = run(command, stdin=stdin, check=check, env=self.environment, timeout=600)
        return done.stdout.decode().strip()

    def push_and_pull_back(self, image: str, back: str = "") -> None:
        """Push an image, remove it, and pull it, be it by another name: it is the same."""
        built = self.inspect("image", image)["Id"]
        self.run("push", image)
        self.run("rmi", "--force", built)
        self.run("pull", back or image)
        assert self.inspect("image", back or image)["Id"] == built

    def run_inside(self, *arguments: str) -> str:
        """Run a docker command that asks registries by itself, in the daemon's network."""
        done = run(self.network.command("docker", *arguments), env=self.environment)
        return done.stdout.decode().strip()

    def fails(self, *arguments: str) -> str:
        """Run a docker command that must fail; return what it complained of."""
        done = run(["docker", *arguments], check=False, env=self.environment)
        assert done.returncode != 0, f"docker {' '.join(arguments)} did not fail"
        return (done.stdout + done.stderr).decode()

    def trust(self, host: str, *files: Path) -> None:
        """Put files where the daemon looks for the certificates of a host.

        That is in its own view of the machine: nothing is written to the machine's /etc.
        """
        run(["mkdir", "-p", "/etc/docker"])
        if self.network.run("mountpoint", "--quiet", "/etc/docker", check=False).returncode:
            self.network.run("mount", "-t", "tmpfs", "tmpfs", "/etc/docker")
        self.network.run("mkdir", "-p", f"/etc/docker/certs.d/{host}")
        self.network.run("cp", *files, f"/etc/docker/certs.d/{host}")

    def inspect(self, kind: str, name: str) -> Any:
        """Return what docker knows of an image, a container or a volume."""
        return json.loads(self.run(kind, "inspect", name))[0]


@contextmanager
def private_docker(
    directory: Path, network: Network, *, insecure: tuple[str, ...] = ()
) -> Iterator[Docker]:
    """Run a daemon for the length of the block, with its images and containers in `directory`."""
    require("docker", "dockerd", "containerd", "runc", "iptables")
    docker = Docker(directory / "docker.sock", network)
    log = directory / "dockerd.log"
    daemon = network.command(
        "dockerd",
        f"--host=unix://{docker.socket}",
        f"--data-root={directory / 'data'}",
        f"--exec-root={directory / 'exec'}",
        f"--pidfile={directory / 'docker.pid'}",
        # slirp4netns's own, which asks whatever the machine asks.
        "--dns=10.0.2.3",
        *(f"--insecure-registry={registry}" for registry in insecure),
    )
    with background(daemon, log=log):
        wait_until(lambda: _answers(docker), "dockerd", log=log.read_text)
        yield docker
        _stop_containers(docker)


def _answers(docker: Docker) -> bool:
    return run(["docker", "info"], check=False, env=docker.environment).returncode == 0


def _stop_containers(docker: Docker) -> None:
    if containers := docker.run("ps", "--quiet").split():
        docker.run("rm", "--force", *containers)
