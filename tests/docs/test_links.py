"""Links of documents: each leads to a file of the repository, and to a heading in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY

_CODE = re.compile(r"```.*?```", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_PATH = re.compile(r"`((?:src|tests|docs|deploy|bench)/[\w./-]+)`")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)

FOLDERS = ("", "docs", "docs/decisions", "deploy")
DOCUMENTS = sorted(page for name in FOLDERS for page in (REPOSITORY / name).glob("*.md"))


def prose(page: Path) -> str:
    """The text of a document without its blocks of code."""
    return _CODE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The names of a document's headings, as GitHub makes them."""
    titles = (
        re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", title) for title in _HEADING.findall(prose(page))
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> Iterator[str]:
    """Links and paths of a document that lead nowhere."""
    for link in _LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link
    for path in _PATH.findall(prose(page)):
        if not any(REPOSITORY.glob(path)):
            yield path


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page)) == []
