"""Threads for work that blocks, and turns on the event loop for work that computes.

A request can be given up at any time; what it has set going cannot. The locks and files that such
work uses must be held until it is over, or the next holder meets it half-way.

A hop to a thread and back is a good part of what a small push costs, so this is less than an
executor: one future for each piece of work, where `run_in_executor` has two and a lock.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")

# Seconds that a turn takes: half as long as a pull. To go around the loop takes a tenth of it.
TURN = 0.00015
# Bytes of JSON that are read within a turn.
MOST_ON_LOOP = 16 * 1024


async def finish(work: "asyncio.Future[T]") -> T:
    """The result of the work; if the caller is cancelled, that is heeded when the work is over."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        raise


def begin_thread(run: Callable[[], None], name: str) -> threading.Thread:
    """Begin a thread, with which the process may end.

    Raises:
        MemoryError: the system gives no more threads.
    """
    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # "can't start new thread"
        raise MemoryError(str(error)) from error
    return thread


class Pending(asyncio.Future[T]):
    """The outcome of pending work, which goes on whatever becomes of those who wait for it.

    It refuses to be cancelled. A task that is cancelled while it awaits this goes on waiting, and
    gets its `CancelledError` when the work is over.
    """

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002 - the class above has it
        """Refuse, and say so."""
        return False


class Threads:
    """A few threads for work that blocks.

    Args:
        size: how many, once there is work for all of them.
        name: what they are called.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def start(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Pending[T]":
        """Begin to call a function in a thread; whoever does must await its outcome.

        Raises:
            MemoryError: there is no thread, and none can be started.
        """
        pending: Pending[T] = Pending(loop=asyncio.get_running_loop())
        self.put(partial(_call, pending, partial(function, *args, **kwargs)))
        return pending

    def put(self, work: Callable[[], None]) -> None:
        """Have work done in a thread, of which nobody wants to know how it ended.

        Raises:
            MemoryError: as `start`.
        """
        if len(self._threads) < self._size:
            self._begin_another()
        self._work.put(work)

    def close(self) -> None:
        """Finish what was begun, then end the threads."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _begin_another(self) -> None:
        try:
            self._threads.append(begin_thread(self._run, f"{self._name}-{len(self._threads)}"))
        except MemoryError:
            if not self._threads:  # else those that there are do it, later
                raise

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work  # or what it was given is kept until there is more to do


class Lane:
    """A lane: work done in whichever threads are free, a few at a time, as it was begun.

    Args:
        width: how many at a time; of 1, each is over before the next begins.
    """

    def __init__(self, threads: Threads, width: int = 1) -> None:
        self._threads = threads
        self._width = width
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = 0
        self._lock = threading.Lock()

    def start(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Pending[T]":
        """Begin as soon as what came before lets it; whoever does must await its outcome."""
        pending: Pending[T] = Pending(loop=asyncio.get_running_loop())
        with self._lock:
            self._waiting.append(partial(_call, pending, partial(function, *args, **kwargs)))
            has_room = self._running < self._width
            self._running += has_room
        if has_room:
            try:
                self._threads.put(self._run)
            except MemoryError:  # so nobody else runs either
                with self._lock:
                    self._waiting.clear()
                    self._running -= 1
                raise
        return pending

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()
            del work

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._running -= 1
            return None


def _call(pending: "Pending[T]", function: Callable[[], T]) -> None:
    tell: Callable[[], None]
    try:
        tell = partial(pending.set_result, function())
    except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits
        tell = partial(pending.set_exception, error)
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        pending.get_loop().call_soon_threadsafe(tell)
    # The error knows this frame, and with it would know itself: what the function had at hand would
    # stay in memory until the garbage of a long time is collected.
    del pending, function, tell


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


async def make_each(make: Callable[[A], T], items: Iterable[A]) -> list[T]:
    """The results of a function for some items, with turns for other tasks in between."""
    turns, made = LoopTurns(), list[T]()
    for item in items:
        made.append(make(item))
        if turns.is_over:
            await turns.pause()
    return made


async def off_loop(size: int, work: Callable[[], T]) -> T:
    """The result of a function of bytes; in a thread if they are so many that others would wait.

    A hop to a thread and back takes as long as a turn, and what computes there is in everybody's
    way, too: whenever the loop waits for anything it gets the interpreter back late.
    """
    return work() if size <= MOST_ON_LOOP else await asyncio.to_thread(work)
