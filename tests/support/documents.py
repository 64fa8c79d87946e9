"""Documents: what they tell people to type, so that a test can type it."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import REPOSITORY


@dataclass(frozen=True)
class Command:
    """A command: the line after `$`, and the lines that are to come of it."""

    line: str
    output: str


def commands(document: str, heading: str) -> Sequence[Command]:
    """Return the commands under a heading, in their order.

    Args:
        document: its path in the repository.
        heading: without the signs before it.
    """
    console = "".join(blocks(document, heading, "console"))
    parts = re.split(r"^\$ (.+)\n", console, flags=re.MULTILINE)
    return [Command(line, out.strip()) for line, out in zip(parts[1::2], parts[2::2], strict=True)]


def blocks(document: str, heading: str, language: str) -> Sequence[str]:
    """Return the fenced blocks of a language under a heading."""
    [section] = re.findall(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)",
        Path(REPOSITORY / document).read_text(),
        re.MULTILINE | re.DOTALL,
    )
    found = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert found, f"{document} has no {language} under {heading!r}"
    return [textwrap.dedent(block) for block in found]
