"""The words of docs/vocabulary.md are those of the code, as far as a program can tell."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY

# What people see: a column, and fields of JSON.
SHOWN = {"explanation", "loose_at"}
SOURCE = REPOSITORY / "src" / "lading"
ROOMS = sorted(path.name for path in SOURCE.glob("[a-z]*") if path.is_dir())

Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def definitions(path: Path) -> Iterator[Named]:
    """Return the classes and functions of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Named):
            yield node


def names(path: Path) -> Iterator[str]:
    """Return all names that a file gives: its own, and those of classes, functions and values."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Named):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def words(name: str) -> set[str]:
    """Split a name: `find_keepers` and `FindKeepers` are two words each."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def unused() -> set[str]:
    """Read the words that the vocabulary has in no name."""
    rows = re.findall(r"^\|.*\|(.*)\|$", (REPOSITORY / "docs/vocabulary.md").read_text(), re.M)
    return {word for row in rows for word in re.findall(r"`(\w+)`", row)}


def test_a_class_name_stands_for_one_thing() -> None:
    """Who reads a name in a message or an import need not ask which one it is."""
    classes = Counter(
        node.name
        for path in SOURCE.rglob("*.py")
        for node in definitions(path)
        if isinstance(node, ast.ClassDef)
    )

    assert [name for name, count in classes.items() if count > 1] == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_has_a_word_that_the_vocabulary_gave_up(room: str) -> None:
    """The vocabulary's last column has the words, in code."""
    assert unused()
    for path in (SOURCE / room).rglob("*.py"):
        for name in names(path):
            assert name in SHOWN or not words(name) & unused(), f"{path}: {name}"


@pytest.mark.parametrize("room", ROOMS)
def test_no_docstring_only_points_to_another(room: str) -> None:
    """What overrides a documented method says so with `@override`, and needs no words."""
    for path in (SOURCE / room).rglob("*.py"):
        for node in definitions(path):
            assert not re.fullmatch(r"See (the class|`.*`)\.?", ast.get_docstring(node) or ""), (
                f"{path}: {node.name}"
            )
