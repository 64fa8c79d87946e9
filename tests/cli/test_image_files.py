"""`lading files`, `lading cat`, `lading diff`: what is inside images, and in what they differ."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping

import pytest

from lading.testing import Registry
from tests.cli.conftest import Ours
from tests.support.client import Client
from tests.support.pushes import OCI_INDEX, Repository, encode


def test_files_are_those_that_a_program_would_see(ours: Ours, theirs: Registry) -> None:
    here = ours.json("files", "app:1.1")

    assert [(file["path"], file["kind"], file["layer"]) for file in here] == [
        ("etc", "directory", 1),
        ("etc/motd", "file", 2),
        ("usr", "directory", 1),
        ("usr/bin", "directory", 1),
        ("usr/bin/app", "file", 1),
    ]
    assert ours.json("files", f"{theirs.host}/app:1.1") == here
    assert [file["path"] for file in ours.json("files", "app:1.1", "/usr/bin/")] == [
        "usr/bin",
        "usr/bin/app",
    ]
    assert ours.run("files", "app:1.1", "nothing").exit_code == 3


def test_a_layer_alone_is_listed(ours: Ours) -> None:
    assert [file["path"] for file in ours.json("files", "app:1.1", "--layer", "2")] == [
        "etc",
        "etc/motd",
    ]
    assert ours.run("files", "app:1.1", "--layer", "3").exit_code == 2


def test_a_file_is_printed_byte_for_byte(ours: Ours, theirs: Registry) -> None:
    assert ours.run("cat", "app:1.0", "etc/motd").stdout_bytes == b"hello\n"
    assert ours.run("cat", f"{theirs.host}/app:1.1", "/etc/motd").stdout_bytes == b"new\n"
    assert ours.run("cat", "app:1.1", "usr/bin/app").stdout_bytes == b"x" * 5000
    assert ours.run("cat", "app:1.1", "nothing").exit_code == 3
    assert ours.run("cat", "app:1.1", "etc").exit_code == 1


Change = Callable[[tarfile.TarInfo], None]


def layer(files: Mapping[str, bytes | Change]) -> bytes:
    """A layer, of contents or of whatever a member is made to be."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            data = b""
            if isinstance(content, bytes):
                data = content
                member.size = len(data)
            else:
                content(member)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getvalue())


def link(target: str, kind: bytes = tarfile.SYMTYPE) -> Change:
    """A link to a path."""

    def make(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = kind, target

    return make


def test_links_are_followed(ours: Ours, theirs: Registry) -> None:
    files: dict[str, bytes | Change] = {
        "data/real": b"found",
        "data/relative": link("../data/./real"),
        "absolute": link("/data/relative"),
        "hard": link("data/real", tarfile.LNKTYPE),
        "folder": link("data"),
        "circle": link("/circle"),
        "upwards": link("../../../data/real"),
        "lost": link("nowhere"),
    }
    Repository(Client(theirs.host), "links").push_image("1", layer(files))
    image = f"{theirs.host}/links:1"

    for path in ("data/relative", "absolute", "hard", "folder/real", "upwards"):
        assert ours.run("cat", image, path).stdout_bytes == b"found", path
    for path in ("circle", "lost"):
        assert ours.run("cat", image, path).exit_code == 3, path


def test_upper_layers_hide_what_is_below(ours: Ours, theirs: Registry) -> None:
    """Whatever the order in which a layer says it."""
    lower = layer({"a/one": b"1", "a/two": b"2", "b/three": b"3", "c": b"4", "d/five": b"5"})
    upper = layer({"a/new": b"n", "a/.wh..wh..opq": b"", ".wh.b": b"", "d": b"no directory"})
    Repository(Client(theirs.host), "hiding").push_image("1", lower, upper)

    found = ours.json("files", f"{theirs.host}/hiding:1")
    assert [file["path"] for file in found] == ["a", "a/new", "c", "d"]
    alone = ours.run("files", f"{theirs.host}/hiding:1", "--layer", "2").stdout
    assert "hides\t\tb (it)" in alone
    assert "hides\t\ta (all below it)" in alone


def test_another_platform_than_this_machine_s_is_said(
    ours: Ours, theirs: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what says how an image was built is none."""
    theirs.push_image("app:arm", platforms=["linux/arm64"], files={"motd": "of arm"})
    [image] = theirs.manifest("app:arm")["manifests"]
    built = {**image, "platform": {"os": "unknown", "architecture": "unknown"}}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [built, image]}
    Repository(Client(theirs.host), "app").push_manifest(index, "built")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    result = ours.run("cat", f"{theirs.host}/app:built", "motd")

    assert result.stdout == "of arm"
    assert "no image for linux/amd64: this is the one for linux/arm64" in result.stderr


def test_an_image_of_an_index_is_chosen_by_its_platform(ours: Ours) -> None:
    assert ours.run("files", "app:1.10", "--platform", "linux/arm64").exit_code == 0
    missing = ours.run("files", "app:1.10", "--platform", "linux/s390x")
    assert missing.exit_code == 3
    assert "linux/amd64, linux/arm64" in missing.stderr


def test_an_index_of_nothing_has_no_files(ours: Ours, theirs: Registry) -> None:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    there = Repository(Client(theirs.host), "nothing")
    assert there.put_manifest(encode(document), "1", content_type=OCI_INDEX).status == 201

    result = ours.run("files", f"{theirs.host}/nothing:1")

    assert result.exit_code == 3
    assert "names no image" in result.stderr


def test_what_is_no_archive_is_told(ours: Ours, theirs: Registry) -> None:
    Repository(Client(theirs.host), "broken").push_image("1", b"\x1f\x8b nothing")

    result = ours.run("files", f"{theirs.host}/broken:1")

    assert result.exit_code == 1
    assert "layer 1, sha256:" in result.stderr


def test_images_that_are_the_same_have_no_difference(ours: Ours, theirs: Registry) -> None:
    result = ours.run("diff", "app:1.0", f"{theirs.host}/app:1.0", "--files")

    assert (result.exit_code, result.stdout) == (0, "")


def test_a_difference_is_said_by_its_kind(ours: Ours) -> None:
    result = ours.run("diff", "app:1.0", "app:1.1", "--json")

    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert [(found["kind"], found["before"] and "x") for found in said["differences"]] == [
        ("digest", "x"),
        ("label", "x"),
        ("layer", ""),
    ]


def test_files_are_compared_by_their_contents(ours: Ours, theirs: Registry) -> None:
    """Also where size and mode are the same."""
    theirs.push_image("d:1", files={"same": "1", "changed": "old", "gone": "x", "mode": "m"})
    theirs.push_image("d:2", files={"same": "1", "changed": "new", "came": "y", "mode": "m"})

    result = ours.run("diff", f"{theirs.host}/d:1", f"{theirs.host}/d:2", "--files", "--json")

    files = [it for it in json.loads(result.stdout)["differences"] if it["kind"] == "file"]
    assert [(file["name"], bool(file["before"]), bool(file["after"])) for file in files] == [
        ("came", False, True),
        ("changed", True, True),
        ("gone", True, False),
    ]
    assert files[1]["before"].startswith("sha256:")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("words", [["app:1.0", "app:9"], ["app:1.0", "127.0.0.1:1/app:1"]])
def test_what_cannot_be_compared_is_trouble(ours: Ours, words: list[str]) -> None:
    result = ours.run("diff", *words)

    assert result.exit_code == 2
    assert result.stdout == ""
