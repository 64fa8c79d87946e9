"""Output for programs and for people: JSON, sizes in words, and text that only reads.

What registries say, and what is in images, is written by strangers: all that commands print goes
through `say` or `clean`, so that no text moves a cursor, colours or hides a line, or forges one.
"""

import codecs
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, BinaryIO, cast

import click

from lading.core.timestamps import rfc3339
from lading.core.typing import T, override

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
    text = json.dumps(_plain(value), ensure_ascii=not _is_unicode())
    # By the escape of JSON a program reads the same text.
    return _escape(text, lambda char: json.dumps(char)[1:-1])


def say(text: str = "", *, err: bool = False, nl: bool = True, styled: str = "") -> None:
    """Print lines for whoever reads them; controls of a terminal in them are made visible.

    Args:
        text: lines, maybe with tabs; what strangers say in one of them is `clean`.
        err: whether it goes to standard error.
        nl: whether the last line ends.
        styled: what of ours stands before it, with its colours.
    """
    try:
        click.echo(styled + clean_lines(text), err=err, nl=nl)
    except OSError as error:
        if err:  # as where a log is on a full disk: what is being done goes on
            return
        if error.errno == errno.EPIPE:  # who reads has had enough: click ends quietly
            raise
        raise unwritten(error) from error


def answer(found: T, tell: Callable[[T], object], *, as_json: bool) -> None:
    """Print what a command has found: as JSON, or as it is told to a person."""
    if as_json:
        say(to_json(found))
    else:
        tell(found)


def say_wait(why: str, seconds: float) -> None:
    """Say that a request is sent again later, if that is long enough to be noticed."""
    if seconds >= 1:
        say(f"waiting {seconds:.0f} s: {why}", err=True)


def unwritten(error: OSError) -> click.ClickException:
    """The end of a command whose answer cannot be written: nothing more of it is tried."""
    # What is left in the buffer would be tried again at the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stdout.fileno())
    return click.ClickException(f"the answer cannot be written: {error.strerror}")


def clean(text: str) -> str:
    """A text within a line: whoever pushed it writes neither lines nor colours of theirs.

    What is no letter, sign or space (controls, marks that turn the direction of writing, what
    is no Unicode) stands there as in Python's source: `\\x1b`.
    """
    return _escape(text, lambda char: char.encode("unicode_escape").decode())


def clean_lines(text: str) -> str:
    """Lines and their tabs as they are, all else as `clean` has it."""
    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" else clean(char) for char in text)


def binary_output() -> BinaryIO:
    """Standard output for bytes that are not ours: verbatim, but for what a terminal obeys."""
    return cast("BinaryIO", _ForTerminals()) if sys.stdout.isatty() else sys.stdout.buffer


class _ForTerminals(io.RawIOBase):
    """Bytes for a terminal, as text without its controls."""

    def __init__(self) -> None:
        super().__init__()
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    @override
    def write(self, data: Any, /) -> int:
        say(self._decoder.decode(data), nl=False)
        return len(data)

    @override
    def flush(self) -> None:
        say(self._decoder.decode(b"", final=True), nl=False)


def _is_unicode() -> bool:
    """Whether all letters can be written to standard output."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return encoding.lower().startswith("utf")


def _escape(text: str, how: Callable[[str], str]) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else how(char) for char in text)


def plain(value: object) -> dict[str, object]:
    """A dataclass as a mapping of its fields."""
    from dataclasses import fields, is_dataclass  # noqa: PLC0415 - for programs only

    assert is_dataclass(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _plain(value: object) -> object:
    """The value as JSON knows it."""
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "__dataclass_fields__"):
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
        say(", " if self._is_begun else "[", nl=False)
        say(to_json(item), nl=False)
        self._is_begun = True

    def end(self, *, nl: bool = True) -> None:
        """Print the end."""
        say("]" if self._is_begun else "[]", nl=nl)


_STEP = 1024


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number of things: `1 tag`, `2 tags`, `2 repositories`."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def human_size(size: int) -> str:
    """The size for a person: `1536` → `1.5 KiB`."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < _STEP or unit == "TiB":
            break
        value /= _STEP
    return counted(size, "byte") if unit == "bytes" else f"{value:.1f} {unit}"
