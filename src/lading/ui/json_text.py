"""JSON as pages show it: on lines of its own, with every digest a link.

A document may be of some MiB. So it is written value by value, and others have their turns between.
"""

import json
import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from lading.core.digest import Digest
from lading.system.threads import LoopTurns

# Characters that indentation may add. What is nested deeper than people write is shown as it is.
_MOST_ADDED = 1024 * 1024
# Bytes of a value that is written in one go.
_SMALL = 2048
# How deep in each other values may be that are taken apart.
_DEEPEST = 30
# Digests that are links; those after them are not.
MOST_LINKS = 5000
_DIGEST = re.compile(r'"((?:sha256:[0-9a-f]{64})|(?:sha512:[0-9a-f]{128}))"')

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = json.JSONEncoder(indent=2, ensure_ascii=False)


class Piece(NamedTuple):
    """A piece of a text, and where it leads; empty if nowhere."""

    text: str
    href: str = ""


async def linked(body: bytes, link_of: Callable[[Digest], str]) -> Sequence[Piece]:
    """A document in pieces.

    Args:
        link_of: where a digest leads; empty if nowhere.
    """
    turns = LoopTurns()
    text = await _indented(body.decode(errors="replace"), turns)
    pieces: list[Piece] = []
    end = 0
    for found in islice(_DIGEST.finditer(text), MOST_LINKS):
        if href := link_of(Digest(found[1])):
            pieces += [Piece(text[end : found.start(1)]), Piece(found[1], href)]
            end = found.end(1)
        if turns.is_over:
            await turns.pause()
    return [*pieces, Piece(text[end:])]


async def _indented(text: str, turns: LoopTurns) -> str:
    writer = _IndentedText(len(text) + _MOST_ADDED, turns)
    try:
        await writer.write(text.strip(" \t\r\n").encode())
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return text
    return "".join(writer.written)


class _IndentedText:
    """A text of indented JSON, as it is written.

    Args:
        most: characters that it may have.
    """

    def __init__(self, most: int, turns: LoopTurns) -> None:
        self.written: list[str] = []
        self._left = most
        self._turns = turns

    async def write(self, value: bytes | msgspec.Raw, depth: int = 0) -> None:
        """Write a value.

        Raises:
            MsgspecError, ValueError, RecursionError: it is no JSON, or too much of it.
        """
        view = memoryview(value)
        if len(view) <= _SMALL or depth == _DEEPEST or view[0] not in b"{[":
            self._add(_in_one_go(bytes(view)).replace("\n", "\n" + "  " * depth))
            if self._turns.is_over:
                await self._turns.pause()
        elif view[0] == ord("{"):
            fields = _fields.decode(value).items()
            await self._write_all("{}", [(f"{_encoder.encode(k)}: ", v) for k, v in fields], depth)
        else:
            await self._write_all("[]", [("", item) for item in _items.decode(value)], depth)

    async def _write_all(
        self, ends: str, values: Sequence[tuple[str, msgspec.Raw]], depth: int
    ) -> None:
        separator, margin = ends[0], "\n" + "  " * (depth + 1)
        for name, value in values:
            self._add(f"{separator}{margin}{name}")
            await self.write(value, depth + 1)
            separator = ","
        self._add(f"\n{'  ' * depth}{ends[1]}" if values else ends)

    def _add(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise ValueError
        self.written.append(text)


def _in_one_go(value: bytes) -> str:
    """A value, indented; escapes are resolved, which few values have, as that takes far longer."""
    if b"\\" in value:
        return _encoder.encode(json.loads(value))
    return msgspec.json.format(value, indent=2).decode()
