"""Clients get blobs from the object store by themselves, with and without a login."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import require, run
from tests.support.docker import Docker
from tests.support.guarded import PERMISSIONS, write_users
from tests.support.images import build_layers, random_bytes
from tests.support.lading import Lading, lading_serve
from tests.support.layouts import Layout, write_layout
from tests.support.network import MACHINE, Network
from tests.support.podman import private_podman
from tests.support.processes import wait_until
from tests.support.s3 import S3, running_s3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

USER, PASSWORD = "writer", b"writer-password"


@contextmanager
def redirecting(s3: S3, directory: Path, network: Network = MACHINE) -> Iterator[Lading]:
    """Run a registry that wants a login, and sends clients to the store at another name."""
    users = directory / "users"
    write_users(users, "writer")
    storage = {
        "s3": {**s3.settings, "localdirectory": str(directory / "data")},
        # Clients would send a host of the same name their login, too.
        "redirect": {"endpoint": f"http://localhost:{s3.port}"},
        "delete": {"enabled": True},
    }
    auth = {"htpasswd": {"realm": "tests", "path": str(users)}, "permissions": PERMISSIONS}
    settings: dict[str, Any] = {"storage": storage, "auth": auth}
    with lading_serve(directory, settings=settings, network=network) as registry:
        yield registry


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """An image whose layers are too large to be sent from memory."""
    return write_layout(tmp_path_factory.mktemp("layout"), more=200_000)


@pytest.fixture
def registry(s3: S3, tmp_path: Path) -> Iterator[Lading]:
    with redirecting(s3, tmp_path) as registry:
        yield registry


def redirects(registry: Lading) -> int:
    """How often a client was sent to the store."""
    return registry.log.read_text().count(' HTTP/1.1" 307 ')


def test_crane(registry: Lading, layout: Layout, tmp_path: Path) -> None:
    require("crane")
    image = f"{registry.host}/team/app:crane"
    run(["crane", "auth", "login", registry.host, "-u", USER, "--password-stdin"], stdin=PASSWORD)
    run(["crane", "push", "--index", layout.path, image])
    run(["crane", "pull", "--format=oci", image, tmp_path / "back"])
    assert layout.is_in(tmp_path / "back")
    wait_until(lambda: redirects(registry) >= 4, "the log of redirects")


def test_skopeo(registry: Lading, layout: Layout, tmp_path: Path) -> None:
    require("skopeo")
    plain = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    kept = f"--authfile={tmp_path / 'auth.json'}"
    image = f"docker://{registry.host}/team/app:skopeo"
    login = ["skopeo", "login", "--tls-verify=false", kept, "-u", USER, "--password-stdin"]
    run([*login, registry.host], stdin=PASSWORD)
    run(["skopeo", "copy", "--all", *plain, kept, f"oci:{layout.path}:latest", image])
    run(["skopeo", "copy", "--all", *plain, kept, image, f"oci:{tmp_path / 'back'}:latest"])
    assert layout.is_in(tmp_path / "back")
    wait_until(lambda: redirects(registry) >= 4, "the log of redirects")


def test_oras(registry: Lading, layout: Layout, tmp_path: Path) -> None:
    require("oras")
    kept = tmp_path / "auth.json"
    image = f"{registry.host}/team/app:oras"
    login = ["oras", "login", "--plain-http", f"--registry-config={kept}", "-u", USER]
    run([*login, "--password-stdin", registry.host], stdin=PASSWORD)
    there = ["--to-plain-http", f"--to-registry-config={kept}"]
    run(["oras", "cp", "--from-oci-layout", *there, f"{layout.path}:latest", image])
    here = ["--from-plain-http", f"--from-registry-config={kept}"]
    run(["oras", "cp", "--to-oci-layout", *here, image, f"{tmp_path / 'back'}:latest"])
    assert layout.is_in(tmp_path / "back")
    wait_until(lambda: redirects(registry) >= 4, "the log of redirects")


def test_podman(registry: Lading, layout: Layout, tmp_path: Path) -> None:
    options = ["--tls-verify=false", f"--authfile={tmp_path / 'auth.json'}"]
    with private_podman(tmp_path / "s") as podman:
        built = podman.run("pull", f"oci:{layout.path}:latest")
        login = ["login", *options, "-u", USER, "--password-stdin", registry.host]
        podman.run(*login, stdin=PASSWORD)
        podman.push_and_pull_back(built, f"{registry.host}/team/app:podman", *options)
        wait_until(lambda: redirects(registry) >= 2, "the log of redirects")


def test_docker(docker: Docker, tmp_path: Path) -> None:
    """Everything is in the daemon's network."""
    with (
        running_s3(endpoint="http://127.0.0.1:{port}", network=docker.network) as server,
        redirecting(server.fresh(), tmp_path, docker.network) as registry,
    ):
        name = f"{registry.host}/team/app"
        build_layers(docker, name, random_bytes(3_000_000))
        docker.run("login", "-u", USER, "--password-stdin", registry.host, stdin=PASSWORD)
        docker.push_and_pull_back(name)
        wait_until(lambda: redirects(registry) >= 1, "the log of redirects")
