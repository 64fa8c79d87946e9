"""JSON that anybody may have written, read as far as it is wanted; the rest counts as not said.

A document of a few MiB may be a million objects. To make all of them takes seconds, for which every
thread waits; so only those are made that somebody asks for, and the rest stays bytes.
"""

from collections.abc import Mapping, Sequence
from heapq import nsmallest

import msgspec

from lading.core.typing import T

Part = bytes | msgspec.Raw | None
"""A document, or a part of one; `None` if that is not there."""

# Steps, labels, variables that are read of each: real images have some dozens, and megabytes of
# small ones would make a page that nobody can open.
MOST_SAID = 1000

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


def _read(decoder: msgspec.json.Decoder[T], part: Part) -> T | None:
    try:
        return None if part is None else decoder.decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def fields_in(part: Part) -> Mapping[str, msgspec.Raw]:
    """The fields of an object, in their order; none of what is no object."""
    return _read(_fields, part) or {}


def items_in(part: Part) -> Sequence[msgspec.Raw]:
    """The items of a list; none of what is no list."""
    return _read(_items, part) or []


def text_in(part: Part) -> str | None:
    """A text; `None` if it is none."""
    return _read(_text, part)


def texts_in(part: Part) -> Mapping[str, str]:
    """The fields of an object that are texts, of the first `MOST_SAID` by name."""
    fields = fields_in(part)
    found = {name: text_in(fields[name]) for name in nsmallest(MOST_SAID, fields)}
    return {name: text for name, text in found.items() if text is not None}
