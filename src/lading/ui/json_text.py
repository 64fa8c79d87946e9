"""JSON as pages show it: on lines of its own, with every digest a link."""

import json
import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.errors import DigestInvalid

# Characters that indentation may add. What is nested deeper than people write is shown as it is.
_MOST_ADDED = 1024 * 1024
# Digests that are links; those after them are not.
MOST_LINKS = 5000
_DIGEST = re.compile(r'"((?:sha256:[0-9a-f]{64})|(?:sha512:[0-9a-f]{128}))"')


class Piece(NamedTuple):
    """A piece of a text, and where it leads; empty if nowhere."""

    text: str
    href: str = ""


def linked(body: bytes, link_of: Callable[[Digest], str]) -> Sequence[Piece]:
    """A document in pieces.

    Args:
        link_of: where a digest leads; empty if nowhere.
    """
    text = _indented(body.decode(errors="replace"))
    pieces: list[Piece] = []
    end = 0
    for found in islice(_DIGEST.finditer(text), MOST_LINKS):
        if href := _link(found[1], link_of):
            pieces += [Piece(text[end : found.start(1)]), Piece(found[1], href)]
            end = found.end(1)
    return [*pieces, Piece(text[end:])]


def _link(text: str, link_of: Callable[[Digest], str]) -> str:
    try:
        return link_of(Digest(text))
    except DigestInvalid:
        return ""


def _indented(text: str) -> str:
    if _depth(text) * (text.count(",") + text.count("[") + text.count("{")) * 2 > _MOST_ADDED:
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _depth(text: str) -> int:
    """How deep a document is nested, at most."""
    depth = deepest = 0
    for sign in re.findall(r"[\[\]{}]", text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
