"""The database in PostgreSQL: what is repeated, what is told, and that nothing waits for ever."""

import asyncio
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from lading.core.errors import StorageFull, Unavailable, Unsupported
from lading.databases.postgresql.connection import TimedConnection
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.databases.postgresql.statements import Preparing
from lading.databases.schema import STEPS, NewerSchema
from lading.ports.database import CannotOpen, Database, SqlConnection
from lading.ports.measures import Count, Level, Measures, Timing
from tests.support.certificates import make_certificates
from tests.support.postgresql import PostgreSQL, pgbouncer_before, running_postgresql

pytestmark = pytest.mark.e2e

Open = Callable[..., PostgresqlDatabase]
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


class Counted(Measures):
    """Measures that keep the counts, and the levels."""

    def __init__(self) -> None:
        self.counts: dict[Count, float] = {}
        self.levels: Counter[Level] = Counter()

    def count(self, what: Count, by: float = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    def observe(self, what: Timing, seconds: float) -> None:
        pass

    def change(self, what: Level, by: float) -> None:
        self.levels[what] += int(by)


@pytest.fixture
def measures() -> Counted:
    """What was counted."""
    return Counted()


@pytest.fixture
def name(postgresql: PostgreSQL) -> str:
    """The name of an empty database."""
    return postgresql.new_database()


@pytest.fixture
async def open_database(
    postgresql: PostgreSQL, name: str, measures: Counted
) -> AsyncIterator[Open]:
    """Open that database, once or more often."""
    opened: list[PostgresqlDatabase] = []

    def open_database(size: int = 4, timeout: float = 10.0) -> PostgresqlDatabase:
        server = Server(postgresql.url(name), timeout=timeout)
        opened.append(PostgresqlDatabase(server, size, measures=measures))
        return opened[-1]

    yield open_database
    for database in opened:
        database.close()


@pytest.fixture
async def database(open_database: Open, postgresql: PostgreSQL, name: str) -> PostgresqlDatabase:
    """That database, with a table `t` of numbers."""
    postgresql.ask("CREATE TABLE t (n BIGINT PRIMARY KEY)", name)
    return open_database()


def add(connection: SqlConnection, number: int = 1) -> None:
    connection.execute("INSERT INTO t (n) VALUES (?)", (number,))


def numbers(connection: SqlConnection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT n FROM t ORDER BY n")]


def messages(connection: SqlConnection) -> str:
    """What the server tells clients."""
    (found,) = connection.execute("SELECT current_setting('client_min_messages')").fetchone()
    return str(found)


def lose(connection: SqlConnection) -> None:
    """Have the server end the connection."""
    connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def lost_once() -> Callable[[SqlConnection], None]:
    """A work that loses its connection the first time."""
    tries = 0

    def work(connection: SqlConnection) -> None:
        nonlocal tries
        tries += 1
        add(connection, tries)
        if tries == 1:
            lose(connection)

    return work


async def test_who_gets_no_thread_does_not_wait_for_a_connection(
    database: Database, measures: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr("lading.system.threads.begin_thread", fail)
        for ask in (database.read, database.write, database.scan):
            with pytest.raises(MemoryError):
                await ask(numbers)
    assert await database.read(numbers) == []
    waiting, used = Level.CONNECTIONS_AWAITED, Level.CONNECTIONS_USED
    assert (measures.levels[waiting], measures.levels[used]) == (0, 0)


async def test_a_connection_lost_before_the_commit_is_another_try(
    database: Database, measures: Counted
) -> None:
    """Of a write as of a read; nothing is done twice."""
    await database.write(lost_once())
    assert await database.read(numbers) == [2]
    assert measures.counts == {Count.REPEATED_AFTER_LOST_CONNECTION: 1}


async def test_connections_that_were_lost_while_idle_disturb_nobody(
    database: Database, postgresql: PostgreSQL, name: str
) -> None:
    """A firewall or an operator may have ended them."""
    await asyncio.gather(*(database.read(numbers) for _ in range(8)))
    postgresql.ask(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    assert await asyncio.gather(*(database.read(numbers) for _ in range(8))) == [[]] * 8


async def test_a_commit_without_an_answer_is_told_and_not_repeated(
    database: Database, postgresql: PostgreSQL, name: str, measures: Counted
) -> None:
    """Whoever asks again finds out whether it was done."""
    postgresql.ask(
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION lose()",
        name,
    )
    tries = 0

    def work(connection: SqlConnection) -> None:
        nonlocal tries
        tries += 1
        add(connection)

    with pytest.raises(Unavailable, match="look, or try again"):
        await database.write(work)
    assert tries == 1
    assert measures.counts == {Count.COMMITS_UNKNOWN: 1}
    assert await database.read(numbers) == []


@pytest.mark.parametrize("how", ["overdue", "cancelled"])
@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("told", ["notice", "error"])
async def test_a_commit_that_its_copies_may_not_have_is_no_success(
    own_server: PostgreSQL,
    measures: Counted,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    once: bool,
    told: str,
) -> None:
    """With synchronous replication: who gives up the wait for a copy hears that it was done.

    Also where clients are to be told of errors alone.
    """
    name = own_server.new_database()
    own_server.ask(f"ALTER DATABASE {name} SET client_min_messages = {told}")
    own_server.ask("CREATE TABLE t (n BIGINT PRIMARY KEY)", name)
    timeout = 3.0 if how == "overdue" else 20.0
    database = PostgresqlDatabase(Server(own_server.url(name), timeout=timeout), 2, None, measures)
    own_server.ask("ALTER SYSTEM SET synchronous_standby_names = 'away'")
    own_server.ask("SELECT pg_reload_conf()")
    while own_server.ask("SHOW synchronous_standby_names") != [("away",)]:
        await asyncio.sleep(0.05)
    own_server.ask("CHECKPOINT")  # whoever does that tells all others to wait for copies
    # A busy machine is no reason for an answer that does not come, of which another thing is told.
    monkeypatch.setattr("lading.databases.postgresql.connection._ANSWERING", 2.0)

    writing = asyncio.ensure_future(database.write_once(add) if once else database.write(add))
    waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    while how == "cancelled" and not own_server.ask(f"SELECT pg_cancel_backend(pid) {waiting}"):
        await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match="look, or try again"):
        await writing

    assert measures.counts[Count.COMMITS_UNKNOWN] == 1
    assert await database.read(numbers) == [1]
    database.close()


async def test_a_work_that_fails_leaves_nothing(database: Database) -> None:
    def fail(connection: SqlConnection) -> None:
        add(connection)
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(fail)
    assert await database.read(numbers) == []


async def test_two_writers_who_have_met_both_get_their_way(
    database: Database, open_database: Open, measures: Counted
) -> None:
    """Each adds what comes after the greatest number that it has seen."""

    def add_next(connection: SqlConnection) -> None:
        (greatest,) = connection.execute("SELECT coalesce(max(n), 0) FROM t").fetchone()
        add(connection, greatest + 1)

    others = [database, open_database(), open_database()]
    await asyncio.gather(*(each.write(add_next) for each in others * 5))
    assert await database.read(numbers) == list(range(1, 16))
    assert sum(measures.counts.values()) > 0


async def test_more_statements_are_run_than_a_session_has_planned(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were planned are given up, and planned again; values of other types are others."""
    monkeypatch.setattr("lading.databases.postgresql.connection._MOST_PREPARED", 5)

    def run(connection: SqlConnection) -> list[tuple[int]]:
        found = [
            connection.execute(f"SELECT CAST(? AS BIGINT) + {number}", (number,)).fetchone()
            for number in range(20)
            for _ in range(6)
        ]
        planned = connection.execute("SELECT count(*) FROM pg_prepared_statements")
        assert 0 < planned.fetchone()[0] <= 6
        return found

    assert await database.write(run) == [(2 * n,) for n in range(20) for _ in range(6)]


async def test_a_row_that_is_there_for_good_is_a_mistake_and_told(database: Database) -> None:
    await database.write(add)
    with pytest.raises(Exception, match="duplicate key"):
        await database.write(add)


async def test_a_statement_that_failed_unnoticed_is_no_success(database: Database) -> None:
    def go_on(connection: SqlConnection) -> None:
        add(connection)
        try:
            connection.execute("SELECT 1 / 0")
        except Exception:  # noqa: BLE001 - what no work should do
            return

    with pytest.raises(Unavailable):
        await database.write(go_on)
    assert await database.read(numbers) == []


async def test_a_full_disk_is_told_as_such(database: Database) -> None:
    with pytest.raises(StorageFull):
        await database.write(
            lambda connection: connection.execute(
                "DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$"
            )
        )


async def test_who_finds_all_connections_busy_waits_for_a_time(open_database: Open) -> None:
    """And no longer; afterwards all is as before."""
    database = open_database(size=1, timeout=2.0)
    begun = time.monotonic()
    outcomes = await asyncio.gather(
        *(
            database.read(lambda connection: connection.execute("SELECT pg_sleep(30)").fetchall())
            for _ in range(5)
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 5
    assert time.monotonic() - begun < 15
    assert await database.read(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)


async def test_fewer_connections_than_threads_are_enough(
    own_server: PostgreSQL, measures: Counted
) -> None:
    """As a role's limit has it, or too many others: who gets none waits for who has one."""
    own_server.ask("CREATE ROLE few LOGIN CONNECTION LIMIT 2")
    own_server.ask("CREATE DATABASE few OWNER few")
    own_server.ask("CREATE TABLE t (n BIGINT PRIMARY KEY); GRANT ALL ON t TO few", "few")
    server = Server(own_server.url("few", user="few"), timeout=20.0)
    database = PostgresqlDatabase(server, 8, None, measures)
    work = [
        database.write(lambda connection, n=n: add(connection, n))  # type: ignore[misc]
        for n in range(40)
    ]
    await asyncio.gather(*work)
    assert await asyncio.gather(*(database.read(numbers) for _ in range(40))) == (
        [list(range(40))] * 40
    )
    database.close()


async def test_what_nobody_waits_for_any_more_ends_at_the_server_too(
    open_database: Open, postgresql: PostgreSQL, name: str
) -> None:
    database = open_database(size=1, timeout=2.0)
    with pytest.raises(Unavailable):
        await database.read(lambda connection: connection.execute("SELECT pg_sleep(30)").fetchall())
    running = f"SELECT FROM pg_stat_activity WHERE datname = '{name}' AND state <> 'idle'"
    await is_over(postgresql, running)


async def test_what_ends_while_it_is_given_up_disturbs_nobody_who_comes_next(
    open_database: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is used no more: the word to cancel finds whatever runs on it by then."""
    database = open_database(size=1, timeout=2.0)
    given_up, next_has_come, was_sent = threading.Event(), threading.Event(), threading.Event()
    interrupt = TimedConnection.interrupt

    def late(connection: TimedConnection) -> None:
        given_up.set()
        next_has_come.wait(10)
        interrupt(connection)
        was_sent.set()

    def end_late(connection: SqlConnection) -> int:
        connection.execute("SELECT 1").fetchone()
        assert given_up.wait(10)
        return 1

    uses = 0

    def come_next(connection: SqlConnection) -> object:
        nonlocal uses
        uses += 1
        next_has_come.set()
        assert was_sent.wait(10)
        return connection.execute("SELECT 2").fetchone()

    monkeypatch.setattr(TimedConnection, "interrupt", late)
    assert await database.read(end_late) == 1
    assert await database.read(come_next) == (2,)
    assert uses == 1


def test_of_an_end_and_giving_up_one_is_first(postgresql: PostgreSQL) -> None:
    """What has ended is not given up, however late it is; what is given up is not used again."""
    one, other = (Server(postgresql.url()).connect(10) for _ in range(2))
    one.deadline = other.deadline = time.monotonic() - 1
    assert one.end_use()
    assert not one.give_up_if_overdue()
    assert other.give_up_if_overdue()
    assert not other.end_use()
    one.close()
    other.close()


async def test_a_write_that_waits_for_a_lock_of_another_is_given_up_in_time(
    database: Database, open_database: Open
) -> None:
    """The other one goes on."""
    await database.write(add)
    hasty = open_database(timeout=2.0)
    locked, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(connection: SqlConnection) -> None:
        connection.execute("UPDATE t SET n = 2")
        loop.call_soon_threadsafe(locked.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

    holding = asyncio.ensure_future(database.write(hold))
    await locked.wait()
    with pytest.raises(Unavailable):
        await hasty.write(lambda connection: connection.execute("UPDATE t SET n = 3"))
    go_on.set()
    await holding
    assert await database.read(numbers) == [2]


async def test_reads_go_on_while_all_that_is_changed_is_locked(
    database: Database, open_database: Open
) -> None:
    """However many changes wait for it."""
    await database.write(add)
    shared = open_database(size=4, timeout=20.0)
    locked, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(connection: SqlConnection) -> None:
        connection.execute("UPDATE t SET n = 2")
        loop.call_soon_threadsafe(locked.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

    def change(connection: SqlConnection) -> None:
        connection.execute("UPDATE t SET n = n + 1")

    holding = asyncio.ensure_future(database.write(hold))
    await locked.wait()
    waiting = [asyncio.ensure_future(shared.write(change)) for _ in range(5)]
    waiting += [asyncio.ensure_future(shared.write_once(change)) for _ in range(5)]
    try:
        for _ in range(20):
            assert await shared.read(numbers) == [1]
        assert not any(change.done() for change in waiting)
    finally:
        go_on.set()
    await asyncio.gather(holding, *waiting)
    assert await database.read(numbers) == [12]


async def test_reads_go_on_while_the_server_takes_no_changes(
    database: Database, open_database: Open, postgresql: PostgreSQL, name: str
) -> None:
    """As a copy does, before it takes the place of its server: changes wait for that."""
    shared = open_database(size=4, timeout=20.0)
    postgresql.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    postgresql.ask(END_ALL.format(name=name))
    waiting = [asyncio.ensure_future(shared.write(partial(add, number=n))) for n in range(10)]
    for _ in range(20):
        assert await shared.read(numbers) == []
    assert not any(change.done() for change in waiting)
    postgresql.ask(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    # Whoever is refused comes by another connection, to which this applies.
    await asyncio.gather(*waiting)
    assert len(await database.read(numbers)) == 10


async def test_a_long_read_sees_one_moment_and_holds_up_nobody(database: Database) -> None:
    """Others read and write meanwhile."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def look_twice(connection: SqlConnection) -> tuple[list[int], list[int]]:
        before = numbers(connection)
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        return before, numbers(connection)

    scanning = asyncio.ensure_future(database.scan(look_twice))
    await begun.wait()
    await database.write(add)
    assert await database.read(numbers) == [1]
    go_on.set()
    assert await scanning == ([], [])


async def test_a_long_read_takes_longer_than_a_role_may(
    open_database: Open, postgresql: PostgreSQL, name: str
) -> None:
    """Many servers are told to end what takes long; what has to, has a deadline of its own."""
    for bound in ("statement_timeout", "idle_in_transaction_session_timeout"):
        postgresql.ask(f"ALTER DATABASE {name} SET {bound} = '100ms'")

    def read_slowly(connection: SqlConnection) -> object:
        connection.execute("SELECT pg_sleep(0.5)").fetchone()
        time.sleep(0.5)
        return connection.execute("SELECT 1").fetchone()

    assert await open_database().scan(read_slowly) == (1,)


async def test_a_long_read_that_is_cancelled_ends_at_the_server_too(
    database: Database, postgresql: PostgreSQL, name: str
) -> None:
    """Whoever stops a server does not wait for it; the next one is not disturbed."""
    scanning = asyncio.ensure_future(
        database.scan(lambda connection: connection.execute("SELECT pg_sleep(60)").fetchall())
    )
    await asyncio.sleep(0.3)
    scanning.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await scanning
        assert await database.scan(numbers) == []
    running = f"SELECT FROM pg_stat_activity WHERE datname = '{name}' AND state = 'active'"
    await is_over(postgresql, running)


async def is_over(postgresql: PostgreSQL, running: str) -> None:
    """Wait until what is asked for has no rows, which is sooner than it would end by itself."""
    async with asyncio.timeout(20):
        while postgresql.ask(running):
            await asyncio.sleep(0.05)


async def test_a_long_read_changes_nothing(database: Database, open_database: Open) -> None:
    with pytest.raises(Unavailable):
        await open_database(timeout=2.0).scan(add)
    assert await database.read(numbers) == []


async def test_it_is_copied_by_its_own_programs(database: Database, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="pg_dump"):
        await database.copy_to(tmp_path / "copy")


async def test_a_check_tells_what_the_database_knows_to_be_wrong(
    database: Database, postgresql: PostgreSQL, name: str
) -> None:
    """And a thorough one reads indexes, where the extension for that is installed."""
    assert await database.check(thorough=False) == []
    postgresql.ask("CREATE EXTENSION amcheck", name)
    assert await database.check(thorough=True) == []
    postgresql.ask(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tags_digest'::regclass", name
    )
    assert await database.check(thorough=False) == [
        "the index tags_digest is not valid: REINDEX it"
    ]


def test_servers_that_start_at_once_make_the_tables_once(postgresql: PostgreSQL, name: str) -> None:
    def start(_: int) -> None:
        PostgresqlDatabase(Server(postgresql.url(name))).close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start, range(8)))
    assert postgresql.ask("SELECT version FROM lading_schema", name) == [(len(STEPS),)]


def test_a_database_of_a_newer_version_is_left_alone(
    open_database: Open, postgresql: PostgreSQL, name: str
) -> None:
    open_database()
    postgresql.ask(f"UPDATE lading_schema SET version = {len(STEPS) + 1}", name)
    with pytest.raises(NewerSchema, match="newer version of lading"):
        open_database()
    assert postgresql.ask("SELECT version FROM lading_schema", name) == [(len(STEPS) + 1,)]


def test_a_database_that_is_not_utf_8_is_refused(postgresql: PostgreSQL) -> None:
    postgresql.ask("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(CannotOpen, match="encoded as LATIN1: make one with CREATE DATABASE"):
        PostgresqlDatabase(Server(postgresql.url("latin")))


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    server = Server("postgresql://me:hush@127.0.0.1:1/db", timeout=0.3)
    with pytest.raises(CannotOpen, match=r"PostgreSQL cannot be used: .*refused") as told:
        PostgresqlDatabase(server)
    assert "hush" not in f"{told.value!r} {server!r}"


@pytest.mark.parametrize("url", ["postgresql://me:hush%zz@host/db", "postgresql://h?hush=1"])
def test_a_url_that_cannot_be_read_is_not_shown(url: str) -> None:
    with pytest.raises(CannotOpen, match=r"postgresql\.url cannot be read: write") as told:
        PostgresqlDatabase(Server(url))
    assert "hush" not in str(told.value)


async def test_of_several_hosts_the_one_that_takes_changes_is_asked(
    postgresql: PostgreSQL, own_server: PostgreSQL, name: str
) -> None:
    """Whichever comes first: a copy is behind, and what was acknowledged may not be there."""
    own_server.ask(f"CREATE DATABASE {name}")
    own_server.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    hosts = f"127.0.0.1:{own_server.port},127.0.0.1:{postgresql.port}"
    database = PostgresqlDatabase(Server(f"postgresql://postgres@{hosts}/{name}"))
    (port,) = await database.read(lambda connection: connection.execute(PORT).fetchone())
    assert port == postgresql.port
    database.close()


PORT = "SELECT inet_server_port()"


@pytest.fixture
def own_server() -> Iterator[PostgreSQL]:
    """A server of the test alone."""
    with running_postgresql() as server:
        yield server


async def test_a_password_that_changes_is_read_again(
    own_server: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the next connection; those that are open stay. Without a file, it is libpq's."""
    own_server.ask("CREATE ROLE guest LOGIN PASSWORD 'first' SUPERUSER")
    rules = own_server.directory / "data" / "pg_hba.conf"
    rules.write_text(f"host all guest 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
    own_server.ask("SELECT pg_reload_conf()")
    password = tmp_path / "password"
    password.write_text("first\n")
    monkeypatch.setenv("PGPASSWORD", "first")
    PostgresqlDatabase(Server(own_server.url(user="guest"))).close()
    url = own_server.url(user="guest:wrong")
    database = PostgresqlDatabase(Server(url, password, timeout=5.0))
    own_server.ask("ALTER ROLE guest PASSWORD 'second'")
    password.write_text("second")
    own_server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'")
    assert await database.read(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
    begun = time.monotonic()
    with pytest.raises(CannotOpen, match="password authentication failed"):
        PostgresqlDatabase(Server(url, timeout=30.0))
    assert time.monotonic() - begun < 25, "what is refused is not tried again"
    password.unlink()
    own_server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'")
    with pytest.raises(Unavailable):
        await database.read(lambda connection: connection.execute("SELECT 1").fetchone())
    database.close()


def test_a_server_is_known_by_its_certificate(own_server: PostgreSQL, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path, "localhost")
    for name in ("server.crt", "server.key"):
        there = own_server.directory / name
        shutil.copy(certificates.directory / name, there)
        shutil.chown(there, own_server.directory.owner())
        there.chmod(0o600)
    own_server.settings.update(
        ssl="on",
        ssl_cert_file=str(own_server.directory / "server.crt"),
        ssl_key_file=str(own_server.directory / "server.key"),
    )
    own_server.stop()
    own_server.start()
    query = f"sslmode=verify-full&sslrootcert={certificates.ca}"
    trusted = own_server.url(query=query).replace("127.0.0.1", "localhost")
    PostgresqlDatabase(Server(trusted)).close()

    wrong_name = own_server.url(query=query).replace("127.0.0.1", "127.0.0.2")
    other_ca = make_certificates(tmp_path / "other", "localhost").ca
    wrong_authority = trusted.replace(str(certificates.ca), str(other_ca))
    for url in (wrong_name, wrong_authority):
        with pytest.raises(CannotOpen):
            PostgresqlDatabase(Server(url, timeout=0.5))


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_what_was_acknowledged_survives_a_restart_under_load(
    own_server: PostgreSQL, how: str
) -> None:
    """Whoever asks meanwhile gets an answer in time, and most do not notice."""
    own_server.ask("CREATE TABLE t (n BIGINT PRIMARY KEY)")
    server = Server(own_server.url(), timeout=5.0)
    databases = [PostgresqlDatabase(server, 4) for _ in range(2)]
    acknowledged: list[int] = []
    refused: list[int] = []
    longest = 0.0
    ends_at = time.monotonic() + 6

    async def write(database: Database, first: int) -> None:
        nonlocal longest
        number = first
        while time.monotonic() < ends_at:
            number += 16
            begun = time.monotonic()
            try:
                await database.write(lambda connection: add(connection, number))  # noqa: B023
                acknowledged.append(number)
            except Unavailable:
                refused.append(number)
            longest = max(longest, time.monotonic() - begun)

    async def restart() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            await asyncio.to_thread(getattr(own_server, how))
            await asyncio.to_thread(own_server.start)

    await asyncio.gather(restart(), *(write(databases[n % 2], n) for n in range(16)))
    stored = set(await databases[0].read(numbers))
    for database in databases:
        database.close()

    assert set(acknowledged) <= stored
    assert longest < 15
    assert len(acknowledged) > len(refused)
    assert not (stored - set(acknowledged) - set(refused))


async def test_a_server_that_stands_still_keeps_nobody_waiting(own_server: PostgreSQL) -> None:
    """Neither connections that are open, nor new ones."""
    database = PostgresqlDatabase(Server(own_server.url(), timeout=3.0), 2)
    one = lambda connection: connection.execute("SELECT 1").fetchone()  # noqa: E731
    assert await database.read(one) == (1,)
    own_server.freeze()
    begun = time.monotonic()
    outcomes = await asyncio.gather(*(database.read(one) for _ in range(6)), return_exceptions=True)
    took = time.monotonic() - begun
    scanning = asyncio.ensure_future(database.scan(one))
    await asyncio.sleep(0.3)
    scanning.cancel()
    async with asyncio.timeout(20):
        with pytest.raises(asyncio.CancelledError):
            await scanning
    own_server.thaw()
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 6
    assert took < 20
    assert await database.read(one) == (1,)
    database.close()


@pytest.mark.parametrize("told", [False, True])
async def test_it_works_through_pgbouncer_in_transaction_mode(
    own_server: PostgreSQL, caplog: pytest.LogCaptureFixture, told: bool
) -> None:
    """With fewer connections than there are calls, and statements that come often.

    Also where nobody has said that it knows no prepared statements.
    """
    own_server.ask("CREATE TABLE t (n BIGINT PRIMARY KEY)")
    own_server.ask("ALTER DATABASE postgres SET client_min_messages = error")
    with pgbouncer_before(own_server, connections=3) as port:
        url = replace(own_server, port=port).url()
        servers = [Server(url, preparing=Preparing(not told)) for _ in range(2)]
        databases = [PostgresqlDatabase(server, 8) for server in servers]
        await asyncio.gather(
            *(
                databases[n % 2].write(lambda connection, n=n: add(connection, n))  # type: ignore[misc]
                for n in range(100)
            )
        )
        reads = await asyncio.gather(*(databases[n % 2].read(numbers) for n in range(100)))
        assert reads == [list(range(100))] * 100
        assert await databases[0].scan(numbers) == list(range(100))
        assert await databases[0].write(messages) == "warning"
        assert [server.preparing.is_on for server in servers] == [False, False]
        assert caplog.text.count("knows no prepared statements") == (0 if told else 2)
        for database in databases:
            database.close()


async def test_a_crash_behind_pgbouncer_is_waited_for(own_server: PostgreSQL) -> None:
    """If that asks the server again as docs/operations.md has it: by default after 15 seconds."""
    own_server.ask("CREATE TABLE t (n BIGINT PRIMARY KEY)")
    tries = 0

    def work(connection: SqlConnection) -> None:
        nonlocal tries
        tries += 1
        add(connection, tries)
        if tries == 1:
            (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
            os.kill(pid, signal.SIGKILL)
            connection.execute("SELECT pg_sleep(5)")

    with pgbouncer_before(own_server) as port:
        server = Server(replace(own_server, port=port).url(), preparing=Preparing(is_on=False))
        database = PostgresqlDatabase(server, 1)
        await database.write(work)
        assert await database.read(numbers) == [2]
        database.close()
