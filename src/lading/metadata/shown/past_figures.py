"""Past figures: samples of the whole registry, and once a day how large a repository had become.

The older ones are further apart (`core.figures.superfluous`). What is later than now is of a clock
that was ahead: it goes, or it would be the last for years.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple

from lading.core.figures import DAILY, PastSize, RepositoryFigures, Sample, superfluous
from lading.core.names import RepositoryName
from lading.metadata import batches
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
_TIMES = """
    SELECT repository_id, at FROM growth
    WHERE repository_id IN (SELECT CAST(key AS BIGINT) FROM json_each(?))
"""
_SIZES_OF = """
    SELECT at, size, tags FROM growth
    WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) ORDER BY at DESC LIMIT ?
"""
# Blobs whose bytes are summed when somebody looks.
MOST_SUMMED = 1000
# Samples, and sizes of a repository, that are read for a plot, at most.
_MOST, _MOST_SIZES = 2000, 500


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
    """Keep a sample, and remove those that are too close together for how old they are."""
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


def add_sizes(connection: SqlConnection, counted: Mapping[int, RepositoryFigures]) -> None:
    """Keep how large repositories are now, by id; what is superfluous then goes."""
    known: dict[int, list[float]] = {id_: [] for id_ in counted}
    for id_, at in connection.execute(_TIMES, (batches.keys(map(str, counted)),)).fetchall():
        known[id_].append(at)
    gone = [
        (id_, at)
        for id_, figures in counted.items()
        for at in _gone(known[id_], figures.counted_at)
    ]
    connection.executemany("DELETE FROM growth WHERE repository_id = ? AND at = ?", gone)
    connection.executemany(
        "INSERT INTO growth (repository_id, at, size, tags) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [(id_, each.counted_at, each.size, each.tags) for id_, each in counted.items()],
    )


def _gone(known: Sequence[float], now: float) -> Sequence[float]:
    past = [at for at in known if at <= now]
    return [at for at in known if at > now] + [
        at for at in superfluous([*past, now], now, DAILY) if at != now
    ]


def sizes_of(connection: SqlConnection, repository: RepositoryName) -> Sequence[PastSize]:
    """How large a repository was, the first time first."""
    rows = connection.execute(_SIZES_OF, (repository, _MOST_SIZES)).fetchall()
    return [PastSize(*row) for row in reversed(rows)]


class Samples:
    """Samples of the figures of the whole registry."""

    def __init__(self, database: Database) -> None:
        self.take = scanning(database, take)
        self.add = writing(database, add, durable=False)
        self.last = reading(database, last)
        self.now = reading(database, now)
        self.all = reading(database, all_)


class Growth:
    """Growth of repositories, which is added to as they are counted."""

    def __init__(self, database: Database) -> None:
        self.of = reading(database, sizes_of)
