"""Examples of commands: data next to each command, printed below its help, and run by tests."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

REGISTRY = "registry.example.com"
"""The registry of somebody else in all examples."""


class Example(NamedTuple):
    """An example of a command.

    Attributes:
        line: as it is typed.
        says: what it is for.
        exit_code: that it ends with, where `app:1.0`, `app:1.1` and `tools/lint:2` are there.
    """

    line: str
    says: str
    exit_code: int = 0


_EXAMPLES = "lading.examples"  # the attribute of a command that has them


def with_examples(*examples: Example) -> Callable[[click.Command], click.Command]:
    """A decorator that puts examples below the help of a command."""

    def add(command: click.Command) -> click.Command:
        command.epilog = _text(examples)
        setattr(command, _EXAMPLES, examples)
        return command

    return add


def examples_of(command: click.Command) -> Sequence[Example]:
    """The examples of a command; none if it has none."""
    found: Sequence[Example] = getattr(command, _EXAMPLES, ())
    return found


def _text(examples: Sequence[Example]) -> str:
    lines = [f"{example.line}\n    {example.says}" for example in examples]
    # Click leaves a paragraph as it is that begins so.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for text in lines for line in text.split("\n"))
