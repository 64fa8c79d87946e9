"""Files that others change: a change shows, and nothing else does."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lading.system.watching import WatchedFiles, state_of


def _write(path: Path) -> None:
    path.write_text("other")


def _write_as_much_at_the_same_time(path: Path) -> None:
    path.write_text("news")
    os.utime(path, (1, 1))


def _replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_text("text")
    os.utime(new, (1, 1))
    new.replace(path)


def _turn_a_link(path: Path) -> None:
    elsewhere, link = path.with_name("elsewhere"), path.with_name("link")
    elsewhere.write_text("text")
    link.symlink_to(elsewhere)
    link.replace(path)


CHANGES: list[Callable[[Path], None]] = [
    _write,
    _write_as_much_at_the_same_time,
    _replace,
    _turn_a_link,
    Path.unlink,
    lambda path: path.chmod(0o400),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_shows_once(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Of one of several files."""
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        path.write_text("text")
        os.utime(path, (1, 1))
    files = WatchedFiles(*paths)
    assert [files.have_changed() for _ in range(3)] == [True, False, False]
    change(paths[1])
    assert [files.have_changed() for _ in range(3)] == [True, False, False]


def test_a_file_that_comes_and_one_that_does_not(tmp_path: Path) -> None:
    """What is not there has a state, too."""
    files = WatchedFiles(tmp_path / "file")
    assert [files.have_changed() for _ in range(2)] == [True, False]
    (tmp_path / "file").touch()
    assert [files.have_changed() for _ in range(2)] == [True, False]


def test_an_open_file_shows_what_becomes_of_its_path(tmp_path: Path) -> None:
    """It was removed, or another is in its place."""
    path = tmp_path / "file"
    for change in (Path.unlink, _replace):
        path.write_text("text")
        with path.open() as file:
            state = state_of(file.fileno())
            assert state == state_of(path)
            change(path)
            assert state_of(file.fileno()) != state
