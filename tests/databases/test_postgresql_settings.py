"""The database in PostgreSQL, whatever was set there, and while others use its tables."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from lading.databases import schema
from lading.databases.postgresql import migration
from lading.databases.postgresql.connection import ASK_UNFIT
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.databases.schema import STEPS
from lading.ports.database import SqlConnection
from tests.support.postgresql import PostgreSQL

pytestmark = pytest.mark.e2e

VERSION = "SELECT version FROM lading_schema"
# The letter of a name that most encodings do not have.
NAME = "Łukasz 雪"


@pytest.fixture
def name(postgresql: PostgreSQL) -> str:
    """The name of an empty database."""
    return postgresql.new_database()


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A next version of this program, of which a step changes a table."""
    steps = (*STEPS, "ALTER TABLE tags ADD COLUMN note TEXT NOT NULL DEFAULT ''")
    for module in (schema, migration):
        monkeypatch.setattr(module, "STEPS", steps)


def write_name(connection: SqlConnection) -> None:
    connection.execute("INSERT INTO switches (name, actor, at) VALUES (?, ?, ?)", (NAME, NAME, 1.0))


def names(connection: SqlConnection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, actor FROM switches WHERE name = ?", (NAME,)).fetchall()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_names_of_all_alphabets_come_back_whatever_clients_are_to_speak(
    postgresql: PostgreSQL, name: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default: of the database, or of libpq in the environment."""
    postgresql.ask(f"ALTER DATABASE {name} SET client_encoding = '{encoding}'")
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    with closing(PostgresqlDatabase(Server(postgresql.url(name)))) as database:
        await database.write(write_name)
        assert await database.read(names) == [(NAME, NAME)]


async def test_what_is_acknowledged_is_synced_whatever_clients_are_to_wait_for(
    postgresql: PostgreSQL, name: str
) -> None:
    """But what a power cut may forget; and who asks for more than that gets more."""

    def synced(connection: SqlConnection) -> str:
        (found,) = connection.execute("SELECT current_setting('synchronous_commit')").fetchone()
        return str(found)

    for said, wanted in (("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")):
        postgresql.ask(f"ALTER DATABASE {name} SET synchronous_commit = '{said}'")
        with closing(PostgresqlDatabase(Server(postgresql.url(name)))) as database:
            assert await database.write(synced) == wanted
            assert await database.write_once(synced) == wanted
            assert await database.write(synced, durable=False) == "off"


def test_what_does_not_fit_is_set_and_nothing_else(postgresql: PostgreSQL, name: str) -> None:
    """Also what no version of PostgreSQL before 17 knows."""
    asked = ASK_UNFIT.decode()
    assert postgresql.ask(asked, name) == [("",)]
    for setting in ("client_min_messages = error", "synchronous_commit = off"):
        postgresql.ask(f"ALTER DATABASE {name} SET {setting}")
    ((commands,),) = postgresql.ask(asked, name)
    assert commands == (
        "SET LOCAL client_min_messages = 'warning';SET LOCAL synchronous_commit = 'on';"
    )
    postgresql.ask(f"ALTER DATABASE {name} SET statement_timeout = '9s'")
    newer = asked.replace("transaction_timeout", "statement_timeout")
    assert postgresql.ask(newer, name) == [(f"{commands}SET LOCAL statement_timeout = '0';",)]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_servers_that_start_at_once_make_the_tables_once_on_any_view_of_them(
    postgresql: PostgreSQL, name: str, isolation: str
) -> None:
    postgresql.ask(f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")

    def start(_: int) -> None:
        PostgresqlDatabase(Server(postgresql.url(name))).close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start, range(8)))
    assert postgresql.ask(VERSION, name) == [(len(STEPS),)]


def test_who_waits_for_another_to_make_the_tables_waits_longer_than_a_role_may(
    postgresql: PostgreSQL, name: str
) -> None:
    """What makes them may take minutes, too."""
    for setting in ("statement_timeout", "lock_timeout"):
        postgresql.ask(f"ALTER DATABASE {name} SET {setting} = '200ms'")
    server = Server(postgresql.url(name))
    with psycopg.connect(postgresql.url(name)) as other:
        other.execute(migration._LOCK)
        opening = ThreadPoolExecutor(1).submit(PostgresqlDatabase, server)
        time.sleep(1)
    opening.result(30).close()
    assert postgresql.ask(VERSION, name) == [(len(STEPS),)]


@pytest.mark.usefixtures("next_version")
def test_a_table_that_is_dumped_is_changed_later_and_goes_on_being_read(
    postgresql: PostgreSQL, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By older servers, which would all wait behind a change that waits for the dump."""
    monkeypatch.setattr(migration, "_PAUSE", 0.1)
    server = Server(postgresql.url(name))
    with monkeypatch.context() as before:
        for module in (schema, migration):
            before.setattr(module, "STEPS", STEPS)
        PostgresqlDatabase(server).close()
    longest = 0.0
    with psycopg.connect(postgresql.url(name)) as dump:
        dump.execute("LOCK TABLE tags IN ACCESS SHARE MODE")
        opening = ThreadPoolExecutor(1).submit(PostgresqlDatabase, server)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            begun = time.monotonic()
            postgresql.ask("SET statement_timeout = '20s'; SELECT count(*) FROM tags", name)
            longest = max(longest, time.monotonic() - begun)
        assert not opening.done()
        assert postgresql.ask(VERSION, name) == [(len(STEPS),)]
    opening.result(30).close()
    assert postgresql.ask(VERSION, name) == [(len(STEPS) + 1,)]
    assert longest < 10


async def test_of_several_hosts_one_that_swallows_everything_leaves_time_for_the_others(
    postgresql: PostgreSQL, name: str
) -> None:
    """As the machine of a server that has failed, whose place a copy has taken."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{postgresql.port}"
        server = Server(f"postgresql://postgres@{hosts}/{name}", timeout=8.0)
        begun = time.monotonic()
        with closing(PostgresqlDatabase(server)) as database:
            assert await database.read(lambda c: c.execute("SELECT 1").fetchone()) == (1,)
        assert time.monotonic() - begun < 6
        again = server.connect(8.0)
        assert time.monotonic() - begun < 6, "which of them answers is known by then"
        again.close()
