"""Long changes in pieces: what changes many rows does so in several transactions."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from lading.core.typing import T

# Rows that one write changes, about: between two writes others have their turn.
MOST_ROWS = 500
# Rows that no statement finds: there is no word that all databases take for "all".
NO_LIMIT = 2**62


def keys(names: Iterable[str]) -> str:
    """Names as one parameter, which a statement takes apart: `SELECT key FROM json_each(?)`."""
    return msgspec.json.encode(dict.fromkeys(names)).decode()


def pieces(items: Sequence[T], most: int = 0) -> Iterator[Sequence[T]]:
    """The items, so many at a time: unless it is said, as many as one write changes rows."""
    step = most or MOST_ROWS
    return (items[start : start + step] for start in range(0, len(items), step))
