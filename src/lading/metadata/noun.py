"""Nouns of the metadata: what is asked and changed of one kind of rows.

What a noun does is a function of a connection, which says what it takes and gives; the class of the
noun says how each is run. So a transaction can be made of the same functions.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Concatenate

from lading.core.typing import P, T
from lading.ports.database import Database, SqlConnection


class Noun:
    """A noun some of whose calls are several transactions, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database


def reading(
    database: Database, work: Callable[Concatenate[SqlConnection, P], T]
) -> Callable[P, Coroutine[Any, Any, T]]:
    """A call that runs `work` as a short read."""
    return partial(database.read, work)


def scanning(
    database: Database, work: Callable[Concatenate[SqlConnection, P], T]
) -> Callable[P, Coroutine[Any, Any, T]]:
    """A call that runs `work` as a long read."""

    def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return database.scan(lambda connection: work(connection, *args, **kwargs))

    return call


def writing(
    database: Database, work: Callable[Concatenate[SqlConnection, P], T], *, durable: bool = True
) -> Callable[P, Coroutine[Any, Any, T]]:
    """A call that runs `work` in a transaction, which a power cut may undo unless it is durable."""

    def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return database.write(lambda connection: work(connection, *args, **kwargs), durable=durable)

    return call
