"""deploy/README.md, typed line by line, on a server of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import require
from tests.support.compose import Stack, unpacked_stack
from tests.support.docker import Docker
from tests.support.documents import commands
from tests.support.images import GREETING, build_hello_world

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

README = "deploy/README.md"
IMAGE = "localhost/library/hello-world"


@pytest.fixture(scope="module")
def stack(deployment: Docker, scratch: Path) -> Iterator[Stack]:
    """The unpacked folder, started as it says, with an image pushed."""
    require("script")
    build_hello_world(deployment)
    with unpacked_stack(deployment, scratch / "registry") as stack:
        start = commands(README, "Start it")[-1]
        assert start.line == "docker-compose up -d"
        stack.start("up", "-d")
        yield stack


def test_the_first_push(stack: Stack) -> None:
    for command in commands(README, "The first push"):
        assert command.output in stack.type(command.line)


def test_nginx_sees_the_blobs_alone(stack: Stack) -> None:
    """As root, which its master process is."""
    nginx = ("exec", stack.container("nginx"))
    assert stack.docker.run(*nginx, "ls", "-A", "/var/lib/registry/lading") == ""
    assert stack.docker.run(*nginx, "ls", "/var/lib/registry/docker/registry/v2/blobs")
    assert (stack.volume() / "lading" / "metadata.sqlite3").exists()


def test_a_configuration_is_checked(stack: Stack) -> None:
    registry, nginx = commands(README, "Stop it")

    assert registry.output in stack.type(registry.line)
    assert "test is successful" in stack.type(nginx.line)


def test_a_backup_brings_everything_back(stack: Stack) -> None:
    *back_up, restore, start = [command.line for command in commands(README, "Back up")]
    for line in back_up:
        stack.type(line)
    stack.compose("down", "--volumes")

    stack.type(restore)
    assert start == "docker-compose up -d"
    stack.start("up", "-d")

    stack.docker.run("rmi", "--force", stack.docker.inspect("image", IMAGE)["Id"])
    assert stack.docker.run("run", "--rm", IMAGE) == GREETING


def test_disk_space_is_freed(stack: Stack) -> None:
    dry, wet = commands(README, "Free disk space")

    assert "would be removed" in stack.type(dry.line)
    assert "freed" in stack.type(wet.line)
