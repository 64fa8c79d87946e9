"""Pieces of sequences, for work that is done some items at a time."""

from collections.abc import Iterator, Sequence

from lading.core.typing import T


def in_pieces(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """The items, so many at a time."""
    return (items[start : start + most] for start in range(0, len(items), most))
