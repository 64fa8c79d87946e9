"""The list of tables is what the schema says."""

import sqlite3
from collections.abc import Iterator

import pytest

from lading.databases.sqlite.connection import connect
from lading.metadata.moving.tables import LEFT, MOVED, MovedTable


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    """An empty database of the newest schema."""
    connection = connect(":memory:")
    connection.migrate()
    yield connection
    connection.close()


def test_each_table_goes_along_or_stays_behind(database: sqlite3.Connection) -> None:
    """Whoever adds a table says which."""
    there = {
        name
        for (name,) in database.execute(
            "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE TABLE%'"
        )
    }

    assert {table.name for table in MOVED} | set(LEFT) == there
    assert not {table.name for table in MOVED} & set(LEFT)


@pytest.mark.parametrize("table", MOVED, ids=lambda table: table.name)
def test_a_table_has_its_columns(database: sqlite3.Connection, table: MovedTable) -> None:
    columns = database.execute(f"PRAGMA table_info({table.name})").fetchall()

    assert {name for _, name, *_ in columns} == set(table.columns)
    keys = sorted((place, name) for _, name, _, _, _, place in columns if place)
    assert tuple(name for _, name in keys) == table.key
    assert {*table.identity, *table.large, *table.restless} <= set(table.columns)


@pytest.mark.parametrize("table", MOVED, ids=lambda table: table.name)
def test_a_table_comes_after_those_that_it_refers_to(
    database: sqlite3.Connection, table: MovedTable
) -> None:
    references = database.execute(f"PRAGMA foreign_key_list({table.name})").fetchall()
    before = [other.name for other in MOVED[: MOVED.index(table)]]

    assert {row[3]: row[2] for row in references} == table.references
    assert set(table.references.values()) <= set(before)
    for other in (each for each in MOVED if each.name in table.references.values()):
        assert len(other.key) == 1


@pytest.mark.parametrize("table", MOVED, ids=lambda table: table.name)
def test_what_must_be_unique_is_a_key_or_an_identity(
    database: sqlite3.Connection, table: MovedTable
) -> None:
    """Else a row could be in the way of another one."""
    for _, name, is_unique, *_ in database.execute(f"PRAGMA index_list({table.name})").fetchall():
        columns = {column for _, _, column in database.execute(f"PRAGMA index_info({name})")}
        assert not is_unique or columns <= {*table.key, *table.identity}
