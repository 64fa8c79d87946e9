"""Many writes, one commit; each write as if it were alone."""

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lading.databases.sqlite import connection as sqlite
from lading.databases.sqlite.connection import SqliteConnection
from lading.databases.sqlite.writer import MAX_BATCH, GroupWriter

Connect = Callable[[], SqliteConnection]


@pytest.fixture
def statements() -> list[str]:
    """What the writer's connection ran."""
    return []


@pytest.fixture
def connect(tmp_path: Path, statements: list[str]) -> Connect:
    """Connect to a database of one table, `t`."""

    def connect() -> SqliteConnection:
        connection = sqlite.connect(tmp_path / "db", timeout=0.1)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.set_trace_callback(statements.append)
        return connection

    with_table = connect()
    with_table.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    with_table.close()
    statements.clear()
    return connect


@pytest.fixture
def writer(connect: Connect) -> Iterator[GroupWriter]:
    """A writer to that database."""
    writer = GroupWriter(connect)
    yield writer
    writer.close()


@pytest.fixture
def rows(connect: Connect) -> Iterator[Callable[[], list[int]]]:
    """Read what another process sees."""
    connection = connect()
    yield lambda: [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]
    connection.close()


def insert(number: int) -> Callable[[SqliteConnection], int]:
    """Make a write of one row."""

    def work(connection: SqliteConnection) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


async def blocked(
    writer: GroupWriter, until: threading.Event, *, durable: bool = True
) -> "asyncio.Task[None]":
    """Begin a write that keeps the writer busy; returned once it does."""
    begun = threading.Event()

    def work(_: SqliteConnection) -> None:
        begun.set()
        until.wait(10)

    writing = asyncio.create_task(writer.write(work, durable=durable))
    assert await asyncio.to_thread(begun.wait, 10)
    return writing


async def test_a_write_is_answered_when_others_can_see_it(
    writer: GroupWriter, rows: Callable[[], list[int]]
) -> None:
    """With what it returned."""
    assert await writer.write(insert(1)) == 1
    assert rows() == [1]


async def test_writes_that_wait_share_a_commit(writer: GroupWriter, statements: list[str]) -> None:
    """And so an fsync; no more than some in one, so that nobody waits for ever."""
    busy = threading.Event()
    first = await blocked(writer, busy)
    others = [asyncio.create_task(writer.write(insert(n))) for n in range(MAX_BATCH + 1)]
    await asyncio.sleep(0.02)
    busy.set()
    await asyncio.gather(first, *others)

    assert statements.count("COMMIT") == 3
    assert len([each for each in statements if each.startswith("INSERT")]) == MAX_BATCH + 1


async def test_a_long_write_has_a_transaction_of_its_own(
    writer: GroupWriter, statements: list[str]
) -> None:
    """The others share one before it, be they from before or after it."""
    busy = threading.Event()
    first = await blocked(writer, busy)
    writes = [(1, False), (2, False), (3, True), (4, True), (5, False), (6, False)]
    others = [asyncio.create_task(writer.write(insert(n), alone=alone)) for n, alone in writes]
    await asyncio.sleep(0.02)
    busy.set()
    await asyncio.gather(first, *others)

    commits = "".join("|" if each == "COMMIT" else "." for each in statements if _counts(each))
    assert commits == "|....|.|.|"


async def test_a_short_write_waits_for_one_long_write_at_most(writer: GroupWriter) -> None:
    """However many of these there are; each lets others pass once."""
    order: list[str] = []
    more: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()

    def long(_: SqliteConnection) -> None:
        order.append("long")
        has_come = threading.Event()
        loop.call_soon_threadsafe(lambda: more.append(asyncio.create_task(short(has_come))))
        assert has_come.wait(60)

    async def short(has_come: threading.Event) -> None:
        writing = asyncio.ensure_future(writer.write(lambda _: order.append("short")))
        loop.call_soon(has_come.set)  # when that has begun
        await writing

    busy = threading.Event()
    first = await blocked(writer, busy)
    writes = [asyncio.create_task(writer.write(long, alone=True)) for _ in range(5)]
    await asyncio.sleep(0.02)
    busy.set()
    await asyncio.gather(first, *writes)
    await asyncio.gather(*more)

    assert order == ["long", "short"] * 5


async def test_another_process_finds_its_turn_between_two_long_writes(
    writer: GroupWriter, connect: Connect
) -> None:
    """Though they follow one another at once, and it only looks from time to time."""
    other = GroupWriter(connect)
    ended = 0

    async def short() -> None:
        nonlocal ended
        while not all(long.done() for long in longs):
            await other.write(lambda _: None, durable=False)
            ended += 1

    longs = [
        asyncio.create_task(writer.write(lambda _: time.sleep(0.005), alone=True))
        for _ in range(60)
    ]
    await asyncio.gather(short(), *longs)
    other.close()

    assert ended > 20


async def test_a_long_write_is_not_passed_for_ever(writer: GroupWriter) -> None:
    order: list[str] = []
    busy = threading.Event()
    first = await blocked(writer, busy)
    short = [
        asyncio.create_task(writer.write(lambda _: order.append("short")))
        for _ in range(3 * MAX_BATCH)
    ]
    long = asyncio.create_task(writer.write(lambda _: order.append("long"), alone=True))
    await asyncio.sleep(0.05)
    busy.set()
    await asyncio.gather(first, long, *short)

    assert order.index("long") <= 2 * MAX_BATCH


def _counts(statement: str) -> bool:
    return statement == "COMMIT" or statement.startswith("INSERT")


async def test_a_write_that_fails_undoes_what_it_did_and_no_more(
    writer: GroupWriter, rows: Callable[[], list[int]], statements: list[str]
) -> None:
    """Those that share its transaction are committed."""

    def fail(connection: SqliteConnection) -> None:
        connection.execute("INSERT INTO t VALUES (99)")
        raise LookupError("of the work")

    busy = threading.Event()
    first = await blocked(writer, busy)
    writes = [writer.write(work) for work in (insert(1), fail, insert(1), insert(2))]
    tasks = [asyncio.ensure_future(write) for write in writes]
    await asyncio.sleep(0.02)
    busy.set()
    await first
    one, failed, twice, two = await asyncio.gather(*tasks, return_exceptions=True)

    assert (one, two) == (1, 2)
    assert isinstance(failed, LookupError)
    assert isinstance(twice, sqlite3.IntegrityError)
    assert rows() == [1, 2]
    assert statements.count("COMMIT") == 2


async def test_a_transaction_that_fails_is_told_to_all_and_leaves_nothing(
    writer: GroupWriter, connect: Connect, rows: Callable[[], list[int]]
) -> None:
    """The next writes are not affected."""
    other = connect()
    other.execute("BEGIN IMMEDIATE")
    outcomes = await asyncio.gather(
        *(writer.write(insert(n)) for n in range(3)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [sqlite3.OperationalError] * 3
    other.close()

    assert await writer.write(insert(7)) == 7
    assert rows() == [7]


async def test_a_failure_in_the_middle_of_a_transaction_undoes_all_of_it(
    writer: GroupWriter, rows: Callable[[], list[int]]
) -> None:
    """As a full disk does, which ends the transaction by itself: nobody is told that it went."""

    def end_transaction(connection: SqliteConnection) -> None:
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk is full")

    busy = threading.Event()
    first = await blocked(writer, busy)
    writes = [writer.write(insert(1)), writer.write(end_transaction), writer.write(insert(2))]
    tasks = [asyncio.ensure_future(write) for write in writes]
    await asyncio.sleep(0.02)
    busy.set()
    await first
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [str(outcome) for outcome in outcomes] == ["disk is full"] * 3
    assert rows() == []
    assert await writer.write(insert(3)) == 3


async def test_a_connection_that_fails_is_told_and_tried_again(connect: Connect) -> None:
    """Nobody waits for a writer that could not start."""
    refusals = [sqlite3.OperationalError("unable to open database file")]

    def connect_later() -> SqliteConnection:
        if refusals:
            raise refusals.pop()
        return connect()

    writer = GroupWriter(connect_later)
    with pytest.raises(sqlite3.OperationalError):
        await asyncio.wait_for(writer.write(insert(1)), 60)

    assert await writer.write(insert(1)) == 1
    writer.close()


async def test_a_write_is_waited_for_when_its_caller_is_cancelled(
    writer: GroupWriter, rows: Callable[[], list[int]]
) -> None:
    """What the caller holds, it holds until the write is over."""
    busy = threading.Event()
    held: list[str] = []

    async def hold() -> None:
        held.append("taken")
        try:
            await writer.write(insert(1))
        finally:
            held.append("let go")

    first = await blocked(writer, busy)
    given_up = asyncio.create_task(hold())
    await asyncio.sleep(0.02)
    given_up.cancel()
    await asyncio.sleep(0.02)
    assert held == ["taken"]
    busy.set()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await first
    assert held == ["taken", "let go"]
    assert rows() == [1]


@pytest.mark.parametrize(
    ("durable", "expected"), [([True], "FULL"), ([False], "NORMAL"), ([False, True], "FULL")]
)
async def test_a_durable_write_syncs_its_commit(
    writer: GroupWriter, statements: list[str], durable: list[bool], expected: str
) -> None:
    """ "In WAL mode … FULL … the WAL file is synced after each transaction" (sqlite.org/pragma)."""
    busy = threading.Event()
    first = await blocked(writer, busy, durable=False)
    await asyncio.sleep(0.02)
    writes = [writer.write(insert(n), durable=each) for n, each in enumerate(durable)]
    tasks = [asyncio.ensure_future(write) for write in writes]
    await asyncio.sleep(0.02)
    busy.set()
    await asyncio.gather(first, *tasks)

    pragmas = [each for each in statements if each.startswith("PRAGMA synchronous")]
    assert pragmas[-1] == f"PRAGMA synchronous = {expected}"
    assert len(pragmas) == 1 + (expected == "FULL")  # said once, for all that follow


async def test_closing_finishes_what_is_queued(
    connect: Connect, rows: Callable[[], list[int]]
) -> None:
    """And can be done twice."""
    writer = GroupWriter(connect)
    tasks = [asyncio.ensure_future(writer.write(insert(n))) for n in range(5)]
    await asyncio.sleep(0)
    writer.close()
    writer.close()

    assert await asyncio.gather(*tasks) == [0, 1, 2, 3, 4]
    assert rows() == [0, 1, 2, 3, 4]


async def test_a_write_that_failed_while_reading_holds_nothing_open(
    writer: GroupWriter, connect: Connect
) -> None:
    """Otherwise the next write fails as soon as another process has written."""

    def fail_between_rows(connection: SqliteConnection) -> None:
        rows = connection.execute("SELECT n FROM t")
        raise ValueError(next(rows)[0])

    await writer.write(insert(1))
    await writer.write(insert(2))
    with pytest.raises(ValueError, match="1") as failure:
        await writer.write(fail_between_rows)
    other = connect()
    other.execute("INSERT INTO t VALUES (3)")
    other.close()

    await writer.write(insert(4))

    assert failure.value.__traceback__ is not None


async def test_a_write_begins_as_soon_as_another_process_has_ended_its_own(
    writer: GroupWriter, connect: Connect
) -> None:
    """Not when SQLite, which sleeps longer with each try, would look again."""
    other = connect()
    waits = [math.inf]
    while min(waits) > 0.04 and len(waits) < 30:  # the machine may have been busy
        await writer.write(insert(2 * len(waits)))
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(writer.write(insert(2 * len(waits) + 1)))
        await asyncio.sleep(0.24)  # SQLite would look again after 0.228 and 0.328 seconds
        other.execute("COMMIT")
        ended = time.monotonic()
        await waiting
        waits.append(time.monotonic() - ended)
    other.close()
    assert min(waits) <= 0.04


async def test_a_write_waits_for_another_process_once(
    writer: GroupWriter, connect: Connect
) -> None:
    """Not again for each that has waited before it."""
    other = connect()
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    waiting = [writer.write(insert(n), alone=n % 2 == 0) for n in range(20)]

    failures = await asyncio.gather(*waiting, return_exceptions=True)

    other.close()
    assert time.monotonic() - begun < 5.0  # of a patience of one second
    assert all(isinstance(failure, sqlite3.OperationalError) for failure in failures)


async def test_a_write_has_its_own_time_to_wait_for_another_process(connect: Connect) -> None:
    """It is not given up with those that came before, be they all one transaction."""
    writer = GroupWriter(connect, patience=4.0)
    other = connect()
    other.execute("BEGIN IMMEDIATE")
    waiting: list[asyncio.Task[int]] = []
    for number, pause in enumerate((0.1, 3.5, 0)):
        waiting.append(asyncio.create_task(writer.write(insert(number))))
        await asyncio.sleep(pause)
    for given_up in waiting[:2]:
        with pytest.raises(sqlite3.OperationalError):
            await given_up
    other.execute("COMMIT")
    other.close()

    assert await waiting[2] == 2
    writer.close()
