"""deploy/scale-out as a person gets it: two registries that share a database and a bucket.

The images of PostgreSQL and of the S3 server are made here, of the same programs.
"""

import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.compose import Stack, unpacked_stack
from tests.support.docker import Docker
from tests.support.images import build_layers, build_scale_out, random_bytes
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

IMAGE = "localhost/team/app"
CHECK = ("registry", "verify", "--checksums", "/etc/registry/config.yml")


@pytest.fixture(scope="module")
def stack(deployment: Docker, scratch: Path) -> Iterator[Stack]:
    """The folder, unpacked and started, with the two secrets in `.env`."""
    build_scale_out(deployment)
    with unpacked_stack(deployment, scratch / "scale-out", name="scale-out") as stack:
        secrets = "DATABASE_PASSWORD=of the database\nSTORE_SECRET=of-the-store\n"
        (stack.folder / ".env").write_text(secrets)
        stack.start("up", "-d")
        yield stack


def answered_by(stack: Stack) -> set[str]:
    """The addresses of the registries that nginx has got answers from."""
    return set(re.findall(r" (\d[\d.]+:5000) [1-4]\d\d$", stack.log("nginx"), re.MULTILINE))


def test_docker_pushes_and_pulls(stack: Stack) -> None:
    """Each request goes to any of the two, those of one upload, too."""
    docker = stack.docker
    build_layers(docker, f"{IMAGE}:1", random_bytes(1000), random_bytes(20_000_000))
    built = docker.inspect("image", f"{IMAGE}:1")["Id"]

    docker.run("push", f"{IMAGE}:1")
    docker.run("rmi", f"{IMAGE}:1")
    docker.run("pull", f"{IMAGE}:1")

    assert docker.inspect("image", f"{IMAGE}:1")["Id"] == built
    assert len(answered_by(stack)) == 2


def test_a_registry_that_is_killed_is_not_missed(stack: Stack) -> None:
    """While clients push and pull; what they were told is there, is there."""
    docker = stack.docker
    is_over = threading.Event()
    containers = [stack.container(service) for service in ("registry1", "registry2")]

    def kill() -> None:
        for container in containers * 2:
            docker.run("kill", "--signal=KILL", container)
            is_over.wait(2)
            docker.run("start", container)
            wait_until(partial(_is_healthy, docker, container), "a registry that was killed")
            if is_over.is_set():
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for number in range(2, 7):
            name = f"{IMAGE}:{number}"
            build_layers(docker, name, random_bytes(1000), random_bytes(3_000_000))
            docker.run("push", name)
            docker.run("rmi", name)
            docker.run("pull", name)
    finally:
        is_over.set()
        killer.join()
    stack.start("up", "-d")

    assert "all is well" in stack.compose("exec", "-T", "registry2", *CHECK)


def test_a_database_that_starts_anew_is_waited_for(stack: Stack) -> None:
    stack.compose("restart", "--timeout=10", "database")

    docker = stack.docker
    docker.run("rmi", f"{IMAGE}:1")
    wait_until(lambda: _pulls(docker, f"{IMAGE}:1"), "a pull after the database is back")


def test_what_was_pushed_stays_over_a_new_start_of_all(stack: Stack) -> None:
    stack.compose("down")
    stack.start("up", "-d")

    stack.docker.run("rmi", f"{IMAGE}:1")
    stack.docker.run("pull", f"{IMAGE}:1")


def test_a_secret_that_is_missing_is_asked_for(deployment: Docker, scratch: Path) -> None:
    """Nothing is started with an empty password."""
    with unpacked_stack(deployment, scratch / "without", name="scale-out") as stack:
        command = ["docker-compose", "config"]
        done = run(command, check=False, cwd=stack.folder, env=stack.environment)
        (stack.folder / ".env").write_text("DATABASE_PASSWORD=x\nSTORE_SECRET=y\n")

    assert done.returncode != 0
    assert b"write DATABASE_PASSWORD" in done.stderr


def _is_healthy(docker: Docker, container: str) -> bool:
    return bool(docker.inspect("container", container)["State"]["Health"]["Status"] == "healthy")


def _pulls(docker: Docker, name: str) -> bool:
    return "Downloaded" in docker.run("pull", name, check=False)
