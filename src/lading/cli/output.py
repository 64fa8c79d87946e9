"""Output for programs and for people: JSON, and sizes in words."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

import click

from lading.core.timestamps import rfc3339
from lading.ports.objects import READING, UnusedBytes

# The answer for a program: all at once, or line by line as it is found.
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
JSON_LINES = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document per line instead."
)

# Names of times, as they are, or as they end behind an underscore.
_TIMES = frozenset({"at", "since", "until"})


def to_json(value: object) -> str:
    """The JSON of a value, its dataclasses as objects with the fields' names.

    Times, which are seconds since the epoch inside, are texts of RFC 3339: what is named `at`,
    `since` or `until`, or `…_at` and the like.
    """
    return json.dumps(_plain(value), ensure_ascii=False)


def plain(value: object) -> dict[str, object]:
    """A dataclass as a mapping of its fields."""
    assert is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _plain(value: object) -> object:
    """The value as JSON knows it."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        value = plain(value)
    if isinstance(value, Mapping):
        return {name: _member(name, member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value


def _member(name: str, value: object) -> object:
    if isinstance(value, int | float) and name.rpartition("_")[2] in _TIMES:
        return rfc3339(value)
    return _plain(value)


class JsonList:
    """A list in JSON that is printed item by item: there may be more than fit into memory."""

    def __init__(self) -> None:
        self._is_begun = False

    def add(self, item: object) -> None:
        """Print an item."""
        click.echo(", " if self._is_begun else "[", nl=False)
        click.echo(to_json(item), nl=False)
        self._is_begun = True

    def end(self, *, nl: bool = True) -> None:
        """Print the end."""
        click.echo("]" if self._is_begun else "[]", nl=nl)


_STEP = 1024


def human_size(size: int) -> str:
    """The size for a person: `1536` → `1.5 KiB`."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < _STEP or unit == "TiB":
            break
        value /= _STEP
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def unused_words(unused: UnusedBytes) -> str:
    """What an object store keeps that nothing needs, for a person."""
    return (
        f"{unused.objects} objects ({human_size(unused.size)}) that nothing needs are not freed"
        f" yet: they are kept for {READING / 3600:.0f} hours, as somebody may be reading them"
    )
