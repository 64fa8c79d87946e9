"""Nouns of the metadata: what is asked and changed of one kind of rows.

What a noun does is a function of a connection, which says what it takes and gives; the class of the
noun says how each is run. So a transaction can be made of the same functions.
"""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from lading.core.typing import P, T
from lading.metadata import batches
from lading.metadata.attempts import Attempts
from lading.ports.database import Database, Function, SqlConnection, Work
from lading.system.gathering import Gathering

Call = Callable[P, Coroutine[Any, Any, T]]
"""A call of a noun: what a function of a connection does, without the connection."""

# Ends a condition of a statement that `writing_once` runs: its commit is not waited for on a disk.
NOT_SYNCED = "/*! AND set_config('synchronous_commit', 'off', true) = 'off' */"


def reading(database: Database, work: Function[P, T]) -> Call[P, T]:
    """A call that runs `work` as a short read."""
    return partial(database.read, work)


def together(
    database: Database,
    work: Function[P, T],
    several: Callable[[SqlConnection, Sequence[Any]], Sequence[T]],
) -> Call[P, T]:
    """A call that runs `work` as a short read, or, where reads are waited for, several at once.

    Args:
        several: does what `work` does, for each of `MOST_WANTED` tuples of its arguments at most,
            in their order.
    """
    if not database.is_elsewhere:
        return reading(database, work)
    gathering = Gathering[Any, T](lambda asked: database.read(several, asked), batches.MOST_WANTED)

    async def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        assert not kwargs, "arguments are told apart by their places"
        return await gathering.ask(args)

    return ask


def scanning(database: Database, work: Function[P, T]) -> Call[P, T]:
    """A call that runs `work` as a long read."""
    return _call(database.scan, work)


def looking(database: Database, work: Function[P, T]) -> Call[P, T]:
    """A call that runs `work` as a read that is short unless very much is there."""
    return _call(database.look, work)


def writing(database: Database, work: Function[P, T], *, durable: bool = True) -> Call[P, T]:
    """A call that runs `work` in a transaction, which a power cut may undo unless it is durable."""
    return _call(lambda bound: database.write(bound, durable=durable), work)


def writing_once(database: Database, work: Function[P, T], *, durable: bool = False) -> Call[P, T]:
    """A call that runs `work`, which changes rows by one statement, in a transaction of its own.

    The statement may be run twice, see `Database.write_once`.
    """
    return _call(lambda bound: database.write_once(bound, durable=durable), work)


def attempting(attempts: Attempts, work: Function[P, T]) -> Call[P, T]:
    """A call that runs `work` in a transaction in a moment or not at all; see `Attempts.write`."""
    return _call(attempts.write, work)


def _call(run: Callable[[Work[T]], Coroutine[Any, Any, T]], work: Function[P, T]) -> Call[P, T]:
    """A call that has `work` run, with the arguments that the call gets."""

    def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return run(lambda connection: work(connection, *args, **kwargs))

    return call
