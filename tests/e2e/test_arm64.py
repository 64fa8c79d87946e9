"""The container image for another processor, emulated where this machine has none of it.

That takes minutes: `make e2e-arm64` brings what it needs, and runs it.
"""

import os
from pathlib import Path

import pytest

from tests.support.commands import CACHE, REPOSITORY, require, run
from tests.support.docker import Docker
from tests.support.images import build_hello_world
from tests.support.processes import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.skipif("LADING_ARM64" not in os.environ, reason="runs by `make e2e-arm64`"),
]

PLATFORM = "--platform=linux/arm64"
BASE = "localhost/debian-arm64"
IMAGE = "localhost/lading:arm64"
HELLO = "localhost:5064/team/hello:1"


@pytest.fixture(scope="module")
def emulated(docker: Docker, scratch: Path) -> Docker:
    """The daemon, with the image for arm64; Docker's own old builder takes it for the machine's."""
    require("buildah")
    storage: list[str | Path] = [
        "--root",
        scratch / "storage",
        "--runroot",
        scratch / "run",
        "--storage-driver=vfs",
    ]

    def buildah(command: str, *words: str | Path) -> str:
        isolated = {"BUILDAH_ISOLATION": "chroot"}
        done = run(["buildah", *storage, command, *words], env=isolated, timeout=1500)
        return done.stdout.decode().strip()

    container = buildah("from", "--arch=arm64", "scratch")
    buildah("add", container, CACHE / "debian-arm64.tar", "/")
    buildah("config", "--arch=arm64", container)
    buildah("commit", "--rm", container, BASE)
    build = [PLATFORM, "--network=host", f"--build-arg=BASE={BASE}", f"--tag={IMAGE}"]
    buildah("build", "--format=docker", *build, REPOSITORY)
    buildah("push", IMAGE, f"docker-archive:{scratch / 'arm64.tar'}:{IMAGE}")
    docker.run("load", "--input", scratch / "arm64.tar")
    return docker


def test_the_image_is_of_that_processor_and_knows_its_version(emulated: Docker) -> None:
    assert emulated.inspect("image", IMAGE)["Architecture"] == "arm64"
    machine = ["-c", "import platform; print(platform.machine())"]
    once = ["run", "--rm", PLATFORM, "--entrypoint"]
    assert emulated.run(*once, "/opt/lading/bin/python", IMAGE, *machine) == "aarch64"
    assert emulated.run(*once, "lading", IMAGE, "--version").startswith("lading ")


def test_it_serves_what_is_pushed(emulated: Docker) -> None:
    """Two workers, SQLite, hashes and compression: all that is not Python is of that processor."""
    started = emulated.run("run", "--detach", PLATFORM, "--publish=5064:5000", IMAGE)
    ask = ["curl", "--silent", "--fail", "http://localhost:5064/v2/"]
    wait_until(
        lambda: emulated.network.run(*ask, check=False).returncode == 0,
        "the emulated registry",
        seconds=120,
        log=lambda: emulated.run("logs", started),
    )
    build_hello_world(emulated, HELLO)
    before = emulated.inspect("image", HELLO)["Id"]
    emulated.run("push", HELLO)
    emulated.run("rmi", HELLO)
    emulated.run("pull", HELLO)
    assert emulated.inspect("image", HELLO)["Id"] == before
    emulated.run("exec", started, "/opt/lading/bin/python", "/healthcheck.py")
