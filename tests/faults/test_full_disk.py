"""No space left: pushes are told so, pulls go on, nothing half-written stays, and it passes."""

import os
from pathlib import Path

import pytest

from tests.faults.conftest import MIB
from tests.support.client import Answer
from tests.support.lading import Lading, lading_serve
from tests.support.pushes import Repository, digest_of, encode, image
from tests.support.volumes import Volume, small_volume

pytestmark = pytest.mark.e2e

LAYER = os.urandom(MIB)


def assert_full(answer: Answer) -> None:
    assert answer.status == 507, answer
    assert answer.codes == ["UNAVAILABLE"]
    assert "full" in answer.json["errors"][0]["message"]
    assert answer.headers["Retry-After"]


def chunks(data: bytes) -> list[bytes]:
    """Sent as chunks, so that nobody knows the length before the end."""
    return [data[start : start + 65536] for start in range(0, len(data), 65536)]


def staged(registry: Lading) -> dict[str, int]:
    """Uploads, with the sizes of their files; each one's name begins with the upload's."""
    files = (registry.root / "lading/uploads").glob("*/*")
    return {path.name[:36]: path.stat().st_size for path in files}


def test_a_push_that_needs_the_reserve_is_refused_before_it_is_sent(
    registry: Lading, volume: Volume
) -> None:
    hello = Repository(registry.client, "hello")
    location = hello.start_upload()
    size = volume.free - 8 * MIB + 1
    with registry.client.connection() as connection:
        connection.request("PATCH", location, content_length=str(size), expect="100-continue")
        assert_full(connection.receive())
    assert hello.ask("GET", location.removeprefix(hello.path)).headers["Range"] == "0-0"

    volume.fill(leave=8 * MIB - 4096)
    assert_full(hello.ask("POST", "/blobs/uploads/"))
    assert_full(hello.ask("POST", f"/blobs/uploads/?digest={digest_of(b'x')}", b"x"))
    assert_full(hello.put_manifest(image(), "latest"))
    assert list(staged(registry)) == [location.rpartition("/")[2]]


def test_the_reserve_is_enough_to_delete_and_to_make_room(registry: Lading, volume: Volume) -> None:
    hello = Repository(registry.client, "hello")
    digest = hello.push_image("latest", LAYER)
    volume.fill(leave=4 * MIB)
    assert hello.ask("DELETE", f"/manifests/{digest}").status == 202
    done = registry.run("garbage-collect")
    assert b"2 blobs" in done.stdout
    assert volume.free > 4 * MIB


def test_a_stream_that_meets_the_end_of_the_disk_is_undone(
    registry: Lading, volume: Volume
) -> None:
    hello = Repository(registry.client, "hello")
    digest = hello.push_image("latest", LAYER)
    location = hello.start_upload()
    upload = location.removeprefix(hello.path)
    assert hello.ask("PATCH", upload, b"begun").status == 202
    volume.fill(leave=12 * MIB)
    before = volume.free
    much = os.urandom(16 * MIB)

    assert_full(hello.ask("PATCH", upload, chunks(much)))
    assert_full(hello.ask("PUT", f"{upload}?digest={digest_of(b'begun' + much)}", chunks(much)))
    assert_full(hello.ask("POST", f"/blobs/uploads/?digest={digest_of(much)}", chunks(much)))
    assert staged(registry)[location.rpartition("/")[2]] == 5
    assert sum(staged(registry).values()) == 5
    assert volume.free > before - 64 * 1024
    # Pulls go on.
    assert hello.ask("GET", f"/manifests/{digest}").status == 200
    assert hello.ask("GET", f"/blobs/{digest_of(LAYER)}").body == LAYER

    volume.clear()
    assert hello.ask("PATCH", upload, chunks(much)).status == 202
    answer = hello.ask("PUT", f"{upload}?digest={digest_of(b'begun' + much)}")
    assert answer.status == 201
    assert b"all is well" in registry.run("verify", "--checksums").stdout


def test_wherever_the_disk_ends_a_push_is_whole_or_refused(
    careless: Lading, volume: Volume
) -> None:
    """It may end in a write, a new file, a directory, a rename, or the database's log."""
    hello = Repository(careless.client, "hello")
    kept = hello.push_image("kept", LAYER)
    pushed: list[tuple[str, bytes]] = []
    answers: set[int] = set()
    for pages in (*range(24), *range(24, 600, 24)):
        volume.clear()
        volume.fill(leave=pages * 4096)
        layer = os.urandom(200_000)
        tag = f"tag{pages}"
        got = [answer.status for answer in push_as_far_as_possible(hello, tag, layer)]
        answers.update(got)
        if got[-1] == 201 and len(got) == 4:
            pushed.append((tag, layer))
        assert hello.ask("GET", f"/manifests/{kept}").status == 200
        assert hello.ask("GET", f"/blobs/{digest_of(LAYER)}").body == LAYER
    assert answers == {201, 202, 507}
    assert pushed

    volume.clear()
    hello.push_image("after", b"there is space again")
    for tag, layer in pushed:
        assert hello.ask("GET", f"/manifests/{tag}").body == encode(image(layer))
        assert hello.ask("GET", f"/blobs/{digest_of(layer)}").body == layer
    log = careless.log.read_text()
    assert "Traceback" not in log
    careless.run("garbage-collect")
    assert b"all is well" in careless.run("verify", "--checksums").stdout


def push_as_far_as_possible(repository: Repository, tag: str, layer: bytes) -> list[Answer]:
    """Push an image, step by step, until a step is refused."""
    started = repository.ask("POST", "/blobs/uploads/")
    if started.status != 202:
        return [started]
    upload = started.headers["Location"].removeprefix(repository.path)
    steps: list[tuple[str, str, bytes | list[bytes]]] = [
        ("PATCH", upload, chunks(layer)),
        ("PUT", f"{upload}?digest={digest_of(layer)}", b""),
    ]
    answers = [started]
    for method, path, body in steps:
        answers.append(repository.ask(method, path, body))
        if answers[-1].status not in {201, 202}:
            return answers
    repository.ask("POST", f"/blobs/uploads/?digest={digest_of(b'{}')}", b"{}")
    answers.append(repository.put_manifest(image(layer), tag))
    return answers


@pytest.mark.parametrize("kind", ["ext4", "tmpfs"])
def test_a_disk_without_room_for_another_file_is_full(kind: str, tmp_path: Path) -> None:
    with (
        small_volume(kind, tmp_path / "data", size=64 * MIB, inodes=400) as volume,
        lading_serve(tmp_path, env={"REGISTRY_STORAGE_FILESYSTEM_RESERVE": "0"}) as registry,
    ):
        hello = Repository(registry.client, "hello")
        hello.push_image("latest", LAYER)
        strangers = volume.path / "strangers"
        strangers.mkdir()
        for number in range(1000):
            try:
                (strangers / str(number)).touch()
            except OSError:
                break
        assert_full(hello.ask("POST", "/blobs/uploads/"))
        assert hello.ask("GET", f"/blobs/{digest_of(LAYER)}").body == LAYER
        for number in range(100):
            (strangers / str(number)).unlink()
        hello.push_image("after", b"there is room again")


@pytest.mark.parametrize("words", [["serve"], ["garbage-collect"], ["token", "ls"]])
def test_what_cannot_begin_on_a_full_disk_says_that_it_is_full(
    words: list[str], tmp_path: Path
) -> None:
    """Where no server runs any more: SQLite makes files beside the database, and says less."""
    with small_volume("tmpfs", tmp_path / "data", size=128 * MIB) as volume:
        with lading_serve(tmp_path) as registry:
            Repository(registry.client, "hello").push_image("latest", LAYER)
        volume.fill()
        done = registry.run(*words, check=False)
    assert done.returncode == 1
    assert b"No space left on device; free some space there first" in done.stderr
