"""Output for programs: one JSON document, made of the values that people are told in words."""

import json
from dataclasses import fields, is_dataclass
from enum import Enum


def to_json(value: object) -> str:
    """The JSON of a value, its dataclasses as objects with the fields' names."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def plain(value: object) -> dict[str, object]:
    """A dataclass as a mapping of its fields."""
    assert is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else plain(value)
