"""Turns of the event loop that others have while something is made."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Others:
    """A task that takes every turn of the loop that it is given.

    Attributes:
        turns: that it has had.
    """

    def __init__(self) -> None:
        self.turns = 0

    async def take_turns(self) -> None:
        """Take turns until cancelled."""
        while True:
            await asyncio.sleep(0)
            self.turns += 1


@contextmanager
def others() -> Iterator[Others]:
    """Others, who want their turns during the block."""
    waiting = Others()
    task = asyncio.create_task(waiting.take_turns())
    try:
        yield waiting
    finally:
        task.cancel()
