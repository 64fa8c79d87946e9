"""Turns on the event loop: whoever computes for long there lets others have theirs in between."""

import asyncio
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

# Seconds that a turn takes: half as long as a pull. To go around the loop takes a tenth of it.
TURN = 0.00015


class LoopTurns:
    """The turns of a task, which asks after each piece of its work whether one is over."""

    def __init__(self) -> None:
        self._until = perf_counter() + TURN

    @property
    def is_over(self) -> bool:
        """Whether others are to have their turn now."""
        return perf_counter() > self._until

    async def pause(self) -> None:
        """Give other tasks their turn."""
        await asyncio.sleep(0)
        self._until = perf_counter() + TURN


async def make_each(make: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """The results of a function for some items, with turns for other tasks in between."""
    turns, made = LoopTurns(), list[B]()
    for item in items:
        made.append(make(item))
        if turns.is_over:
            await turns.pause()
    return made


async def off_loop(size: int, work: Callable[[], B]) -> B:
    """The result of a function of bytes; in a thread if they are so many that others would wait.

    A hop to a thread and back takes as long as a turn, and what computes there is in everybody's
    way, too: whenever the loop waits for anything it gets the interpreter back late.
    """
    return work() if size <= MOST_ON_LOOP else await asyncio.to_thread(work)


MOST_ON_LOOP = 16 * 1024
"""Bytes of JSON that are read within a turn."""
