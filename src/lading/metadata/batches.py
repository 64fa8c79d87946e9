"""Long changes in pieces: what changes many rows does so in several transactions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from lading.core.typing import T

# Rows that one write changes, about: between two writes others have their turn.
MOST_ROWS = 500
# Rows that no statement finds: there is no word that all databases take for "all".
NO_LIMIT = 2**62


def keys(names: Iterable[str]) -> str:
    """Names as one parameter, which a statement takes apart: `SELECT key FROM json_each(?)`."""
    return msgspec.json.encode(dict.fromkeys(names)).decode()


def pieces(items: Iterable[T], most: int = 0) -> Iterator[Sequence[T]]:
    """The items, so many at a time: unless it is said, as many as one write changes rows."""
    rest = iter(items)
    while piece := list(islice(rest, most or MOST_ROWS)):
        yield piece


def groups(
    items: Iterable[T], size: Callable[[T], int], *, most_size: int, most: int = 0
) -> Iterator[Sequence[T]]:
    """The items, so many at a time as above, or fewer once their sizes come to so much."""
    group: list[T] = []
    left = most_size
    for item in items:
        group.append(item)
        left -= size(item)
        if left <= 0 or len(group) == (most or MOST_ROWS):
            yield group
            group, left = [], most_size
    if group:
        yield group
