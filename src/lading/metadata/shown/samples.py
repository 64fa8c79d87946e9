"""Rows of samples: the figures of the whole registry over time, the older ones further apart."""

from collections.abc import Sequence
from dataclasses import astuple

from lading.core.figures import Sample, superfluous
from lading.metadata.noun import reading, scanning, writing
from lading.ports.database import Database, SqlConnection

_COLUMNS = "at, repositories, tags, stored, tagged, untagged, trash, shared, unlinked, uploads"
_SUMS = """
    SELECT count(*), coalesce(sum(tags), 0), coalesce(sum(size), 0),
        coalesce(sum(tagged_size), 0), coalesce(sum(trash_size), 0)
    FROM figures WHERE pushed_at IS NOT NULL
"""
_BLOBS = """
    SELECT coalesce(sum(CASE WHEN unlinked_at IS NULL THEN size END), 0),
        coalesce(sum(CASE WHEN unlinked_at IS NOT NULL THEN size END), 0)
    FROM blobs
"""
# In the order of an index, as no more than so many are read.
_NOW = f"""
    WITH summed (size) AS (SELECT size FROM blobs AS few ORDER BY digest LIMIT :most)
    SELECT (SELECT count(*) FROM summed), (SELECT coalesce(sum(size), 0) FROM summed), last.*
    FROM (SELECT 1 AS one) AS one
    LEFT JOIN (SELECT {_COLUMNS} FROM samples ORDER BY at DESC LIMIT 1) AS last ON one = 1
"""
# Blobs whose bytes are summed when somebody looks.
MOST_SUMMED = 1000
# Rows that are read for a plot, at most: see `core.figures.superfluous`.
_MOST = 2000


def take(connection: SqlConnection, *, uploads: int, now: float) -> Sample:
    """A sample of now, by the figures of repositories and the bytes of uploads; reads all blobs."""
    repositories, tags, size, tagged, trash = map(int, connection.execute(_SUMS).fetchone())
    linked, unlinked = map(int, connection.execute(_BLOBS).fetchone())
    return Sample(
        at=now,
        repositories=repositories,
        tags=tags,
        stored=linked + unlinked,
        tagged=tagged,
        untagged=size - tagged - trash,
        trash=trash,
        shared=max(0, size - linked),
        unlinked=unlinked,
        uploads=uploads,
    )


def add(connection: SqlConnection, sample: Sample) -> None:
    """Keep a sample, and remove those that are too close together for how old they are.

    Those that are later are of a clock that was ahead: one of them would be the last for years.
    """
    connection.execute("DELETE FROM samples WHERE at > ?", (sample.at,))
    times = [at for (at,) in connection.execute("SELECT at FROM samples").fetchall()]
    connection.executemany(
        "DELETE FROM samples WHERE at = ?",
        [(at,) for at in superfluous([*times, sample.at], sample.at) if at != sample.at],
    )
    connection.execute(
        f"INSERT INTO samples ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        astuple(sample),
    )


def last(connection: SqlConnection) -> Sample | None:
    """The last sample; `None` if there is none yet."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM samples ORDER BY at DESC LIMIT 1").fetchone()
    return None if row is None else Sample(*row)


def now(connection: SqlConnection) -> tuple[Sample | None, int | None]:
    """The last sample, and the bytes of all blobs now; `None` if there are too many to sum them."""
    count, size, *sample = connection.execute(_NOW, {"most": MOST_SUMMED}).fetchone()
    last = None if sample[0] is None else Sample(*sample)
    return last, int(size) if count < MOST_SUMMED else None


def all_(connection: SqlConnection) -> Sequence[Sample]:
    """All samples, the first one first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM samples ORDER BY at DESC LIMIT ?", (_MOST,)
    ).fetchall()
    return [Sample(*row) for row in reversed(rows)]


class Samples:
    """Samples of the figures of the whole registry."""

    def __init__(self, database: Database) -> None:
        self.take = scanning(database, take)
        self.add = writing(database, add, durable=False)
        self.last = reading(database, last)
        self.now = reading(database, now)
        self.all = reading(database, all_)
