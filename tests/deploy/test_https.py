"""HTTPS in the registry, as Docker sees it that trusts the authority and nothing else.

The name that clients use is an address of the private network: Docker takes `localhost` without a
certificate, and would prove nothing.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.commands import run
from tests.support.compose import Stack, unpacked_stack
from tests.support.docker import Docker
from tests.support.images import build_layers
from tests.support.lading import program
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

USER_ID = "1000"
PORT = 8443


@pytest.fixture(scope="module")
def host(deployment: Docker) -> str:
    """How clients reach the server."""
    return f"{deployment.network.address}:{PORT}"


@pytest.fixture(scope="module")
def stack(deployment: Docker, scratch: Path, host: str) -> Iterator[Stack]:
    """deploy/compose-tls, whose tags `v*` stay what they are."""
    folder = scratch / "https"
    with unpacked_stack(deployment, folder, port=PORT, name="compose-tls") as stack:
        settings = yaml.safe_load(stack.config.read_text())
        settings["tags"] = {"immutable": [{"tags": ["v*"]}]}
        stack.config.write_text(yaml.safe_dump(settings))
        (stack.config.parent / "htpasswd").touch()
        make_certificate(stack, host)
        # Where `lading cert make` says.
        stack.docker.trust(host, stack.config.parent / "certs" / "ca.crt")
        stack.compose("up", "-d")
        wait_until(lambda: answer(stack, host).startswith("HTTP/1.1 401 "), "it", log=stack.log)
        yield stack


def make_certificate(stack: Stack, host: str) -> None:
    """Make one, or renew it; the registry can read the key."""
    address, certs = host.partition(":")[0], stack.config.parent / "certs"
    made = run([program(), "cert", "make", address, "--directory", certs, "--port", str(PORT)])
    assert f"/etc/docker/certs.d/{host}/ca.crt" in made.stdout.decode()
    run(["chown", "-R", USER_ID, stack.config.parent])


def answer(stack: Stack, host: str) -> str:
    """What the base of the API answers a client that trusts the authority."""
    ca = stack.config.parent / "certs" / "ca.crt"
    curl = ("curl", "--silent", "--include", "--max-time", "5", "--cacert", ca)
    return stack.docker.network.run(*curl, f"https://{host}/v2/", check=False).stdout.decode()


def test_docker_pushes_with_the_certificate_and_is_told_what_is_immutable(
    stack: Stack, host: str
) -> None:
    """A release stays what it is; the person who tries to move it reads why."""
    docker, image = stack.docker, f"{host}/team/app:v1"
    made = ("token", "create", "ci", "--repositories", "team/**", "--actions", "push,delete")
    password = stack.compose("exec", "-T", "registry", "lading", *made).strip()
    docker.run("login", "-u", "robot+ci", "--password-stdin", host, stdin=password.encode())
    build_layers(docker, image, b"the first release")
    docker.run("push", image)
    docker.run("push", image)
    build_layers(docker, image, b"another one")
    said = docker.fails("push", image)
    assert re.search(r"denied: the tag v1 is immutable and points to sha256:[0-9a-f]{64}", said)
    docker.run("logout", host)


def test_a_renewed_certificate_needs_no_restart(stack: Stack, host: str) -> None:
    """Whoever trusts the authority notices nothing."""
    before = served(stack, host)
    make_certificate(stack, host)
    wait_until(lambda: served(stack, host) != before, "the new certificate")
    assert answer(stack, host).startswith("HTTP/1.1 401 ")


def served(stack: Stack, host: str) -> bytes:
    """The certificate that a new connection gets."""
    command = ("openssl", "s_client", "-connect", host)
    said = stack.docker.network.run(*command, check=False).stdout
    return said.split(b"-----BEGIN CERTIFICATE-----")[1].split(b"-----")[0]


def test_the_image_knows_that_it_is_well_over_https(stack: Stack) -> None:
    """Nobody has to write another check of its health."""

    def health() -> str:
        state = stack.docker.inspect("container", stack.container("registry"))["State"]
        found: str = state["Health"]["Status"]
        return found

    wait_until(lambda: health() == "healthy", "its health", log=stack.log)
