"""The port of databases: where SQL runs, and how a function of a connection is run there.

A function of a connection reads and writes rows, and touches nothing else: a database that finds
two writers in each other's way undoes one of them, and runs its function again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, Protocol

from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.typing import P, T

Parameters = Sequence[Any] | Mapping[str, Any]
# Ends a statement that returns something for each row that it changes, which is only counted.
COUNTED = "/*! RETURNING 1 */"
# Complaints of a check that are passed on; after as many, more tell nothing new.
MAX_COMPLAINTS = 20


class Rows(Protocol):
    """Rows that a statement has found or changed."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement has changed."""

    def fetchone(self) -> Any:
        """The next row; `None` if there are no more."""

    def fetchmany(self, size: int) -> list[Any]:
        """The next rows, at most `size` of them."""

    def fetchall(self) -> list[Any]:
        """All other rows."""

    def close(self) -> None:
        """Close the rows, which leaves the others unread."""

    def __iter__(self) -> Iterator[Any]:
        """Each row in turn."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Parts of statements that not all databases say alike, as one says them; all else is the same.

    Attributes:
        now: an expression: the database's own time, in seconds since the epoch.
        schema_version: a query: the number of steps that have built the tables.
        takes_changes: a query: 1, or 0 if it is a copy that is not in charge, or told not to.
        all_names: an aggregate: all that `name` is in the rows, with commas between, in any order.
        go_on_numbering: a statement, of a table that gives its rows numbers in a column `id`: have
            it go on after those that were written into it. Empty if it does by itself.
    """

    now: str
    schema_version: str
    takes_changes: str
    all_names: str
    go_on_numbering: str


class SqlConnection(Protocol):
    """A connection within a transaction, for as long as a function of it runs.

    Attributes:
        dialect: of the statements that it runs.
    """

    dialect: Dialect

    def execute(self, statement: str, parameters: Parameters = ..., /) -> Rows:
        """Run a statement with its parameters, `?` or `:name`."""

    def executemany(self, statement: str, parameters: Sequence[Parameters], /) -> Rows:
        """Run a statement that changes rows once for each of several parameters."""

    def execute_together(
        self, statements: Mapping[str, str], parameters: Mapping[str, Any], /
    ) -> Mapping[str, Sequence[Any]]:
        """Run several statements that change or lock rows; at once where each would be waited for.

        So none of them may need to see what another has changed, no row may be changed by two of
        them, and each returns one column or nothing; or it ends with `COUNTED`, which is less work
        where the number of rows is known anyway. What stands in a comment `/*! … */` may ask for
        what another one has returned, under its name.

        Returns:
            What those that return something have returned, by their names.
        """


Function = Callable[Concatenate[SqlConnection, P], T]
"""A function of a connection, and of other arguments."""
Work = Callable[[SqlConnection], T]


def busy() -> Unavailable:
    """The error for a client when something takes too long."""
    return Unavailable("the database is busy; try again")


def unusable() -> Unavailable:
    """The error for a client when a database fails, which is in the log."""
    return Unavailable("the database cannot be used; the registry's log says why")


class CannotOpen(Exception):
    """A database cannot be opened; the message says why and what to do. Nothing was changed."""


class DatabaseDamaged(CannotOpen):
    """What is in the place of a database is none, or is damaged; the message says which."""


class UnusableBackup(Exception):
    """The file is not a database of this program, or is damaged; the message says which."""


class NotEmpty(Exception):
    """There is a database with something in it already."""


@dataclass(frozen=True, slots=True)
class CopiedBlobs:
    """Blobs that a copy of the database knows, other than those whose bytes were lost.

    Attributes:
        paths_of: the files of a blob, below the root of all data; or the keys of its objects.
    """

    count: int
    digests: Iterator[Digest]
    paths_of: Callable[[Digest], Sequence[str]]


class Database(Protocol):
    """A database: where SQL runs.

    Each method but `close` raises `StorageFull` if there is no room, and `Unavailable` if the
    database is busy for too long, cannot be read or written, or is damaged.

    Attributes:
        is_elsewhere: whether a read waits for another process, so that several things are better
            asked at once.
    """

    is_elsewhere: bool = False

    async def read(self, work: Function[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short read: `work(connection, …)`; it may hold up the event loop."""

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        """Run `work` in a transaction and return its result once that is committed.

        It is waited for even when the caller is cancelled: what the caller holds meanwhile (the
        lock of a blob) is what makes the write right.

        Args:
            work: called with a connection, perhaps in another thread, perhaps more than once.
            durable: whether the commit must survive a power cut; it always survives a crash of the
                process.
            alone: whether it takes so long that nothing more is to go into its transaction.

        Raises:
            Exception: whatever `work` raised, after undoing what it did.
        """

    async def write_once(self, work: Work[T], *, durable: bool = False) -> T:
        """Run `work`, which changes rows by one statement, as a transaction.

        Where that saves something, it is sent by itself, and sent again if nobody knows whether it
        was done: done twice, it must be as if it was done once. So one that is not durable has to
        say by itself that it need not be synced (`lading.metadata.noun.NOT_SYNCED`), and one that
        fails must have changed nothing.
        """
        return await self.write(work, durable=durable)

    async def scan(self, work: Work[T]) -> T:
        """Run a long read, on a view of one moment, without holding up the event loop."""

    async def look(self, work: Work[T]) -> T:
        """Run a read that is short as a rule, on a view of one moment, as `scan` does.

        `work` may be called again where it turns out not to be short.
        """
        return await self.scan(work)

    async def check(self, *, thorough: bool) -> Sequence[str]:
        """The faults that the database finds in what it keeps, in its own words."""

    async def copy_to(self, target: Path) -> None:
        """Copy everything, as it is at one moment, into a new file; on disk when this returns."""

    def close(self) -> None:
        """Finish what was begun, and let go of all connections."""
