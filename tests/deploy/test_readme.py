"""deploy/README.md, typed line by line, on a server of one's own."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.compose import Stack, unpacked_stack
from tests.support.docker import Docker
from tests.support.documents import blocks, commands
from tests.support.images import GREETING, build_hello_world
from tests.support.lading import lading_serve, program
from tests.support.nginx import BEHIND_NGINX, free_port, nginx_before

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


def test_nginx_speaks_https_when_it_is_given_a_certificate(tmp_path: Path) -> None:
    """With the certificate that lading makes, and the lines of the document."""
    [nginx] = blocks(README, "HTTPS", "nginx")
    certificates, port = tmp_path / "certs", free_port()
    make = "lading cert make registry.lan"
    assert make in Path(README).read_text()
    _, *words = shlex.split(make.replace("registry.lan", "127.0.0.1"))
    run([program(), *words, f"--directory={certificates}"])
    lines = nginx.replace("443", f"127.0.0.1:{port}").replace("/etc/nginx/certs", f"{certificates}")
    with (
        lading_serve(tmp_path, env=BEHIND_NGINX) as registry,
        nginx_before(registry, tmp_path, listening=lines),
    ):
        url = f"https://127.0.0.1:{port}/v2/"
        done = run(["curl", "--silent", "--cacert", certificates / "ca.crt", url])
    assert done.stdout == b"{}"
