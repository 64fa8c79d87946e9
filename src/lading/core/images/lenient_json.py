"""JSON that anybody may have written, read as far as it is wanted; the rest counts as not said.

A document of a few MiB may be a million objects. To make all of them takes seconds, for which every
thread waits; so only those are made that somebody asks for, and the rest stays bytes.
"""

from collections.abc import Mapping, Sequence
from heapq import nsmallest

import msgspec

Part = bytes | msgspec.Raw | None
"""A document, or a part of one; `None` if that is not there."""

# Steps, labels, variables that are read of each: real images have some dozens, and megabytes of
# small ones would make a page that nobody can open.
MOST_SAID = 1000

_WRONG = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


def fields_in(part: Part) -> Mapping[str, msgspec.Raw]:
    """The fields of an object, in their order; none of what is no object."""
    try:
        return {} if part is None else _fields.decode(part)
    except _WRONG:
        return {}


def items_in(part: Part) -> Sequence[msgspec.Raw]:
    """The items of a list; none of what is no list."""
    try:
        return [] if part is None else _items.decode(part)
    except _WRONG:
        return []


def text_in(part: Part) -> str | None:
    """A text; `None` if it is none."""
    try:
        return None if part is None else _text.decode(part)
    except _WRONG:
        return None


def texts_in(part: Part) -> Mapping[str, str]:
    """The fields of an object that are texts, of the first `MOST_SAID` by name."""
    fields = fields_in(part)
    found = {name: text_in(fields[name]) for name in nsmallest(MOST_SAID, fields)}
    return {name: text for name, text in found.items() if text is not None}
