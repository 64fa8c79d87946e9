"""Rows of guesses: how full the buckets are that wrong logins fill, over all replicas.

A row is a leaky bucket, as in `lading.core.buckets`, by the one number that tells how full it is at
any time: when it will be empty. One that would take longer than a full one was filled while the
clock was ahead: it counts as full, so nobody waits for years after that was set right.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from lading.core.typing import T
from lading.metadata import batches
from lading.metadata.noun import writing
from lading.ports.database import Database, SqlConnection

_PUT = """
    INSERT INTO guesses (hash, empty_at) VALUES (:hash, :now + :pause)
    ON CONFLICT (hash) DO UPDATE SET empty_at = :pause
        + CASE WHEN guesses.empty_at > :now + :full THEN :now + :full
            WHEN guesses.empty_at > :now THEN guesses.empty_at ELSE :now END
    RETURNING empty_at
"""
_TAKE_BACK = "UPDATE guesses SET empty_at = empty_at - :pause WHERE hash = :hash"


@dataclass(frozen=True, slots=True, order=True)
class GuessBucket:
    """A bucket that guesses fill.

    Attributes:
        hash: of whose it is.
        pause: seconds in which one of what is in it leaks.
        full: seconds in which it leaks all if it is full; more than that does not count.
    """

    hash: str
    pause: float
    full: float


Choose = Callable[[Mapping[GuessBucket, float]], tuple[Collection[GuessBucket], T]]
"""What is done about buckets: those in which one more stays, by how much is in each; and why."""


def _put(
    connection: SqlConnection, buckets: Sequence[GuessBucket], choose: Choose[T], now: float
) -> T:
    """Put a guess into each bucket, in one order for all who do, so that of many each is seen."""
    levels = {bucket: _put_into(connection, bucket, now) for bucket in sorted(buckets)}
    chosen, why = choose(levels)
    take_back(connection, levels.keys() - set(chosen))
    return why


def _put_into(connection: SqlConnection, bucket: GuessBucket, now: float) -> float:
    """Put a guess into a bucket; how much was in that before."""
    values = {"hash": bucket.hash, "pause": bucket.pause, "full": bucket.full, "now": now}
    (empty_at,) = connection.execute(_PUT, values).fetchone()
    # Times since the epoch are exact to a fraction of a microsecond, and levels are compared.
    return max(0.0, round((float(empty_at) - now) / bucket.pause - 1, 5))


def take_back(connection: SqlConnection, buckets: Collection[GuessBucket]) -> None:
    """Take out of each bucket again what was no guess."""
    for bucket in sorted(buckets):
        connection.execute(_TAKE_BACK, {"hash": bucket.hash, "pause": bucket.pause})


def clear(connection: SqlConnection, *, now: float) -> None:
    """Remove some of the buckets that are empty."""
    connection.execute(
        "DELETE FROM guesses WHERE hash IN (SELECT hash FROM guesses WHERE empty_at <= ? LIMIT ?)",
        (now, batches.MOST_ROWS),
    )


class Guesses:
    """Guesses at passwords. A power cut may forget them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.take_back = writing(database, take_back, durable=False)
        self.clear = writing(database, clear, durable=False)

    async def put(self, buckets: Sequence[GuessBucket], choose: Choose[T], *, now: float) -> T:
        """Put a guess into those of the buckets that are chosen.

        Args:
            buckets: of the guess, each of another hash.
            choose: tells which, from how full each was before; called again if the write is.

        Returns:
            What else `choose` had to say.
        """
        return await self._database.write(
            lambda connection: _put(connection, buckets, choose, now), durable=False
        )
