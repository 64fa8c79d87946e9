"""Lookups: things that are asked for at once, each by two names, and found by one statement.

A statement begins with a table of what is wanted, whose rows have their places before the names.
"""

from collections.abc import Sequence
from typing import Any

# Things that are looked up by one statement; the marks of twice as many are another statement.
MOST = 32


def parameters(wanted: Sequence[tuple[int, str, str]]) -> Sequence[Any]:
    """The parameters of a statement that begins with `table` of as many.

    For what is left of the table nothing is found, or the first thing would be found twice.
    """
    values: list[object] = [value for row in wanted for value in row]
    return values + [0, "", ""] * (_marks(len(wanted)) - len(wanted))


def table(name: str, number: int) -> str:
    """What a statement begins with: `wanted (place, repository, …)`, the latter named here.

    As there are few numbers of its rows, there are few statements, which are planned once.
    """
    row = "(CAST(? AS INTEGER), CAST(? AS TEXT), CAST(? AS TEXT))"
    return (
        f"WITH wanted (place, repository, {name}) AS (VALUES {', '.join([row] * _marks(number))})"
    )


def _marks(number: int) -> int:
    return 1 << (number - 1).bit_length()
