"""Clients that have a certificate are let in, and those without one are not, over HTTPS."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import require, run
from tests.support.lading import Lading, lading_serve, program
from tests.support.layouts import Layout

pytestmark = pytest.mark.e2e

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
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mutual]:
    """Set up with `lading cert`, as its words say."""
    directory = tmp_path_factory.mktemp("mutual")
    certs = directory / "certs"
    run([program(), "cert", "make", NAME, "--directory", certs])
    run([program(), "cert", "client", "builder", "--directory", certs])
    full, bare = directory / "full", directory / "bare"
    for folder in (full, bare):
        folder.mkdir()
        (folder / "ca.crt").write_bytes((certs / "ca.crt").read_bytes())
    (full / "client.cert").write_bytes((certs / "builder.crt").read_bytes())
    (full / "client.key").write_bytes((certs / "builder.key").read_bytes())
    tls = {
        "certificate": str(certs / "server.crt"),
        "key": str(certs / "server.key"),
        "clientcas": [str(certs / "ca.crt")],
    }
    http = {"addr": f"{NAME}:0", "workers": 2, "tls": tls}
    with lading_serve(directory, settings={"http": http}) as registry:
        yield Mutual(registry, full, bare)


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
