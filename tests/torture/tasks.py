"""Work of several threads, which end together."""

import threading
from collections.abc import Callable, Sequence


class Task(threading.Thread):
    """A thread that remembers what went wrong in it."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work
        self.failure: Exception | None = None

    def run(self) -> None:
        """Do the work."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - raised again by the main thread
            self.failure = error


def run_until(
    work: Sequence[Callable[[], None]], stop: threading.Event, enough: Callable[[], bool]
) -> None:
    """Do all the work at once until `enough`, asked every second, says so, or a part of it fails.

    Args:
        work: each part goes on until it sees `stop`.
        stop: set in the end.
        enough: whether the run is over.

    Raises:
        Exception: what went wrong in a part, after all of them have ended.
    """
    tasks = [Task(each) for each in work]
    for task in tasks:
        task.start()
    try:
        while not stop.wait(1):
            if enough() or any(task.failure for task in tasks):
                stop.set()
    finally:
        stop.set()
        for task in tasks:
            task.join()
    for task in tasks:
        if task.failure is not None:
            raise task.failure
