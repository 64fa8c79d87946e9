"""The turns of processes that write to one database.

Two turns in one process are as those of two: each has a lock of its own.
"""

import asyncio
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lading.databases.sqlite import locks
from lading.databases.sqlite.file import FileDatabase
from lading.databases.sqlite.locks import PATIENCE, Turn
from lading.ports.database import SqlConnection
from lading.system import lock_files
from tests.support.processes import wait_until

NAME = "database"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], Turn]]:
    made: list[Turn] = []

    def make() -> Turn:
        made.append(Turn(tmp_path / NAME))
        return made[-1]

    yield make
    for each in made:
        each.close()


def is_free(directory: Path) -> bool:
    """Whether nobody has the turn to write to the database there."""
    descriptor = os.open(directory / f"{NAME}.turn", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def test_who_waits_has_its_turn_as_soon_as_the_other_has_ended(
    make: Callable[[], Turn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 60)  # however long the other sleeps
    ours, others = make(), make()
    order: list[str] = []

    def wait() -> None:
        with others:
            order.append("other")

    for _ in range(3):  # the first starts a thread
        with ours:
            waiting = threading.Thread(target=wait)
            waiting.start()
            time.sleep(0.02)
            order.append("ours")
        waiting.join()

    assert order == ["ours", "other"] * 3
    assert is_free(tmp_path)


def test_who_hangs_is_not_waited_for_for_ever_and_nothing_stays_locked(
    make: Callable[[], Turn], tmp_path: Path
) -> None:
    hanging, other = make(), make()
    with hanging:
        for _ in range(2):
            began = time.monotonic()
            with other:
                assert time.monotonic() - began >= PATIENCE * 0.9
        assert not is_free(tmp_path)
    time.sleep(0.2)  # who has given up gets it now
    wait_until(lambda: is_free(tmp_path), "the lock")

    with other:
        assert not is_free(tmp_path)
    assert is_free(tmp_path)


def test_who_changes_a_small_file_beside_the_database_keeps_no_write_waiting(
    make: Callable[[], Turn], tmp_path: Path
) -> None:
    with lock_files.locked(tmp_path / "token-keys.json"), make():
        assert not is_free(tmp_path)


def test_databases_in_one_directory_keep_no_write_of_each_other_waiting(
    make: Callable[[], Turn], tmp_path: Path
) -> None:
    other = Turn(tmp_path / "other")
    with other, make():
        assert not is_free(tmp_path)
    other.close()


def test_a_turn_is_closed_while_another_process_hangs(
    make: Callable[[], Turn], tmp_path: Path
) -> None:
    hanging, other = make(), Turn(tmp_path / NAME)
    with hanging:
        with other:
            pass
        other.close()
    wait_until(lambda: is_free(tmp_path), "the lock")


def test_where_there_are_no_locks_nobody_waits(
    make: Callable[[], Turn], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with make(), make():
        pass


async def test_what_is_written_is_acknowledged_though_the_lock_is_not_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where locks are a server's, which has gone away meanwhile."""
    database = FileDatabase(tmp_path / NAME)
    flock = fcntl.flock

    def fail(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_UN:
            raise OSError("no locks available")
        flock(descriptor, operation)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", fail)
        await database.write(lambda connection: connection.execute("CREATE TABLE t (n)").close())
    database.close()


def test_where_there_is_no_thread_to_wait_nobody_waits(
    make: Callable[[], Turn], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("can't start new thread")

    with monkeypatch.context() as patched, make():
        patched.setattr(locks, "begin_thread", fail)
        with make():
            pass
    assert is_free(tmp_path)


async def test_a_database_has_the_turn_while_it_writes_and_not_longer(tmp_path: Path) -> None:
    """So a process that writes all the time begins no other transaction before who waits."""
    database = FileDatabase(tmp_path / NAME)
    for _ in range(2):
        assert not await database.write(lambda _: is_free(tmp_path))
        wait_until(lambda: is_free(tmp_path), "the lock")
    with pytest.raises(ZeroDivisionError):
        await database.write(lambda _: 1 // 0)
    wait_until(lambda: is_free(tmp_path), "the lock")
    database.close()


async def test_two_that_have_a_database_open_write_in_turn(tmp_path: Path) -> None:
    ours, others = (FileDatabase(tmp_path / NAME) for _ in range(2))
    await ours.write(lambda connection: connection.execute("CREATE TABLE t (n)").close())

    def insert(connection: SqlConnection) -> None:
        connection.execute("INSERT INTO t VALUES (1)").close()

    await asyncio.gather(*(each.write(insert) for _ in range(50) for each in (ours, others)))

    count = await ours.read(
        lambda connection: connection.execute("SELECT count(*) FROM t").fetchone()
    )
    assert count == (100,)
    ours.close()
    others.close()
