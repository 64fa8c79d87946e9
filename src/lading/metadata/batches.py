"""Batches: what one statement is told at once, and how long changes are made in pieces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from lading.core.typing import T

# Rows that one write changes, about: between two writes others have their turn.
MOST_ROWS = 500
# Things that are looked up by one statement; the marks of twice as many are another statement.
MOST_WANTED = 32
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


def wanted_table(name: str, number: int) -> str:
    """What a statement begins with that looks up things by a repository and another name.

    It is a table `wanted (place, repository, …)`, the latter named here. As there are few numbers
    of its rows, there are few statements, which are planned once.
    """
    row = "(CAST(? AS INTEGER), CAST(? AS TEXT), CAST(? AS TEXT))"
    return (
        f"WITH wanted (place, repository, {name}) AS (VALUES {', '.join([row] * _marks(number))})"
    )


def wanted_parameters(wanted: Sequence[tuple[int, str, str]]) -> Sequence[Any]:
    """The parameters of a statement that begins with a `wanted_table` of as many.

    For what is left of the table nothing is found, or the first thing would be found twice.
    """
    values: list[object] = [value for row in wanted for value in row]
    return values + [0, "", ""] * (_marks(len(wanted)) - len(wanted))


def _marks(number: int) -> int:
    return 1 << (number - 1).bit_length()
