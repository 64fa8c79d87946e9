"""Output for programs and for people: JSON, and sizes in words."""

import json
from dataclasses import fields, is_dataclass
from enum import Enum

import click


def to_json(value: object) -> str:
    """The JSON of a value, its dataclasses as objects with the fields' names."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def plain(value: object) -> dict[str, object]:
    """A dataclass as a mapping of its fields."""
    assert is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else plain(value)


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
