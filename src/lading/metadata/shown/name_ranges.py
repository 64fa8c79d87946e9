"""Ranges of names, as conditions of statements: who may see a part of a registry asks for that."""

from collections.abc import Sequence

# Greater than every character of a name, or of a tag.
LAST = "\x7f"


def inside(column: str, within: Sequence[str], first: int = 0) -> str:
    """A condition: that a name begins with one of some prefixes; see `bounds`.

    Args:
        first: the number of the first prefix, where a statement has several such conditions.
    """
    if "" in within:
        # A range of all names would have SQLite read them all in their order, and sort them.
        return "1 = 1"
    return " OR ".join(
        f"({column} >= :from{number} AND {column} < :to{number})"
        for number, _ in enumerate(within, start=first)
    )


def bounds(within: Sequence[str]) -> dict[str, object]:
    """The parameters of such a condition."""
    lowest: dict[str, object] = {f"from{number}": prefix for number, prefix in enumerate(within)}
    return lowest | {f"to{number}": prefix + LAST for number, prefix in enumerate(within)}
