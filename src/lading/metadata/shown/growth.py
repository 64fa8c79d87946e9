"""Rows of growth: how large each repository was, once a day on which it had changed."""

from collections.abc import Mapping, Sequence

from lading.core.figures import DAILY, PastSize, RepositoryFigures, superfluous
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata.noun import reading
from lading.ports.database import Database, SqlConnection

_TIMES = """
    SELECT repository_id, at FROM growth
    WHERE repository_id IN (SELECT CAST(key AS BIGINT) FROM json_each(?))
"""
_OF = """
    SELECT at, size, tags FROM growth
    WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) ORDER BY at DESC LIMIT ?
"""
# Rows that are read for a plot, at most: see `core.figures.DAILY`.
_MOST = 500


def add(connection: SqlConnection, counted: Mapping[int, RepositoryFigures]) -> None:
    """Keep how large repositories are now, by id; what is superfluous then goes.

    So does what is later than now: the clock was ahead when it was counted.
    """
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


def of(connection: SqlConnection, repository: RepositoryName) -> Sequence[PastSize]:
    """How large a repository was, the first time first."""
    rows = connection.execute(_OF, (repository, _MOST)).fetchall()
    return [PastSize(*row) for row in reversed(rows)]


class Growth:
    """Growth of repositories, which is added to as they are counted."""

    def __init__(self, database: Database) -> None:
        self.of = reading(database, of)
