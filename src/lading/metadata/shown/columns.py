"""Columns of names: many rows read at once, those in ranges, and those that hold some words."""

from collections.abc import Sequence

from lading.ports.database import SqlConnection

# Greater than every character of a name, or of a tag.
LAST = "\x7f"
# Of SQLite's `group_concat`, unless it is told another, which takes longer. No name holds it.
_SEPARATOR = ","


def names(
    connection: SqlConnection, statement: str, parameters: tuple[str | int, ...]
) -> list[str]:
    """The names that a statement selects, in byte order.

    Python makes a tuple of each row. For a page of a hundred names, a single value in which SQLite
    has joined them takes two thirds of the time.
    """
    (joined,) = connection.execute(
        f"SELECT {connection.dialect.all_names} FROM ({statement}) AS here", parameters
    ).fetchone()
    return sorted(split(joined))


def split(joined: str | None) -> list[str]:
    """The names that a database has joined (`Dialect.all_names`), in any order.

    "The order of the concatenated elements is arbitrary" (sqlite.org/lang_aggfunc.html).
    """
    return joined.split(_SEPARATOR) if joined else []


def containing(words: str) -> str:
    """A pattern of `LIKE … ESCAPE '!'` that matches what has a text in it."""
    escaped = words.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def inside(name: str, within: Sequence[str], first: int = 0) -> str:
    """A condition: that a name begins with one of some prefixes; see `bounds`.

    Who may see a part of a registry asks for that.

    Args:
        first: the number of the first prefix, where a statement has several such conditions.
    """
    if "" in within:
        # A range of all names would have SQLite read them all in their order, and sort them.
        return "1 = 1"
    return " OR ".join(
        f"({name} >= :from{number} AND {name} < :to{number})"
        for number, _ in enumerate(within, start=first)
    )


def bounds(within: Sequence[str]) -> dict[str, object]:
    """The parameters of such a condition."""
    lowest: dict[str, object] = {f"from{number}": prefix for number, prefix in enumerate(within)}
    return lowest | {f"to{number}": prefix + LAST for number, prefix in enumerate(within)}
