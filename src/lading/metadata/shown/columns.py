"""Columns of names: of many rows, read at once.

Python makes a tuple of each row. For a page of a hundred names, a single value in which SQLite has
joined them takes two thirds of the time.
"""

from lading.ports.database import SqlConnection

# Of SQLite's `group_concat`, unless it is told another, which takes longer. No name holds it.
_SEPARATOR = ","


def names(
    connection: SqlConnection, statement: str, parameters: tuple[str | int, ...]
) -> list[str]:
    """The names that a statement selects, in byte order."""
    (joined,) = connection.execute(
        f"SELECT {connection.dialect.all_names} FROM ({statement}) AS here", parameters
    ).fetchone()
    # "The order of the concatenated elements is arbitrary" (sqlite.org/lang_aggfunc.html).
    return [] if joined is None else sorted(joined.split(_SEPARATOR))


def containing(words: str) -> str:
    """A pattern of `LIKE … ESCAPE '!'` that matches what has a text in it."""
    escaped = words.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"
