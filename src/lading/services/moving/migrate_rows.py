"""Migration of rows: table by table from one database into another, by comparing what is there.

Nothing is remembered of what was brought: it is found by looking, so whatever ends a migration,
the next one goes on from there. While the registry is used, what is missing is brought as far as
what it refers to is there; the rest comes when nothing changes any more.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from lading.core.digest import Digest
from lading.metadata import batches
from lading.metadata.inspection import KnownBlob
from lading.metadata.moving.table_rows import MOST_BYTES, PAGE, BroughtRows, Row, TableRows
from lading.metadata.moving.tables import BLOBS, DOCUMENTS, MOVED, MovedTable
from lading.services.moving.migrate_blobs import BlobCopies, groups

_TABLES = {table.name: table for table in MOVED}
_Write = Callable[[MovedTable, Sequence[Row]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Changed:
    """A row whose key both databases have, `new` in the origin and `old` in the target."""

    new: Row
    old: Row

    def differs(self, table: MovedTable, columns: Sequence[str]) -> bool:
        """Whether one of the columns differs."""
        places = (table.columns.index(name) for name in columns)
        return any(self.new[place] != self.old[place] for place in places)


@dataclass(slots=True)
class Difference:
    """The difference between the rows of a table in two databases, from one key to another.

    Attributes:
        rows: all that the origin has.
        missing: rows that the target does not have.
        changed: rows that it has otherwise.
        extra: rows that it alone has.
    """

    rows: Sequence[Row]
    missing: list[Row] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    extra: list[Row] = field(default_factory=list)


class RowCopies:
    """Copies of rows in another database.

    Args:
        blobs: brings bytes, before rows say that they are there.
        with_bytes: whether what is known of where bytes are goes along, as they stay there.
        advance: told how many rows were compared.

    Attributes:
        first_document: the smallest id of a manifest whose body was written; set it to `None`
            when all so far were checked.
    """

    def __init__(
        self,
        origin: TableRows,
        target: BroughtRows,
        blobs: BlobCopies,
        *,
        with_bytes: bool,
        advance: Callable[[int], None],
    ) -> None:
        self._origin = origin
        self._target = target
        self._blobs = blobs
        self._advance = advance
        self.tables = [table for table in MOVED if with_bytes or not table.of_bytes]
        self.first_document: int | None = None

    async def count(self) -> int:
        """How many rows there are to compare."""
        return sum([await self._origin.count(table) for table in self.tables])

    async def bring_blobs(self, advance: Callable[[int], None]) -> None:
        """Bring blobs with their bytes; `advance` is told the bytes of those that were there.

        What is known of bytes that stay where they are, comes before.
        """
        for table in self.tables[: self.tables.index(BLOBS)]:
            if table.of_bytes:
                await self._bring(table)
        async for found in self._compare(BLOBS, BLOBS.columns):
            await self._write(BLOBS, found.missing, found.changed, self._target.put)
            absent = set(found.missing)
            advance(sum(_blob(row).size for row in found.rows if row not in absent))

    async def bring(self) -> int:
        """Bring what is missing or has changed, while the registry is used; how many rows."""
        return sum([await self._bring(table) for table in self.tables])

    async def bring_again(self) -> int:
        """Bring what is missing once more, without documents that the origin does not have now."""
        return await self._remove_others(DOCUMENTS) + await self.bring()

    async def equalise(self) -> int:
        """Make both equal; how many rows were not, by more than pulls and logins do to them.

        Nobody else may change either of them meanwhile, but for that.
        """
        removed = [await self._remove_others(table) for table in reversed(self.tables)]
        written = [await self._write_all(table) for table in self.tables]
        return sum(removed) + sum(written)

    async def end(self) -> None:
        """Have the target's database number new rows after those that were brought."""
        for table in self.tables:
            await self._target.number(table)

    async def _bring(self, table: MovedTable) -> int:
        count = 0
        async for found in self._compare(table, table.columns):
            # A row whose key or name another one has there is for `equalise`.
            missing = await self._referring(table, found.missing)
            same = [pair for pair in found.changed if not pair.differs(table, table.identity)]
            whole = set(await self._referring(table, [pair.new for pair in same]))
            same = [pair for pair in same if pair.new in whole]
            await self._write(table, missing, [], self._target.add)
            await self._write(table, [], same, self._target.put)
            count += len(missing) + len(same)
            self._advance(len(found.rows))
        return count

    async def _remove_others(self, table: MovedTable) -> int:
        """Remove what the origin does not have, and what has its key and is something else."""
        count, width = 0, len(table.key)
        async for found in self._compare(table, (*table.key, *table.identity)):
            others = [*found.extra, *(pair.old for pair in found.changed)]
            await self._target.remove(table, [row[:width] for row in others])
            count += len(others)
            self._advance(len(found.rows))
        return 0 if table.is_restless else count

    async def _write_all(self, table: MovedTable) -> int:
        count = 0
        steady = [name for name in table.rest if name not in table.restless]
        async for found in self._compare(table, table.columns):
            await self._write(table, found.missing, found.changed, self._target.put)
            count += len(found.missing)
            count += sum(pair.differs(table, steady) for pair in found.changed)
            self._advance(len(found.rows))
        return 0 if table.is_restless else count

    async def _compare(
        self, table: MovedTable, columns: Sequence[str]
    ) -> AsyncIterator[Difference]:
        """The differences of a table, in the order of its keys."""
        after: Row = ()
        while True:
            old, new = await asyncio.gather(
                self._target.page(table, columns, after=after),
                self._origin.page(table, columns, after=after),
            )
            # A page that is full says nothing of the keys after its last one.
            width = len(table.key)
            last = min((page[-1][:width] for page in (old, new) if len(page) == PAGE), default=None)
            yield _difference(_by_key(new, width, last), _by_key(old, width, last))
            if last is None:
                return
            after = last

    async def _referring(self, table: MovedTable, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows among these whose references lead to the same rows at the target."""
        for column, name in table.references.items() if rows else ():
            place = table.columns.index(column)
            keys = [(row[place],) for row in rows]
            there = await self._target.identities(_TABLES[name], keys)
            there &= await self._origin.identities(_TABLES[name], keys)
            same = {key for key, *_ in there}
            rows = [row for row in rows if row[place] in same]
        return rows

    async def _write(
        self, table: MovedTable, missing: Sequence[Row], changed: Sequence[Changed], write: _Write
    ) -> None:
        rows = [*missing, *(pair.new for pair in changed)]
        if table.large:
            await self._write_large(table, rows, write)
        elif table is BLOBS:
            await self._write_blobs(missing, changed, write)
        elif rows:
            await write(table, rows)

    async def _write_large(self, table: MovedTable, rows: Sequence[Row], write: _Write) -> None:
        """Write whole documents, or pieces, of which the lengths are known, as memory has room."""
        width = len(table.key)
        for some in batches.groups(
            rows,
            lambda row: sum(int(str(length)) for length in row[width:]),
            most_size=MOST_BYTES,
            most=PAGE,
        ):
            keys = [row[:width] for row in some]
            await write(table, await self._origin.fetch(table, keys))
            first = min(int(str(id_)) for id_, *_ in keys)
            self.first_document = min(first, self.first_document or first)

    async def _write_blobs(
        self, missing: Sequence[Row], changed: Sequence[Changed], write: _Write
    ) -> None:
        """Write rows of blobs, those of bytes that the target does not have after the bytes."""
        lost = BLOBS.columns.index("lost_at")
        found = [pair.new for pair in changed if pair.old[lost] is not None]
        absent = [row for row in (*missing, *found) if row[lost] is None]
        by_digest = {Digest(str(row[0])): row for row in absent}
        for group in groups([_blob(row) for row in absent]):
            brought = await self._blobs.bring(group)
            await write(BLOBS, [by_digest[blob.digest] for blob in brought])
            await self._blobs.settle(brought)
        rows = [*missing, *(pair.new for pair in changed)]
        await write(BLOBS, [row for row in rows if row[0] not in by_digest])


def _difference(new: dict[Row, Row], old: dict[Row, Row]) -> Difference:
    found = Difference(list(new.values()))
    for key, row in new.items():
        if key not in old:
            found.missing.append(row)
        elif old[key] != row:
            found.changed.append(Changed(row, old[key]))
    found.extra += (row for key, row in old.items() if key not in new)
    return found


def _by_key(rows: Sequence[Row], width: int, last: Row | None) -> dict[Row, Row]:
    """Rows by their keys, up to the last one."""
    # Keys of a table are of the same types, column by column, so that they can be compared.
    return {row[:width]: row for row in rows if last is None or not row[:width] > last}


def _blob(row: Row) -> KnownBlob:
    return KnownBlob(Digest(str(row[0])), int(str(row[1])), lost=False)
