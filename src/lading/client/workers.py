"""Workers of a copy: threads that do pieces of work, and what comes of each.

Python's `concurrent.futures` does more, of which nothing is needed here; loading it takes a tenth
of the time of a copy that finds nothing to do, and a piece of work costs as much as a request.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic

from lading.client.errors import ClientError
from lading.core.typing import T


class Outcome(Generic[T]):
    """The outcome of a piece of work, for any number of threads that wait for it."""

    def __init__(self, work: Callable[[], T], then: Callable[["Outcome[T]"], None]) -> None:
        self._work = work
        self._then = then
        self._result: T
        self._error: BaseException | None = None
        self._pending = threading.Lock()
        self._pending.acquire()

    @property
    def has_failed(self) -> bool:
        """Whether it is known, and an error."""
        return self._error is not None

    def result(self) -> T:
        """Wait for it; what the work raised is raised."""
        with self._pending:
            if self._error is not None:
                raise self._error
            return self._result

    def find(self) -> None:
        """Do the work, and tell of it."""
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self._error = error
        self._pending.release()
        self._then(self)

    def give_up(self) -> None:
        """Say that nothing comes of it."""
        self._error = ClientError("the copy was ended")
        self._pending.release()


class Workers:
    """So many threads for pieces of work, begun as they are needed; the process ends with them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._has_ended = False
        self._waiting: SimpleQueue[Outcome[Any] | None] = SimpleQueue()

    def begin(
        self,
        work: Callable[[], T],
        then: Callable[[Outcome[T]], None] = lambda _: None,
    ) -> Outcome[T]:
        """Have a piece of work done; its outcome, of which `then` is told when it is known."""
        outcome = Outcome(work, then)
        with self._lock:
            if self._has_ended:
                outcome.give_up()
                return outcome
            self._waiting.put(outcome)
            if len(self._threads) < self._most:
                self._threads.append(threading.Thread(target=self._work, daemon=True))
                self._threads[-1].start()
        return outcome

    def end(self) -> None:
        """Begin nothing more; what is under way goes on."""
        with self._lock:
            self._has_ended = True
            with suppress(Empty):
                while outcome := self._waiting.get_nowait():
                    outcome.give_up()
            for _ in self._threads:
                self._waiting.put(None)

    def _work(self) -> None:
        while outcome := self._waiting.get():
            outcome.find()
