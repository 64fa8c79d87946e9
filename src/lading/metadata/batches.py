"""Long changes in pieces: what changes many rows does so in several transactions."""

from collections.abc import Iterator, Sequence

from lading.core.typing import T

# Rows that one write changes, about: between two writes others have their turn.
MOST_ROWS = 500


def pieces(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Rows to be changed, as many at a time as one write changes."""
    return (items[at : at + MOST_ROWS] for at in range(0, len(items), MOST_ROWS))
