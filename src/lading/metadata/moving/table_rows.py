"""Rows of any table, whole and as they are: read in pages, written as they were read.

No rule of any noun is kept here: who writes has read the rows from a registry that keeps them.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from lading.databases.schema import is_empty
from lading.metadata import batches
from lading.metadata.moving import migrations
from lading.metadata.moving.tables import BLOBS, DELETIONS, MovedTable
from lading.metadata.noun import reading, scanning, writing
from lading.ports.database import Database, SqlConnection

Value = str | int | float | bytes | None
Row = tuple[Value, ...]

# Rows that are read at once.
PAGE = 1000
# Bytes of manifests that are read at once, about: one may be larger.
MOST_BYTES = 8 * 1024 * 1024


def count(connection: SqlConnection, table: MovedTable) -> int:
    """How many rows a table has."""
    return int(connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])


def page(
    connection: SqlConnection, table: MovedTable, columns: Sequence[str], *, after: Row
) -> Sequence[Row]:
    """`PAGE` rows at most, in the order of their keys.

    Args:
        columns: that are read, those of the key first; of a large one its length in bytes.
        after: the key that all others are greater than; empty for the first page.
    """
    key = ", ".join(table.key)
    read = ", ".join(f"length({name})" if name in table.large else name for name in columns)
    where = f"WHERE ({key}) > ({_places(after)})" if after else ""
    rows = connection.execute(
        f"SELECT {read} FROM {table.name} {where} ORDER BY {key} LIMIT ?", (*after, PAGE)
    )
    return [tuple(row) for row in rows]


def fetch(connection: SqlConnection, table: MovedTable, keys: Sequence[Row]) -> Sequence[Row]:
    """The whole rows of keys, where there are some."""
    return _select(connection, table, table.columns, keys)


def identities(connection: SqlConnection, table: MovedTable, keys: Iterable[Row]) -> frozenset[Row]:
    """The rows of keys that have one column, as their keys and what tells them from others."""
    columns = (*table.key, *table.identity)
    return frozenset(_select(connection, table, columns, list(dict.fromkeys(keys))))


def _select(
    connection: SqlConnection, table: MovedTable, columns: Sequence[str], keys: Sequence[Row]
) -> Sequence[Row]:
    found: list[Row] = []
    for piece in batches.pieces(keys):
        # As many as fill the statement up to a power of two, so that there are few statements.
        wanted = list(piece)
        wanted += wanted[-1:] * ((1 << (len(wanted) - 1).bit_length()) - len(wanted))
        rows = connection.execute(
            f"SELECT {', '.join(columns)} FROM {table.name} WHERE {_among(table, len(wanted))}",
            [value for key in wanted for value in key],
        )
        found += (tuple(row) for row in rows)
    return found


def _among(table: MovedTable, count: int) -> str:
    """The condition that a row has one of so many keys."""
    if len(table.key) == 1:
        return f"{table.key[0]} IN ({_places(range(count))})"
    keys = ", ".join([f"({_places(table.key)})"] * count)
    return f"({', '.join(table.key)}) IN (VALUES {keys})"


def number(connection: SqlConnection, table: MovedTable) -> None:
    """Have the database go on with its numbers after those that rows have."""
    statement = connection.dialect.go_on_numbering
    if table.is_numbered and statement:
        connection.execute(statement.format(table=table.name))


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" for _ in values)


def _insert(table: MovedTable) -> str:
    columns = table.columns
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({_places(columns)})"


def _upsert(table: MovedTable) -> str:
    changes = ", ".join(f"{name} = excluded.{name}" for name in table.rest)
    action = f"UPDATE SET {changes}" if changes else "NOTHING"
    return f"{_insert(table)} ON CONFLICT ({', '.join(table.key)}) DO {action}"


def _write(
    connection: SqlConnection, statement: str, table: MovedTable, rows: Sequence[Row], run: str
) -> None:
    migrations.require_run(connection, run)
    connection.executemany(statement, rows)
    if table is BLOBS:
        _delete(connection, DELETIONS, [row[:1] for row in rows])


def _remove(connection: SqlConnection, table: MovedTable, keys: Sequence[Row], run: str) -> None:
    migrations.require_run(connection, run)
    if table is BLOBS:
        linked = _linked(connection, keys)
        keys = [key for key in keys if key not in linked]
    _delete(connection, table, keys)
    if table is BLOBS:
        connection.executemany(_upsert(DELETIONS), keys)


def _linked(connection: SqlConnection, keys: Sequence[Row]) -> frozenset[Row]:
    """The blobs to which links lead: a collection in the origin has outrun the comparison of these.

    The next round finds the links gone, and the blobs.
    """
    rows = connection.execute(
        f"SELECT digest FROM blobs WHERE digest IN ({_places(keys)})"
        " AND EXISTS (SELECT 1 FROM links WHERE links.digest = blobs.digest)",
        [value for key in keys for value in key],
    )
    return frozenset(tuple(row) for row in rows)


def _delete(connection: SqlConnection, table: MovedTable, keys: Sequence[Row]) -> None:
    where = " AND ".join(f"{name} = ?" for name in table.key)
    connection.executemany(f"DELETE FROM {table.name} WHERE {where}", keys)


class TableRows:
    """Rows of any table, to be read."""

    def __init__(self, database: Database) -> None:
        self.count = scanning(database, count)
        self.page = reading(database, page)
        self.fetch = reading(database, fetch)
        self.identities = reading(database, identities)
        self.number = writing(database, number)
        self.is_empty = reading(database, is_empty)
        self.brought_by = partial(BroughtRows, database)


class BroughtRows(TableRows):
    """Rows of any table, written by one run of a migration; see `migrations.require_run`."""

    def __init__(self, database: Database, run: str) -> None:
        super().__init__(database)
        self._database = database
        self._run = run

    async def add(self, table: MovedTable, rows: Sequence[Row]) -> None:
        """Write rows that are not there; one that is in the way of another is left out."""
        await self._write(f"{_insert(table)} ON CONFLICT DO NOTHING", table, rows)

    async def put(self, table: MovedTable, rows: Sequence[Row]) -> None:
        """Write rows in the place of those that have their keys."""
        await self._write(_upsert(table), table, rows)

    async def remove(self, table: MovedTable, keys: Sequence[Row]) -> None:
        """Remove rows, but for blobs to which links lead.

        The bytes of a blob go when the migration ends, or with a collection.
        """
        for piece in batches.pieces(keys):
            work = partial(_remove, table=table, keys=piece, run=self._run)
            await self._database.write(work)

    async def _write(self, statement: str, table: MovedTable, rows: Sequence[Row]) -> None:
        for piece in batches.pieces(rows):
            work = partial(_write, statement=statement, table=table, rows=piece, run=self._run)
            await self._database.write(work)
