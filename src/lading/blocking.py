"""Waiting for work that cannot be interrupted: a thread, a write that is queued.

A request can be given up at any time; what it has set going cannot. The locks and files that such
work uses must be held until it is over, or the next holder meets it half-way.
"""

import asyncio
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def finish(work: "asyncio.Future[T]") -> T:
    """The result of the work; if the caller is cancelled, that is heeded when the work is over."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        raise
