"""What a disk has damaged is not served, counts as not there from then on, and heals by a push."""

import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.lading import Lading, lading_serve, started_workers
from tests.support.nginx import BEHIND_NGINX, nginx_before
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of, image

SMALL = b"a small layer"
LARGE = b"a large layer " * 10_000


@pytest.fixture(params=["direct", pytest.param("nginx", marks=pytest.mark.e2e)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Lading, Client]]:
    """A registry, and a client that asks it, or nginx before it."""
    if request.param == "direct":
        with lading_serve(tmp_path) as registry:
            yield registry, registry.client
        return
    with (
        lading_serve(tmp_path, env=BEHIND_NGINX) as registry,
        nginx_before(registry, tmp_path) as host,
    ):
        yield registry, Client(host)


def other_bytes(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def one_less(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def one_more(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"?")


def in_place(put: Callable[[Path], None]) -> Callable[[Path], None]:
    """Put something else where the file was."""

    def damage(path: Path) -> None:
        path.unlink()
        put(path)

    return damage


def full_directory(path: Path) -> None:
    path.mkdir()
    (path / "what somebody put there").touch()


def file_for_directory(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.touch()


DAMAGES: dict[str, tuple[bytes, Callable[[Path], None]]] = {
    "a small one has other bytes": (SMALL, other_bytes),
    "a small one is cut short": (SMALL, one_less),
    "a small one is gone": (SMALL, Path.unlink),
    "a small one is empty": (SMALL, lambda path: os.truncate(path, 0)),
    "a large one is cut short": (LARGE, one_less),
    "a large one is too long": (LARGE, one_more),
    "a large one is gone": (LARGE, Path.unlink),
    "a large one is a small one now": (LARGE, lambda path: os.truncate(path, 5)),
    "a directory is in place of a small one": (SMALL, in_place(Path.mkdir)),
    "a directory with something in it is in place of a large one": (
        LARGE,
        in_place(full_directory),
    ),
    "a file is in place of the directory of a large one": (LARGE, file_for_directory),
    "a pipe is in place of a small one": (SMALL, in_place(os.mkfifo)),
    "a pipe is in place of a large one": (LARGE, in_place(os.mkfifo)),
    "a link to itself is in place of a small one": (SMALL, in_place(lambda p: p.symlink_to(p))),
    "a link to nothing is in place of a large one": (LARGE, in_place(lambda p: p.symlink_to("-"))),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_blob_is_not_served_and_a_push_heals_it(
    registry: tuple[Lading, Client], name: str
) -> None:
    data, damage = DAMAGES[name]
    lading, client = registry
    hello, other = Repository(client, "hello"), Repository(client, "other")
    hello.push_image("latest", data)
    digest = digest_of(data)
    damage(lading.blob_path(data))

    seen = hello.ask("GET", f"/blobs/{digest}")
    assert seen.status == 503
    assert seen.codes == ["UNAVAILABLE"]
    assert lading.has_said(f"{digest} is damaged")
    # From now on it is not there, for all workers, so that clients push it.
    for _ in range(5):
        assert hello.ask("HEAD", f"/blobs/{digest}").status == 404
        assert hello.ask("GET", f"/blobs/{digest}").status == 404
    assert other.ask("POST", f"/blobs/uploads/?mount={digest}&from=hello").status == 202
    assert hello.put_manifest(image(data, annotations={"a": "b"}), "new").status == 400
    assert hello.ask("GET", "/manifests/latest").status == 200

    other.push_blob(data)
    assert hello.ask("HEAD", f"/blobs/{digest}").status == 200
    assert hello.ask("GET", f"/blobs/{digest}").body == data
    assert hello.put_manifest(image(data, annotations={"a": "b"}), "new").status == 201


@pytest.mark.parametrize("first", ["HEAD", "mount"])
@pytest.mark.parametrize("damage", [one_less, one_more, Path.unlink])
def test_whoever_asks_first_finds_out(
    registry: tuple[Lading, Client], damage: Callable[[Path], None], first: str
) -> None:
    """So that the upload is not skipped."""
    lading, client = registry
    hello = Repository(client, "hello")
    digest = hello.push_blob(LARGE)
    damage(lading.blob_path(LARGE))
    if first == "HEAD":
        assert hello.ask("HEAD", f"/blobs/{digest}").status == 404
    else:
        mount = f"/blobs/uploads/?mount={digest}&from=hello"
        assert Repository(client, "other").ask("POST", mount).status == 202
    assert lading.has_said(f"{digest} is damaged")
    hello.push_blob(LARGE)
    assert hello.ask("GET", f"/blobs/{digest}").body == LARGE


def test_a_range_of_a_damaged_blob_is_not_served(registry: tuple[Lading, Client]) -> None:
    lading, client = registry
    hello = Repository(client, "hello")
    digest = hello.push_blob(LARGE)
    one_less(lading.blob_path(LARGE))
    assert hello.ask("GET", f"/blobs/{digest}", range="bytes=0-9").status == 503


def _push_and_damage(lading: Lading, hello: Repository, body: str) -> str:
    """Push an image, then change the bytes of its manifest by an expression of SQL."""
    digest = hello.push_image("latest", SMALL)
    with closing(sqlite3.connect(lading.root / "lading/metadata.sqlite3")) as database, database:
        database.execute(f"UPDATE documents SET body = {body}")
    return digest


def test_a_damaged_manifest_is_not_served_and_a_push_heals_it(
    registry: tuple[Lading, Client],
) -> None:
    lading, client = registry
    hello = Repository(client, "hello")
    body = "CAST(replace(body, 'schema', 'scheme') AS BLOB)"
    digest = _push_and_damage(lading, hello, body)
    seen = hello.ask("GET", "/manifests/latest")
    assert seen.status == 503
    assert seen.codes == ["UNAVAILABLE"]
    assert lading.has_said(f"hello@{digest} is damaged")
    for reference in ("latest", digest):
        assert hello.ask("HEAD", f"/manifests/{reference}").status == 404
        assert hello.ask("GET", f"/manifests/{reference}").status == 404
    assert hello.push_manifest(image(SMALL), "latest") == digest
    assert hello.ask("GET", "/manifests/latest").status == 200


def test_whoever_asks_first_for_a_damaged_manifest_finds_out(
    registry: tuple[Lading, Client],
) -> None:
    lading, client = registry
    hello = Repository(client, "hello")
    digest = _push_and_damage(lading, hello, "x'7b7d'")
    assert hello.ask("HEAD", "/manifests/latest").status == 404
    assert lading.has_said(f"hello@{digest} is damaged")
    assert hello.push_manifest(image(SMALL), "latest") == digest
    assert hello.ask("GET", "/manifests/latest").status == 200


def test_a_blob_that_is_cut_short_while_it_is_sent_ends_the_answer_and_is_lost(
    tmp_path: Path,
) -> None:
    large = bytes(64 * 1024 * 1024)
    with lading_serve(tmp_path) as registry:
        hello = Repository(registry.client, "hello")
        digest = hello.push_blob(large)
        host, _, port = registry.host.partition(":")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(f"GET /v2/hello/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert line.recv(1000).startswith(b"HTTP/1.1 200")
            os.truncate(registry.blob_path(large), 1024)
            received = 0
            while data := line.recv(1024 * 1024):
                received += len(data)
            assert received < len(large)
        wait_until(lambda: "is damaged" in registry.log.read_text(), "the damage to be seen")
        assert registry.has_said("a response is cut short: ")
        assert "Traceback" not in registry.log.read_text()
        assert hello.ask("HEAD", f"/blobs/{digest}").status == 404


def test_blobs_are_not_lost_while_their_disk_is_away(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        hello = Repository(registry.client, "hello")
        hello.push_image("latest", LARGE)
        docker, away = registry.root / "docker", registry.root / "away"
        started_workers(registry)
        docker.rename(away)
        docker.mkdir()
        for method in ("GET", "HEAD"):
            assert hello.ask(method, f"/blobs/{digest_of(LARGE)}").status == 503
        docker.rmdir()
        away.rename(docker)
        assert hello.ask("GET", f"/blobs/{digest_of(LARGE)}").body == LARGE
