"""The deployments with logins: HTTPS at nginx with users, and HTTPS in the registry with robots."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.compose import Stack, unpacked_stack
from tests.support.docker import Docker
from tests.support.images import LADING, build_layers, random_bytes
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# The user of the image.
USER_ID = "1000"
PASSWORD = b"a long password"


@pytest.fixture
def behind_nginx(deployment: Docker, scratch: Path) -> Iterator[Stack]:
    """deploy/compose with users.yml, set up as deploy/README.md says."""
    files = ("docker-compose.yml", "users.yml")
    with unpacked_stack(deployment, scratch / "users", port=8080, files=files) as stack:
        certs, auth = stack.folder / "certs", stack.folder / "auth"
        make = ("cert", "make", "--directory", "/certs", "localhost")
        mount = f"--volume={certs}:/certs"
        deployment.run("run", "--rm", "--user=root", mount, LADING, "registry", *make)
        auth.mkdir()
        run(["chown", USER_ID, auth])
        add_user(stack, "--file=/etc/registry/auth/htpasswd")
        start(stack, certs)
        yield stack


@pytest.fixture
def alone(deployment: Docker, scratch: Path) -> Iterator[Stack]:
    """deploy/compose-tls, set up as deploy/README.md says."""
    with unpacked_stack(deployment, scratch / "tls", port=443, name="compose-tls") as stack:
        run(["chown", "-R", USER_ID, stack.config.parent])
        make = ("cert", "make", "--directory=/etc/registry/certs", "localhost")
        stack.compose("run", "--rm", "-T", "registry", "registry", *make)
        add_user(stack, "--config=/etc/registry/config.yml")
        start(stack, stack.config.parent / "certs")
        yield stack


def add_user(stack: Stack, where: str) -> None:
    """Add alice, before anything runs."""
    command = ["docker-compose", "run", "--rm", "-T", "registry", "registry", "user", "add"]
    words = [*command, "--password-stdin", where, "alice"]
    run(words, cwd=stack.folder, env=stack.environment, stdin=PASSWORD)


def start(stack: Stack, certs: Path) -> None:
    """Start it, and wait until it asks who is calling, by HTTPS with its certificate."""
    stack.compose("up", "-d")
    wait_until(lambda: status(stack, certs, "/v2/") == "401", "the deployment", log=stack.log)


def status(stack: Stack, certs: Path, path: str, *options: str) -> str:
    """The status of an answer over HTTPS."""
    curl = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
    checked = ("--cacert", str(certs / "ca.crt"), *options, f"https://localhost{path}")
    return stack.docker.network.run(*curl, *checked, check=False).stdout.decode()


def log_in(stack: Stack, name: str, password: bytes) -> None:
    """`docker login`."""
    stack.docker.run("login", "-u", name, "--password-stdin", "localhost", stdin=password)


def assert_works(stack: Stack, repository: str) -> None:
    """Push and pull; without a login neither."""
    docker, image = stack.docker, f"localhost/{repository}"
    build_layers(docker, image, random_bytes(100_000))
    docker.push_and_pull_back(image)
    docker.run("logout", "localhost")
    assert "denied" in docker.fails("pull", image)


def test_users_behind_nginx(behind_nginx: Stack) -> None:
    """Over HTTPS they push and pull; over HTTP they are sent there before a password is."""
    stack, certs = behind_nginx, behind_nginx.folder / "certs"
    plain = stack.curl("/v2/")
    assert plain.status == 308
    assert plain.headers["Location"] == "https://localhost/v2/"
    log_in(stack, "alice", PASSWORD)
    assert_works(stack, "team/app")
    basic = ("--user", f"alice:{PASSWORD.decode()}")
    assert status(stack, certs, "/v2/team/app/manifests/latest", *basic) == "200"
    accel = [line for line in stack.log("nginx").splitlines() if 'accel="/_blobs/' in line]
    assert accel, "nginx sends the layers, also to those who log in"


def test_a_robot_and_a_user_without_nginx(alone: Stack) -> None:
    """Each with rights of its own; skopeo checks the certificate, too."""
    require("skopeo")
    stack, certs = alone, alone.config.parent / "certs"
    create = ("token", "create", "ci", "--repositories=team/**", "--actions=push")
    exec_ = ("exec", "-T", "registry", "registry")
    password = stack.compose(*exec_, *create, "/etc/registry/config.yml").strip()
    log_in(stack, "robot+ci", password.encode())
    assert_works(stack, "team/app")
    log_in(stack, "robot+ci", password.encode())
    build_layers(stack.docker, "localhost/alice/app", b"x")
    assert "denied" in stack.docker.fails("push", "localhost/alice/app")
    log_in(stack, "alice", PASSWORD)
    assert_works(stack, "alice/app")

    (certs / "client").mkdir()
    (certs / "client" / "ca.crt").write_bytes((certs / "ca.crt").read_bytes())
    inspect = ["skopeo", "inspect", f"--cert-dir={certs / 'client'}"]
    said = stack.docker.network.run(
        *inspect, f"--creds=robot+ci:{password}", "docker://localhost/team/app"
    )
    assert b'"Digest": "sha256:' in said.stdout
    stack.compose(*exec_, "token", "revoke", "ci", "/etc/registry/config.yml")
    gone = stack.docker.network.run(
        *inspect, f"--creds=robot+ci:{password}", "docker://localhost/team/app", check=False
    )
    assert gone.returncode != 0
    health = stack.docker.inspect("container", stack.container("registry"))["State"]["Health"]
    assert health["Status"] != "unhealthy", health
