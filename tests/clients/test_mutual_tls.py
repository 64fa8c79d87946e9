"""Clients that have a certificate are let in, and those without one are not, over HTTPS.

crane knows no certificates of clients; containerd's are in `test_containerd.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificates import make_certificates
from tests.support.commands import require, run
from tests.support.docker import Docker
from tests.support.images import build_layers, random_bytes
from tests.support.lading import Lading, lading_serve
from tests.support.layouts import Layout
from tests.support.pairs import Pair
from tests.support.podman import private_podman

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NAME = "127.0.0.1"


@dataclass(frozen=True)
class Mutual:
    """A registry that wants a certificate, and where clients find theirs.

    Attributes:
        full: a folder as `lading cert client` says it should be: ca.crt, client.cert, client.key.
        bare: one with the authority alone.
    """

    registry: Lading
    full: Path
    bare: Path


@pytest.fixture(scope="module")
def mutual(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mutual]:
    """Set up with `lading cert`, as its words say."""
    directory = tmp_path_factory.mktemp("mutual")
    certificates = make_certificates(directory, NAME)
    http = {"addr": f"{NAME}:0", "workers": 2, "tls": certificates.mutual_tls}
    with lading_serve(directory, settings={"http": http, **pair(directory)}) as registry:
        yield Mutual(registry, certificates.full, certificates.bare)


def test_a_client_without_a_certificate_is_not_let_in(mutual: Mutual, layout: Layout) -> None:
    require("skopeo")
    image = f"docker://{mutual.registry.host}/mutual/nobody:latest"
    there = f"oci:{layout.path}:latest"

    done = run(["skopeo", "copy", f"--dest-cert-dir={mutual.bare}", there, image], check=False)

    assert done.returncode != 0
    assert not list(mutual.registry.root.glob("docker/registry/v2/blobs/*/*/*/data"))


def test_skopeo_copies_there_and_back(mutual: Mutual, layout: Layout, tmp_path: Path) -> None:
    require("skopeo")
    image = f"docker://{mutual.registry.host}/mutual/skopeo:latest"
    there, back = f"oci:{layout.path}:latest", f"oci:{tmp_path / 'back'}:latest"

    run(["skopeo", "copy", "--all", f"--dest-cert-dir={mutual.full}", there, image])
    run(["skopeo", "copy", "--all", f"--src-cert-dir={mutual.full}", image, back])

    assert layout.is_in(tmp_path / "back")


def test_oras_pushes_and_pulls(mutual: Mutual, tmp_path: Path) -> None:
    require("oras")
    (tmp_path / "hello.txt").write_text("hello")
    files = {"ca-file": "ca.crt", "cert-file": "client.cert", "key-file": "client.key"}
    own = [f"--{option}={mutual.full / name}" for option, name in files.items()]
    artifact = f"{mutual.registry.host}/mutual/oras:latest"

    run(["oras", "push", *own, artifact, "hello.txt"], cwd=tmp_path)
    run(["oras", "pull", *own, "--output", tmp_path / "back", artifact])

    assert (tmp_path / "back" / "hello.txt").read_text() == "hello"


def test_podman_pushes_and_pulls(mutual: Mutual, layout: Layout, tmp_path: Path) -> None:
    image = f"{mutual.registry.host}/mutual/podman:latest"
    with private_podman(tmp_path / "s") as podman:
        built = podman.run("pull", f"oci:{layout.path}:latest")
        podman.push_and_pull_back(built, image, f"--cert-dir={mutual.full}")
        nobody = run([*podman.command, "pull", f"--cert-dir={mutual.bare}", image], check=False)
        assert nobody.returncode != 0


def test_helm_pushes_and_pulls(mutual: Mutual, tmp_path: Path) -> None:
    require("helm")
    run(["helm", "create", tmp_path / "hello"])
    run(["helm", "package", tmp_path / "hello", f"--destination={tmp_path}"])
    files = {"ca-file": "ca.crt", "cert-file": "client.cert", "key-file": "client.key"}
    own = [f"--{option}={mutual.full / name}" for option, name in files.items()]
    charts = f"oci://{mutual.registry.host}/mutual/charts"

    run(["helm", "push", *own, tmp_path / "hello-0.1.0.tgz", charts])

    assert b"version: 0.1.0" in run(["helm", "show", "chart", *own, f"{charts}/hello"]).stdout


def test_regctl_copies_there_and_back(mutual: Mutual, layout: Layout, tmp_path: Path) -> None:
    require("regctl")
    image = f"{mutual.registry.host}/mutual/regctl:latest"
    files = {"cacert": "ca.crt", "client-cert": "client.cert", "client-key": "client.key"}
    own = [f"--{option}={(mutual.full / name).read_text()}" for option, name in files.items()]

    run(["regctl", "registry", "set", *own, mutual.registry.host])
    run(["regctl", "image", "copy", f"ocidir://{layout.path}:latest", image])
    run(["regctl", "image", "copy", image, f"ocidir://{tmp_path / 'back'}:latest"])

    assert layout.is_in(tmp_path / "back")


@pytest.fixture
def inside(docker: Docker, pair: Pair, tmp_path: Path) -> Iterator[Mutual]:
    """The same where a Docker daemon finds it, by an address for which it insists on TLS."""
    certificates = make_certificates(tmp_path, docker.network.address)
    http = {"addr": f"{docker.network.address}:0", "tls": certificates.mutual_tls}
    settings = {"http": http, **pair(tmp_path, docker.network)}
    with lading_serve(tmp_path, settings=settings, network=docker.network) as registry:
        yield Mutual(registry, certificates.full, certificates.bare)


def test_docker_pushes_and_pulls(docker: Docker, inside: Mutual) -> None:
    """With the files of its own that it finds beside the authority's; no restart is needed."""
    image = f"{inside.registry.host}/mutual/docker"
    build_layers(docker, image, random_bytes(1000))

    docker.trust(inside.registry.host, *inside.bare.iterdir())
    # The registry is trusted, and does not trust the client yet.
    assert "unknown authority" not in docker.fails("push", image)
    docker.trust(inside.registry.host, *inside.full.iterdir())
    docker.push_and_pull_back(image)


def test_curl_is_let_in_by_the_certificate_and_by_nothing_else(mutual: Mutual) -> None:
    url = f"https://{mutual.registry.host}/v2/"
    curl: list[str | Path] = [
        "curl",
        "--silent",
        "--max-time",
        "10",
        "--cacert",
        mutual.full / "ca.crt",
    ]
    own: list[str | Path] = [
        "--cert",
        mutual.full / "client.cert",
        "--key",
        mutual.full / "client.key",
    ]

    assert run([*curl, *own, url]).stdout == b"{}"
    assert run([*curl, url], check=False).returncode != 0
