"""Work for many who ask at the same time: done once for all of them, or together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar

from lading.system.threads import Pending

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Gathered questions that are out at the same time: one more waits for an answer while another one
# is worked out.
AT_ONCE = 2


class SingleFlight(Generic[K, V]):
    """Work by its keys, as long as it goes on; whoever asks meanwhile gets the same outcome.

    It goes on if those who asked give up.
    """

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Future[V]] = {}

    def __contains__(self, key: K) -> bool:
        """Whether the work of a key goes on."""
        return key in self._running

    def join(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> asyncio.Future[V]:
        """The outcome of the work of a key, which begins unless it goes on already."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(work())
            running.add_done_callback(partial(self._finish, key))
        return asyncio.shield(running)

    def _finish(self, key: K, done: asyncio.Future[V]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # it is looked at, even if nobody waits for it any more


class Gathering(Generic[K, V]):
    """Questions by their keys: those that come while others are out go as one.

    Where an answer comes from another process, sending and waiting cost most of it, and ten things
    are told nearly as quickly as one.

    An answer is never older than the question: whoever asks while the same question is out has it
    asked once more. If an answer cannot be had, all who wait are told so, or the last of them would
    wait for as many failures as there are questions before theirs.

    Args:
        answer: to several questions, in their order.
        most: questions that are asked together at most.
    """

    def __init__(self, answer: Callable[[Sequence[K]], Awaitable[Sequence[V]]], most: int) -> None:
        self._answer = answer
        self._most = most
        self._waiting: dict[K, Pending[V]] = {}
        self._asking: set[asyncio.Task[None] | None] = set()

    def ask(self, key: K) -> Awaitable[V]:
        """The answer to a question.

        Raises:
            Exception: whatever `answer` has raised.
        """
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = Pending(loop=asyncio.get_running_loop())
            if len(self._asking) < AT_ONCE:
                asking = asyncio.ensure_future(self._ask())
                self._asking.add(asking)
                asking.add_done_callback(self._end)
        return waiting

    def _end(self, asking: asyncio.Task[None]) -> None:
        self._asking.discard(asking)
        if asking.cancelled():  # perhaps before its first step: it has told nobody
            self._fail(self._waiting, asyncio.CancelledError())

    async def _ask(self) -> None:
        try:
            while self._waiting:
                keys = list(islice(self._waiting, self._most))
                await self._ask_for({key: self._waiting.pop(key) for key in keys})
        finally:  # in one turn of the loop with the last look at who waits
            self._asking.discard(asyncio.current_task())

    async def _ask_for(self, asked: dict[K, Pending[V]]) -> None:
        try:
            answers = await self._answer(list(asked))
        except BaseException as error:  # cancelled, too, as the loop ends: nobody is to wait on
            self._fail(asked, error)
            self._fail(self._waiting, error)
            if not isinstance(error, Exception):
                raise
        else:
            for waiting, found in zip(asked.values(), answers, strict=True):
                waiting.set_result(found)

    def _fail(self, asked: dict[K, Pending[V]], error: BaseException) -> None:
        for waiting in asked.values():
            waiting.set_exception(error)
            waiting.exception()  # it is looked at, even if nobody waits any more
        asked.clear()
