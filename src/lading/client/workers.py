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

    def __init__(self) -> None:
        self._result: T | None = None
        self._error: BaseException | None = None
        self._pending = threading.Lock()
        self._pending.acquire()

    @property
    def has_failed(self) -> bool:
        """Whether it is known, and an error."""
        return self._error is not None

    def result(self) -> T:
        """Wait for it.

        Raises:
            Exception: the work did.
        """
        with self._pending:
            if self._error is not None:
                raise self._error
            result: Any = self._result
            return result  # type: ignore[no-any-return]

    def find(self, work: Callable[[], T]) -> None:
        """Do the work whose outcome it is."""
        try:
            self._result = work()
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self._error = error
        self._pending.release()

    def fail(self, error: Exception) -> None:
        """Say that nothing comes of it."""
        self._error = error
        self._pending.release()


_Piece = tuple[Outcome[Any], Callable[[], Any], Callable[[Outcome[Any]], None]]


class Workers:
    """Threads for pieces of work, begun as they are needed; the process ends with them.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._has_ended = False
        self._pieces: SimpleQueue[_Piece | None] = SimpleQueue()

    def begin(
        self,
        work: Callable[[], T],
        then: Callable[[Outcome[T]], None] = lambda _: None,
    ) -> Outcome[T]:
        """Have a piece of work done; its outcome.

        Args:
            then: is told of the outcome when it is known.
        """
        outcome = Outcome[T]()
        with self._lock:
            if self._has_ended:
                outcome.fail(_ended())
                return outcome
            self._pieces.put((outcome, work, then))
            if len(self._threads) < self._most:
                self._threads.append(threading.Thread(target=self._work, daemon=True))
                self._threads[-1].start()
        return outcome

    def end(self) -> None:
        """Begin nothing more; what is under way goes on."""
        with self._lock:
            self._has_ended = True
            with suppress(Empty):
                while piece := self._pieces.get_nowait():
                    piece[0].fail(_ended())
            for _ in self._threads:
                self._pieces.put(None)

    def _work(self) -> None:
        while piece := self._pieces.get():
            outcome, work, then = piece
            outcome.find(work)
            then(outcome)


def _ended() -> ClientError:
    return ClientError("the copy was ended")
