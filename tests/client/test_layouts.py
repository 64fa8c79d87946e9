"""Folders as OCI image layouts: what others wrote there stays, and what is no layout is said so."""

import fcntl
import json
import os
import resource
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lading.client import Client, LayoutFolder
from lading.client.errors import ClientError, ContentWrong, NotThere
from lading.client.layout_files import clear_drafts, write_whole
from lading.client.places import BlobContent, RemoteManifest
from lading.core import media
from lading.core.digest import Digest
from lading.core.images.layout_names import REF_NAME
from lading.system.regular_files import open_to_read


def some_manifest(number: int) -> RemoteManifest:
    body = json.dumps({"schemaVersion": 2, "layers": [], "annotations": {"number": str(number)}})
    return RemoteManifest(Digest.of(body.encode()), media.OCI_MANIFEST, body.encode())


def index_of(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "index.json").read_bytes())
    assert isinstance(found, dict)
    return found


def test_what_others_wrote_into_the_index_stays(tmp_path: Path) -> None:
    written = {"schemaVersion": 2, "annotations": {"a": "b"}, "manifests": [], "x-of-others": [1]}
    (tmp_path / "index.json").write_text(json.dumps(written))

    LayoutFolder(tmp_path).push_manifest("v1", some_manifest(1))

    found = index_of(tmp_path)
    assert [entry["digest"] for entry in found.pop("manifests")] == [some_manifest(1).digest]
    written.pop("manifests")
    assert found == written


def test_writers_at_the_same_time_lose_nothing_of_each_other(tmp_path: Path) -> None:
    """Each is a command of its own, with what it knows of the folder."""

    def push(writer: int) -> None:
        for number in range(20):
            LayoutFolder(tmp_path).push_manifest(f"v{writer}-{number}", some_manifest(number))

    writers = [threading.Thread(target=push, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(set(LayoutFolder(tmp_path).tags())) == 80


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("nothing")
    place = LayoutFolder(tmp_path / "file")
    with pytest.raises(ClientError, match="Not a directory"):
        list(place.tags())
    with pytest.raises(ClientError, match=r"exists|Not a directory"):
        place.push_manifest("v1", some_manifest(1))


@pytest.mark.parametrize("text", ["[]", "null", "{", "[" * 100_000])
def test_an_index_that_is_none_is_said_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ClientError, match="is no index of an OCI image layout"):
        list(LayoutFolder(tmp_path).tags())


def test_an_index_of_holes_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "index.json").touch()
    os.truncate(tmp_path / "index.json", 1 << 34)

    with pytest.raises(ClientError, match="has more than"):
        list(LayoutFolder(tmp_path).tags())


def test_a_manifest_that_is_listed_and_gone_is_not_there(tmp_path: Path) -> None:
    LayoutFolder(tmp_path).push_manifest("v1", some_manifest(1))
    (tmp_path / "blobs" / "sha256" / Digest(some_manifest(1).digest).hex).unlink()
    with pytest.raises(NotThere):
        LayoutFolder(tmp_path).manifest("v1")


def test_a_named_pipe_is_waited_for_by_nobody(tmp_path: Path) -> None:
    layout, blob = LayoutFolder(tmp_path), Digest.of(b"a layer")
    layout.push_manifest("v1", some_manifest(1))
    os.mkfifo(tmp_path / "blobs/sha256" / blob.hex)

    assert not layout.has_blob(blob)
    with pytest.raises(ClientError, match="no regular file"):
        list(layout.blob(blob))

    (tmp_path / "index.json").unlink()
    os.mkfifo(tmp_path / "index.json")
    with pytest.raises(ClientError, match="no regular file"):
        list(layout.tags())


@pytest.mark.parametrize(
    ("annotations", "tag"),
    [
        ({"org.opencontainers.image.ref.name": "v1"}, "v1"),
        ({"org.opencontainers.image.ref.name": "docker.io/library/alpine:3.20"}, "3.20"),
        ({"org.opencontainers.image.ref.name": "alpine:3.20"}, "3.20"),
        ({"org.opencontainers.image.ref.name": "r.example.com:5000/team/app"}, "latest"),
        ({"org.opencontainers.image.ref.name": f"r:5000/app:2@sha256:{'a' * 64}"}, "2"),
        ({"org.opencontainers.image.ref.name": f"r:5000/app@sha256:{'a' * 64}"}, ""),
        ({"io.containerd.image.name": "docker.io/library/alpine:3.20"}, "3.20"),
        (
            {
                "io.containerd.image.name": "docker.io/library/alpine:3.20",
                "org.opencontainers.image.ref.name": "stable",
            },
            "stable",
        ),
        ({"org.opencontainers.image.ref.name": ""}, ""),
        ({}, ""),
    ],
)
def test_tags_are_read_as_other_tools_write_them(
    tmp_path: Path, annotations: dict[str, str], tag: str
) -> None:
    layout, image = LayoutFolder(tmp_path), some_manifest(1)
    layout.push_manifest("x", image)
    index = index_of(tmp_path)
    index["manifests"][0]["annotations"] = annotations
    (tmp_path / "index.json").write_text(json.dumps(index))

    assert list(layout.tags()) == ([tag] if tag else [])
    if tag:
        assert layout.manifest(tag).digest == image.digest


def test_an_index_of_many_images_is_written_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else ten times as many images would take a hundred times as long."""
    written, files = 0, set[bytes]()

    def counted(path: Path, pieces: Iterable[bytes]) -> None:
        nonlocal written
        body = b"".join(pieces)
        if path.name == "index.json":
            written += len(body)
            files.add(body)
        write_whole(path, [body])

    monkeypatch.setattr("lading.client.layout_index.write_whole", counted)
    place = LayoutFolder(tmp_path, many=True)
    for number in range(500):
        assert place.digest(f"v{number}") == ""
        place.push_manifest(f"v{number}", some_manifest(number))
        assert place.digest(f"v{number}") == some_manifest(number).digest
    place.settle()

    whole = (tmp_path / "index.json").stat().st_size
    assert written < 8 * whole
    assert list(LayoutFolder(tmp_path).tags()) == [f"v{number}" for number in range(500)]
    for body in files:  # whatever ended it, there was an index of images that are there
        for entry in json.loads(body)["manifests"]:
            assert place.has_blob(entry["digest"])


def test_an_index_is_written_after_some_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = LayoutFolder(tmp_path, many=True)
    for number in range(10):
        place.push_manifest(f"v{number}", some_manifest(number))
    place.settle()
    place.push_manifest("waits", some_manifest(10))
    assert len(index_of(tmp_path)["manifests"]) == 10

    monkeypatch.setattr("lading.client.layout_index._SECONDS", 0)
    place.push_manifest("last", some_manifest(11))

    assert len(index_of(tmp_path)["manifests"]) == 12


def test_what_could_not_be_listed_is_listed_later(tmp_path: Path) -> None:
    place = LayoutFolder(tmp_path, many=True)
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(ClientError):
        place.push_manifest("v1", some_manifest(1))

    (tmp_path / "index.json").unlink()
    place.settle()

    assert list(LayoutFolder(tmp_path).tags()) == ["v1"]


def test_the_last_one_of_a_tag_counts_though_it_waits(tmp_path: Path) -> None:
    place = LayoutFolder(tmp_path, many=True)
    for number in range(20):
        place.push_manifest(f"v{number}", some_manifest(number))
    place.settle()
    for number in (3, 4):
        place.push_manifest("v1", some_manifest(number))
    assert len(index_of(tmp_path)["manifests"]) == 20

    assert place.digest("v1") == place.manifest("v1").digest == some_manifest(4).digest
    assert list(place.tags()) == [f"v{number}" for number in (0, *range(2, 20), 1)]
    assert LayoutFolder(tmp_path).digest("v1") == some_manifest(4).digest


def test_what_a_killed_command_was_writing_is_removed_and_nothing_of_a_living_one(
    tmp_path: Path,
) -> None:
    blobs = tmp_path / "blobs/sha256"
    blobs.mkdir(parents=True)
    names = ["dead", "alive", "young"]
    dead, alive, young = (blobs / f".lading-{name}" for name in names)
    others = blobs / ".of-others"
    for path in (dead, alive, young, others):
        path.write_bytes(b"half of a layer")
        if path != young:
            os.utime(path, (0, 0))

    with alive.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        LayoutFolder(tmp_path).push_manifest("v1", some_manifest(1))

    hidden = {path for path in blobs.iterdir() if path.name.startswith(".")}
    assert hidden == {alive, young, others}


def test_an_index_that_a_killed_command_was_writing_is_removed_and_no_pipe_is_waited_for(
    tmp_path: Path,
) -> None:
    dead, pipe = tmp_path / ".lading-dead", tmp_path / ".lading-pipe"
    dead.write_bytes(b"half of an index")
    os.mkfifo(pipe)
    for path in (dead, pipe):
        os.utime(path, (0, 0))

    LayoutFolder(tmp_path).push_manifest("v1", some_manifest(1))

    assert [*tmp_path.glob(".*")] == [pipe]


def test_what_finds_no_room_leaves_nothing_and_is_named(tmp_path: Path) -> None:
    """Here of files that may not be larger: Python notices it when its buffer is written."""
    body = b"x" * 5000
    layer = BlobContent(Digest.of(body), len(body), lambda _offset, _length: [body])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with pytest.raises(ClientError, match=f"{tmp_path}.*{Digest.of(body).hex}: File too large"):
            LayoutFolder(tmp_path).push_blob(layer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert [*(tmp_path / "blobs/sha256").iterdir()] == []


def test_a_blob_that_a_power_cut_left_short_is_written_again(tmp_path: Path) -> None:
    """No sync was waited for, so its name may be on the disk and its bytes not."""
    body = b"x" * 5000
    layer = BlobContent(Digest.of(body), len(body), lambda _offset, _length: [body])
    folder, path = LayoutFolder(tmp_path), tmp_path / f"blobs/sha256/{Digest.of(body).hex}"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")

    assert [folder.push_blob(layer), folder.push_blob(layer)] == [True, False]
    assert path.read_bytes() == body


def test_what_is_being_written_is_locked(tmp_path: Path) -> None:
    LayoutFolder(tmp_path).push_manifest("v1", some_manifest(1))
    blobs = tmp_path / "blobs/sha256"
    left: list[Path] = []

    def read(_offset: int, _length: int) -> Iterator[bytes]:
        yield b"half"
        for path in blobs.glob(".*"):
            os.utime(path, (0, 0))
        clear_drafts(blobs)
        left.extend(blobs.glob(".*"))
        yield b" and half"

    body = b"half and half"
    LayoutFolder(tmp_path).push_blob(BlobContent(Digest.of(body), len(body), read))

    assert len(left) == 1
    assert [*blobs.glob(".*")] == []


def test_a_folder_of_many_images_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is looked for by its tag, and all of them for what is about it."""
    place = LayoutFolder(tmp_path)
    for number in range(20):
        place.push_manifest(f"v{number}", some_manifest(number))
    opened: list[str] = []

    def counted(path: str) -> int:
        opened.append(Path(path).name)
        return open_to_read(path)

    monkeypatch.setattr("lading.client.layout_files.open_to_read", counted)
    place = LayoutFolder(tmp_path)
    for tag in [*place.tags()]:
        assert place.referrers(place.manifest(tag).digest) == []

    assert opened.count("index.json") == 1
    assert len(opened) == 1 + 2 * 20
    another = LayoutFolder(tmp_path)
    another.push_manifest("new", some_manifest(99))
    assert place.digest("new") == some_manifest(99).digest


def test_an_image_that_is_damaged_keeps_no_other_from_being_copied(tmp_path: Path) -> None:
    """Its own copy says so; but who knows what one without a tag is about."""
    place = LayoutFolder(tmp_path)
    for number in range(2):
        place.push_manifest(f"v{number}", some_manifest(number))
    file = tmp_path / "blobs" / "sha256" / Digest(some_manifest(0).digest).hex
    file.write_bytes(b"{}")
    assert place.referrers(some_manifest(1).digest) == []

    index = index_of(tmp_path)
    del index["manifests"][0]["annotations"]
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(ContentWrong):
        place.referrers(some_manifest(1).digest)


@pytest.mark.parametrize("annotations", [[1], "v1", {REF_NAME: ["v1"]}, {REF_NAME: "x y"}])
def test_what_is_no_tag_is_not_listed(tmp_path: Path, annotations: Any) -> None:
    LayoutFolder(tmp_path).push_manifest("v1", some_manifest(1))
    index = index_of(tmp_path)
    index["manifests"][0]["annotations"] = annotations
    (tmp_path / "index.json").write_text(json.dumps(index))
    assert list(LayoutFolder(tmp_path).tags()) == []


@pytest.mark.parametrize("kind", ["a/b\r\nX: y", "a/\ud800"])
def test_a_media_type_that_is_no_header_is_not_sent(kind: str) -> None:
    document = json.dumps({"schemaVersion": 2, "mediaType": kind}).encode()
    manifest = RemoteManifest(Digest.of(document), kind, document)
    with Client("127.0.0.1:1") as client, pytest.raises(ContentWrong, match="media type"):
        client.repository("app").push_manifest("1", manifest)
