"""An empty registry in or near the directory of another one says whose that is, and what to do."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lading.wiring import neighbours
from lading.wiring.neighbours import warn_of_neighbours
from tests.support.adopting import fill
from tests.support.distribution import Tree
from tests.support.lading import lading_serve
from tests.support.layouts import write_layout
from tests.support.pushes import Repository


def warnings(root: Path, caplog: pytest.LogCaptureFixture) -> str:
    warn_of_neighbours(root, root / "lading/metadata.sqlite3")
    return caplog.text


@pytest.mark.parametrize("name", ["", "alpine", "team/app"])
def test_the_directory_of_zot_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (tmp_path / "zot").mkdir()
    (tmp_path / "zot/cache.db").touch()
    write_layout(tmp_path / "zot" / name)
    said = warnings(tmp_path / "zot", caplog)
    assert f"{name or 'itself'} among them" in said
    assert f"`lading import {tmp_path}/zot`" in said


@pytest.mark.parametrize(
    ("named", "volume"),
    [
        ("harbor", "harbor/registry"),
        ("distribution/docker", "distribution"),
        ("distribution/docker/registry", "distribution"),
        ("distribution/docker/registry/v2", "distribution"),
    ],
)
def test_a_volume_of_distribution_above_or_below_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, named: str, volume: str
) -> None:
    fill(Tree(tmp_path / volume))
    assert f"`lading adopt {tmp_path / volume}`" in warnings(tmp_path / named, caplog)


def test_nothing_is_said_of_an_empty_directory_nor_of_strangers_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "photos/2024").mkdir(parents=True)
    (tmp_path / "photos/2024/oci-layout.jpg").touch()
    for name in ("empty", "photos", "missing"):
        assert warnings(tmp_path / name, caplog) == ""


@pytest.mark.parametrize("kind", ["volume", "layout"])
def test_a_disks_own_folder_hides_nothing_and_stops_no_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """`lost+found` is root's alone, at the top of every disk of ext4."""
    (tmp_path / "lost+found").mkdir()
    if kind == "volume":
        fill(Tree(tmp_path / "registry"))
    else:
        write_layout(tmp_path / "zot")

    def of_others(call: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(path: Any, *args: Any, **kwargs: Any) -> Any:
            if "lost+found/" in f"{path}" or (call is listdir and "lost+found" in f"{path}"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return call(path, *args, **kwargs)

        return refuse

    listdir = os.listdir
    for call in (os.stat, os.listdir, os.scandir):
        monkeypatch.setattr(os, call.__name__, of_others(call))
    assert ("`lading adopt" if kind == "volume" else "zot among them") in warnings(tmp_path, caplog)


def test_of_a_large_directory_no_more_is_read_than_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("a/1", "a/2", "a/3", "a/4", "b/1", "c/1"):
        (tmp_path / place).mkdir(parents=True)
    read: list[Path] = []
    names = neighbours._names

    def note(folder: Path) -> list[str]:
        read.append(folder)
        return names(folder)

    monkeypatch.setattr(neighbours, "_names", note)
    monkeypatch.setattr(neighbours, "FOLDERS", 3 + 4)
    assert list(neighbours.volumes_near(tmp_path)) == []
    assert read == [tmp_path, tmp_path / "a"]


def test_a_start_says_so_as_long_as_it_is_empty(tmp_path: Path) -> None:
    write_layout(tmp_path / "data" / "alpine")
    with lading_serve(tmp_path) as registry:
        assert registry.has_said("alpine among them, which are not served")
        Repository(registry.client, "hello").push_image("latest", b"a layer")
    with lading_serve(tmp_path) as registry:
        assert registry.client.ask("GET", "/v2/").status == 200
        assert "alpine" not in registry.log.read_text()


def test_whatever_the_umask_nobody_else_may_write_what_is_made(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with lading_serve(tmp_path) as registry:
            Repository(registry.client, "hello").push_image("latest", b"a layer")
            made = list(registry.root.rglob("*"))
            assert registry.blob_path(b"a layer") in made
            assert [each for each in made if each.stat().st_mode & stat.S_IWOTH] == []
    finally:
        os.umask(before)
