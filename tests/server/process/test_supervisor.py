"""The parent of workers where there is no room for another one, or they do not live long."""

import errno
import gc
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from lading.config.settings import Settings
from lading.server.process import supervisor, workers
from lading.server.process.supervisor import SETTLED, Failing, Supervisor
from lading.server.process.worker import STARTUP_FAILURE
from lading.wiring.authentication import AuthFiles
from lading.wiring.start import ServerFiles
from tests.support.processes import wait_until

# Seconds in which workers are started, or attempts made that are fractions of one apart.
PATIENCE = 30


def test_a_worker_for_which_there_is_no_room_is_started_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others go on serving; that no process can be made passes."""
    monkeypatch.setattr(supervisor, "RETRY", 0.1)
    processes, started, asked = multiprocessing.get_context("spawn"), list[BaseProcess](), 0

    def start() -> BaseProcess:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        started.append(processes.Process(target=time.sleep, args=(600,), daemon=True))
        started[-1].start()
        return started[-1]

    with _stopped_after(lambda: len(started) == 2, "the second worker"):
        assert Supervisor(2, start, patience=60).run(on_stop=lambda: None)
    assert [worker.exitcode for worker in started] == [-signal.SIGTERM] * 2


def test_workers_that_take_long_to_fail_do_not_keep_each_other_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is always one more that has not failed yet."""
    monkeypatch.setattr(supervisor, "RETRY", 0.05)
    processes, started = multiprocessing.get_context("spawn"), list[BaseProcess]()

    def start() -> BaseProcess:
        # The first ones not at once, so that another one is begun before the last one fails.
        seconds = 0.3 * (1 + min(len(started), 3))
        started.append(processes.Process(target=_fail_later, args=(seconds,), daemon=True))
        started[-1].start()
        return started[-1]

    assert not Supervisor(3, start, patience=60).run(on_stop=lambda: None)
    assert 3 <= len(started) < 20
    assert all(worker.exitcode is not None for worker in started)


def test_a_worker_that_serves_keeps_those_up_that_cannot_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is in their way may pass, as too many connections to a database."""
    monkeypatch.setattr(supervisor, "RETRY", 0.01)
    processes, started = multiprocessing.get_context("spawn"), list[BaseProcess]()

    def start() -> BaseProcess:
        target = _fail_later if started else _stand_by
        started.append(processes.Process(target=target, args=(0.3,), daemon=True))
        started[-1].start()
        return started[-1]

    with _stopped_after(lambda: len(started) == 6, "the sixth worker"):
        assert Supervisor(2, start, patience=60).run(on_stop=lambda: None)


def test_a_worker_that_could_not_be_started_leaves_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next attempt has it."""
    monkeypatch.setattr(supervisor, "RETRY", 0.1)
    monkeypatch.setattr(workers, "_work", _stand_by)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(workers, "raise_limit", lambda: 1024)
    fork, children, asked = os.fork, list[int](), 0

    def fork_if_there_is_room() -> int:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        child = fork()
        children.append(child)
        return child

    monkeypatch.setattr(os, "fork", fork_if_there_is_room)
    settings = Settings.model_validate({"http": {"workers": 2}})
    files = ServerFiles(AuthFiles(), None)
    with _stopped_after(lambda: len(children) == 2, "the second worker"):
        assert workers.serve(workers.Service(settings, None, files, None, socket.socket()))
    assert asked == 3


def test_who_finds_no_room_asks_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt that fails leaves files open."""
    monkeypatch.setattr(supervisor, "RETRY", 0.01)
    processes, asked = multiprocessing.get_context("spawn"), list[float]()
    worker = processes.Process(target=time.sleep, args=(600,), daemon=True)

    def start() -> BaseProcess:
        if asked:
            asked.append(time.monotonic())
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        asked.append(time.monotonic())
        worker.start()
        return worker

    with _stopped_after(lambda: len(asked) == 8, "attempts"):
        assert Supervisor(2, start, patience=60).run(on_stop=lambda: None)
    # After 0.01, 0.02, 0.04, … seconds; the last two of these are 0.16 and 0.32.
    assert asked[-1] - asked[-3] > 0.4


def test_workers_that_end_at_once_are_replaced_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so; the first of them may have been an accident."""
    monkeypatch.setattr(supervisor, "RETRY", 0.01)
    processes, started = multiprocessing.get_context("fork"), list[float]()

    def start() -> BaseProcess:
        started.append(time.monotonic())
        worker = processes.Process(target=os._exit, args=(1,), daemon=True)
        worker.start()
        return worker

    with _stopped_after(lambda: len(started) == 8, "workers"):
        assert Supervisor(1, start, patience=60).run(on_stop=lambda: None)
    # After 0, 0.01, 0.02, 0.04, … seconds; the last two of these are 0.16 and 0.32.
    assert started[-1] - started[-3] > 0.4
    assert "workers end soon after their start; the next one is started in 0.32 s" in caplog.text


def test_workers_that_lived_for_a_while_are_replaced_at_once() -> None:
    failing = Failing()
    assert [failing.pause_after(lived=SETTLED, now=now) for now in (10, 11, 12)] == [0, 0, 0]
    assert [failing.pause_after(lived=0.1, now=now) for now in (20, 21, 22, 24)] == [0, 1, 2, 4]
    assert [failing.pause_after(lived=0.1, now=now) for now in (28, 36, 46)] == [8, 10, 10]
    assert failing.pause_after(lived=0.1, now=100) == 0


@contextmanager
def _stopped_after(is_so: Callable[[], bool], what: str) -> Iterator[None]:
    """Tell this process to end as soon as something is so, or is not for long, in a block."""
    is_over = threading.Event()

    def stop() -> None:
        try:
            wait_until(lambda: is_so() or is_over.is_set(), what, seconds=PATIENCE)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    # Should the block fail, nobody else in it takes the signal.
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(stop)
        try:
            yield
        finally:
            is_over.set()
            stopping.exception()
            signal.signal(signal.SIGTERM, before)
    stopping.result()


def _stand_by(*_: Any) -> None:
    """Serve nobody, until told to stop, but not for long."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    time.sleep(30)


def _fail_later(seconds: float) -> None:
    time.sleep(seconds)
    os._exit(STARTUP_FAILURE)


def test_that_no_worker_can_be_started_at_all_is_said() -> None:
    def start() -> BaseProcess:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with pytest.raises(BlockingIOError):
        Supervisor(2, start, patience=1).run(on_stop=lambda: None)
