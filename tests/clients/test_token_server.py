"""Clients log in to a registry whose tokens another server issues, as with Distribution's.

crane refuses to be sent to another private address, and tests have no other ones.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.docker import Docker
from tests.support.images import build_layers, random_bytes
from tests.support.layouts import Layout
from tests.support.pairs import Pair
from tests.support.token_server import Served, served_by_a_token_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

USER, PASSWORD = "writer", b"writer-password"


@pytest.fixture
def served(pair: Pair, tmp_path: Path) -> Iterator[Served]:
    with served_by_a_token_server(tmp_path, pair=pair) as served:
        yield served


def test_skopeo(served: Served, layout: Layout, tmp_path: Path) -> None:
    require("skopeo")
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
    login = ("--src-creds", "--dest-creds")
    there, back = f"oci:{layout.path}:latest", f"oci:{tmp_path / 'back'}:latest"
    image = f"docker://{served.registry.host}/team/app:v1"
    copy = ["skopeo", "copy", "--all", *plain]
    assert run([*copy, there, image], check=False).returncode != 0
    run([*copy, f"{login[1]}={USER}:{PASSWORD.decode()}", there, image])
    run([*copy, f"{login[0]}={USER}:{PASSWORD.decode()}", image, back])
    assert layout.is_in(tmp_path / "back")


def test_docker(docker: Docker, pair: Pair, tmp_path: Path) -> None:
    """It logs in at the server's, which it is sent to, and keeps what that gives it."""
    with served_by_a_token_server(tmp_path, network=docker.network, pair=pair) as served:
        image = f"{served.registry.host}/team/app"
        build_layers(docker, image, random_bytes(1000))
        assert "denied" in docker.fails("push", image) or "basic auth" in docker.fails(
            "push", image
        )
        docker.run("login", "-u", USER, "--password-stdin", served.registry.host, stdin=PASSWORD)
        docker.push_and_pull_back(image)
        docker.run("logout", served.registry.host)
