"""Work that is done once for all who ask for it at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[K, T]):
    """Work by its keys, as long as it goes on; whoever asks meanwhile gets the same outcome.

    It goes on if those who asked give up.
    """

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Future[T]] = {}

    def __contains__(self, key: K) -> bool:
        """Whether the work of a key goes on."""
        return key in self._running

    def join(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Future[T]:
        """The outcome of the work of a key, which begins unless it goes on already."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(work())
            running.add_done_callback(partial(self._finish, key))
        return asyncio.shield(running)

    def _finish(self, key: K, done: asyncio.Future[T]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # it is looked at, even if nobody waits for it any more
