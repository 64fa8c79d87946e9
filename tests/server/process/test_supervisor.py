"""The parent of workers where the system has no room for another one."""

import errno
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.process import BaseProcess

import pytest

from lading.server.process import supervisor
from lading.server.process.supervisor import Supervisor
from tests.support.processes import wait_until


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

    def stop() -> None:
        wait_until(lambda: len(started) == 2, "the second worker")
        os.kill(os.getpid(), signal.SIGTERM)

    stopping = threading.Thread(target=stop, daemon=True)
    stopping.start()
    assert Supervisor(2, start, patience=60).run(on_stop=lambda: None)
    stopping.join()
    assert [worker.exitcode for worker in started] == [-signal.SIGTERM] * 2


def test_that_no_worker_can_be_started_at_all_is_said() -> None:
    def start() -> BaseProcess:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with pytest.raises(BlockingIOError):
        Supervisor(2, start, patience=1).run(on_stop=lambda: None)
