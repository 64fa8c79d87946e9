"""Long lists, a part at a time: read in pages, or gathered of what comes one by one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from lading.core.typing import T


async def pages(
    read: Callable[..., Awaitable[Sequence[T]]],
    key: Callable[[T], Any] = lambda item: item,
    first: str | int = "",
) -> AsyncIterator[Sequence[T]]:
    """All pages of a list that have something; each begins after the last item of the one before.

    Args:
        read: gives a page, `after` the key of an item.
        key: of an item, by which the list is in order; an item itself, unless it is said.
        first: what comes before all keys.
    """
    after: Any = first
    while page := await read(after=after):
        yield page
        after = key(page[-1])


async def gathered(items: AsyncIterator[T], most: int) -> AsyncIterator[Sequence[T]]:
    """The items as they come, so many at a time."""
    group: list[T] = []
    async for item in items:
        group.append(item)
        if len(group) == most:
            yield group
            group = []
    if group:
        yield group
