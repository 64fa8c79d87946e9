"""README.md, followed by somebody who has just heard of lading, on a bare machine.

The machine is a container of Debian with python3 and its venv, make and git, and the person is no
root. Docker is outside, as it would be.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, run
from tests.support.docker import Docker
from tests.support.documents import commands
from tests.support.images import DEBIAN, build_hello_world
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

README = "README.md"
CLONE = Path("/lading.git")
# Seconds from the clone to the end of the first push; half a minute, if nothing else runs. What is
# promised are two minutes of a machine that does nothing else, and here others run tests on it.
LIMIT = 120 * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@pytest.fixture(scope="module")
def machine(deployment: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A container that shares the daemon's network, so that 127.0.0.1 is the same for both."""
    clone = tmp_path_factory.mktemp("clone") / "lading.git"
    run(["git", "clone", "--quiet", "--bare", REPOSITORY, clone])
    script = "useradd --create-home you && exec sleep infinity"
    container = deployment.run("run", "--detach", "--network=host", DEBIAN, "sh", "-c", script)
    deployment.run("cp", clone, f"{container}:{CLONE}")
    # git does not trust what belongs to somebody else; a real clone comes over the network.
    deployment.run("exec", container, "chown", "--recursive", "you", CLONE)
    yield container
    deployment.run("rm", "--force", container)


def test_two_commands_and_a_first_push(deployment: Docker, machine: str) -> None:
    """Within two minutes of reading; what is shown is what the document shows."""
    build_hello_world(deployment)
    begun = time.monotonic()
    clone, serve = commands(README, "Two commands")
    _type(deployment, machine, "~", clone.line.replace("<this repository>", str(CLONE)))
    _type(deployment, machine, "~/lading", f"nohup {serve.line} > ~/screen 2>&1 &")
    wait_until(
        lambda: _type(deployment, machine, "~", "cat ~/screen") == serve.output,
        "what the document shows",
        seconds=LIMIT,
        log=lambda: _type(deployment, machine, "~", "cat ~/screen"),
    )

    for command in commands(README, "The first push"):
        said = deployment.network.run("sh", "-c", command.line, env=deployment.environment).stdout
        assert command.output in said.decode()
    assert time.monotonic() - begun < LIMIT


def test_the_tests_install_once(deployment: Docker, machine: str) -> None:
    """Nothing is missing for those that touch the disk; then it is quick."""
    line = "make test ARGS='tests/blobs/test_files.py tests/config/test_files.py'"
    first = _type(deployment, machine, "~/lading", line)
    again = _type(deployment, machine, "~/lading", line)

    assert " passed" in first
    assert "Installing" in first
    assert "Installing" not in again


def _type(docker: Docker, container: str, directory: str, line: str) -> str:
    words = ("exec", "--user=you", container, "bash", "--login", "-c", f"cd {directory} && {line}")
    return docker.run(*words)
