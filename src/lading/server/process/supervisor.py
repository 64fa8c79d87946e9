"""The parent of the worker processes: starts them, replaces those that die, ends them all.

It learns of a death from the kernel, at once, and asks no worker whether it is well: one that waits
for a slow disk is not ill, and killing it would cut off the requests it has.
"""

import logging
import math
import multiprocessing.connection
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from lading.server.process.signals import SighupHandler
from lading.server.process.worker import STARTUP_FAILURE

log = logging.getLogger(__name__)

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Seconds before a worker that could not start, or be started, is tried again, while others serve;
# and how long that becomes where no process can be made: Python leaves four files open each time.
RETRY = 1.0
LONGEST_RETRY = 60.0
# Seconds within which the end of a worker is no accident if it comes twice; and the longest pause
# before another one is started then. Without any, that alone would take a processor.
SETTLED = 10.0


class Failing:
    """Counts workers that end soon after their start, however they do.

    One of them is an accident, and replaced at once. What makes one after the other end, as a limit
    of memory that is too low, does not pass by itself.
    """

    def __init__(self) -> None:
        self._at = -math.inf
        self._pause = 0.0

    def pause_after(self, lived: float, now: float) -> float:
        """Seconds to wait before a worker is replaced that lived so long."""
        if lived >= SETTLED:
            return 0.0
        is_second = now - self._at < self._pause + 2 * SETTLED
        self._at = now
        self._pause = min(max(RETRY, 2 * self._pause), SETTLED) if is_second else 0.0
        return self._pause


class Supervisor:
    """Keeps `count` workers running until told to stop.

    Attributes:
        start: starts a worker, in a process of its own.
        patience: seconds that the workers may take to end.
    """

    def __init__(self, count: int, start: Callable[[], BaseProcess], *, patience: float) -> None:
        self._count = count
        self._start = start
        self._patience = patience
        # Each with the time of its start.
        self._workers: dict[BaseProcess, float] = {}
        self._retry_at = 0.0
        self._pause = RETRY
        self._failing = Failing()
        # Workers that could not start, one after the other, while no older one was there.
        self._in_a_row = 0
        self._stops = 0
        self._on_sighup = SighupHandler(reload=self._reload, stop=self._stop)

    def run(self, on_stop: Callable[[], None]) -> bool:
        """Serve until SIGTERM or SIGINT; a second one ends the workers without waiting.

        Args:
            on_stop: called before the workers are told.

        Returns:
            False if no worker could start.
        """
        with _signals_as_file() as signals:
            while self._replace_the_dead():
                self._wait(signals, RETRY if len(self._workers) < self._count else None)
                if self._stops:
                    on_stop()
                    self._end(signals)
                    return True
            self._end(signals)
        return False

    def _replace_the_dead(self) -> bool:
        """Have as many workers as there should be; false if none can start."""
        now = time.monotonic()
        for worker in [worker for worker in self._workers if worker.exitcode is not None]:
            started = self._workers.pop(worker)
            log.warning("worker %s ended with status %s", worker.pid, worker.exitcode)
            if worker.exitcode == STARTUP_FAILURE:
                if not self._may_serve(started):
                    return False
                self._retry_at = max(self._retry_at, now + RETRY)
            elif pause := self._failing.pause_after(now - started, now):
                log.error(
                    "workers end soon after their start; the next one is started in %g s", pause
                )
                self._retry_at = max(self._retry_at, now + pause)
        while len(self._workers) < self._count and time.monotonic() >= self._retry_at:
            self._start_another()
        return True

    def _may_serve(self, started: float) -> bool:
        """Whether one of the workers may serve, of which one could not start.

        An older one does, or will fail as well. Younger ones may all be about to fail: where that
        takes longer than the pause before the next one, there is always one more.
        """
        if any(at <= started for at in self._workers.values()):
            self._in_a_row = 0
            return True
        self._in_a_row += 1
        return bool(self._workers) and self._in_a_row <= self._count

    def _start_another(self) -> None:
        try:
            self._workers[self._start()] = time.monotonic()
            self._pause = RETRY
        except OSError as error:  # there is no memory for a process, or there are too many of them
            if not self._workers:
                raise
            log.error("a worker cannot be started: %s; it is tried again", error.strerror)  # noqa: TRY400
            self._retry_at = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_RETRY)

    def _wait(self, signals: int, seconds: float | None) -> None:
        """Wait for the end of a worker, for a signal, or so long."""
        sentinels = [worker.sentinel for worker in self._workers]
        if signals in multiprocessing.connection.wait([*sentinels, signals], seconds):
            for number in os.read(signals, 64):
                if number == signal.SIGHUP:
                    self._on_sighup()
                else:
                    self._stop()

    def _end(self, signals: int) -> None:
        for worker in self._workers:
            worker.terminate()
        deadline = time.monotonic() + self._patience
        while self._workers and self._stops <= 1 and (left := deadline - time.monotonic()) > 0:
            self._wait(signals, left)
            self._workers = {
                worker: at for worker, at in self._workers.items() if worker.exitcode is None
            }
        for worker in self._workers:
            why = "it did not end in time" if self._stops <= 1 else "there was a second signal"
            log.warning("worker %s was killed: %s", worker.pid, why)
            worker.kill()
            worker.join()

    def _stop(self) -> None:
        self._stops += 1

    def _reload(self) -> None:
        for worker in self._workers:
            if worker.pid is not None and worker.exitcode is None:
                os.kill(worker.pid, signal.SIGHUP)


@contextmanager
def _signals_as_file() -> Iterator[int]:
    """The numbers of the signals that arrive, as bytes to read from a file descriptor."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = {number: signal.signal(number, lambda *_: None) for number in HANDLED}
    wakeup = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    try:
        yield readable
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(readable)
        os.close(writable)
