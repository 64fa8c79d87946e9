"""Rows of the record of logins, which all replicas share: who was right lately, and who guesses.

Of who was right there are keyed hashes; what they are of cannot be told from them. A guess is in a
leaky bucket, as in `lading.core.buckets`, whose row has the one number that tells how full it is at
any time: when it will be empty. One that would take longer than a full one was filled while the
clock was ahead: it counts as full, so nobody waits for years after that was set right.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from lading.core.typing import T
from lading.metadata import batches
from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection

# Seconds for which no right login is remembered any more, with a day for clocks: an end that is
# later was written while the clock was ahead, and may be of somebody who has left since.
LONGEST = 8 * 24 * 3600.0

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


def known(connection: SqlConnection, hashes: Collection[str], *, now: float) -> Mapping[str, float]:
    """The hashes among these that are remembered, each with its end."""
    marks = ", ".join("?" * len(hashes))
    rows = connection.execute(
        f"SELECT hash, ends_at FROM right_logins WHERE hash IN ({marks})"
        " AND ends_at > ? AND ends_at <= ?",
        (*hashes, now, now + LONGEST),
    )
    return dict(rows.fetchall())


def remember(connection: SqlConnection, ends: Mapping[str, float]) -> None:
    """Remember hashes until their ends, in one order for all who do."""
    for hash_, ends_at in sorted(ends.items()):
        connection.execute(
            "INSERT INTO right_logins (hash, ends_at) VALUES (?, ?)"
            " ON CONFLICT (hash) DO UPDATE SET ends_at = excluded.ends_at",
            (hash_, ends_at),
        )


def clear(connection: SqlConnection, *, now: float) -> None:
    """Remove some of the buckets that are empty, and of the right logins that ended."""
    connection.execute(
        "DELETE FROM guesses WHERE hash IN (SELECT hash FROM guesses WHERE empty_at <= ? LIMIT ?)",
        (now, batches.MOST_ROWS),
    )
    connection.execute(
        "DELETE FROM right_logins WHERE hash IN"
        " (SELECT hash FROM right_logins WHERE ends_at <= ? OR ends_at > ? LIMIT ?)",
        (now, now + LONGEST, batches.MOST_ROWS),
    )


class RecordRows:
    """The record of logins. A power cut may forget some of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = reading(database, known)
        self.remember = writing(database, remember, durable=False)
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
