"""Documents name files, folders and commands that are there."""

import re
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY

ROOMS = {path.stem for path in (REPOSITORY / "src" / "lading").iterdir()}
# What `build` has, commands have made.
FOLDERS = ROOMS | {path.name for path in REPOSITORY.iterdir() if path.is_dir()} - {"build"}
DOCUMENTS = [
    path.relative_to(REPOSITORY)
    for pattern in ("*.md", "docs/*.md", "docs/decisions/*.md")
    for path in sorted(REPOSITORY.glob(pattern))
]


def is_there(name: str) -> bool:
    """Tell whether there is a file or folder: in the repository or the source, or a name in it."""
    return any(
        list(root.glob(path + end))
        for root in (REPOSITORY, REPOSITORY / "src" / "lading")
        for path in {name, name.rpartition(".")[0] or name}
        for end in ("", ".py")
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_path_leads_somewhere(document: Path) -> None:
    """What is written as `room/file` or `tests/folder` is found there."""
    paths = re.findall(r"`(\w+/[\w./*]+)`", (REPOSITORY / document).read_text())

    assert [path for path in paths if path.split("/")[0] in FOLDERS and not is_there(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_target_of_make_is_there(document: Path) -> None:
    """`make help` lists what a document tells people to run."""
    targets = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:`|\$ )make ([\w-]+)", (REPOSITORY / document).read_text())

    assert set(named) <= set(targets)


def test_every_python_that_is_promised_is_one_to_test_with() -> None:
    """By `make test-pythons`, as far as it is where that is run."""
    promised = re.findall(r"Python :: (3\.\d+)", (REPOSITORY / "pyproject.toml").read_text())
    [listed] = re.findall(r"^PYTHONS := (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)

    assert listed.split() == [f"python{version}" for version in promised]


def test_every_folder_of_tests_is_listed() -> None:
    """Those of CONTRIBUTING.md, and those that mirror a room of the source."""
    listed = re.findall(r"`tests/(\w+)", (REPOSITORY / "CONTRIBUTING.md").read_text())
    there = {path.parent.name for path in REPOSITORY.glob("tests/*/*.py")}

    assert there - ROOMS <= set(listed)
