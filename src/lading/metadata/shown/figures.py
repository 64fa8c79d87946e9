"""Rows of figures: what each repository has, counted by a job and never by a request.

`repositories.recount` says of which they are stale. It is 2 while a repository is counted, so that
a change that comes meanwhile sets it to 1 again; and what a crash leaves at 2 is counted once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple

from lading.core.figures import RepositoryFigures
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata.noun import looking, reading, scanning, writing
from lading.metadata.shown import columns, past_figures
from lading.ports.database import Database, SqlConnection

_BEGIN = """
    SELECT id FROM repositories WHERE recount > 0 AND id > ? ORDER BY id LIMIT ?
    /*! FOR NO KEY UPDATE SKIP LOCKED */
"""
# What a tag leads to: manifests, what they hold, and what is about them.
_COUNT = """
    WITH RECURSIVE tagged (digest) AS (
        SELECT digest FROM tags WHERE repository_id = :repository
        UNION
        SELECT coalesce(child, about.digest) FROM tagged
        CROSS JOIN (SELECT 0 AS way UNION ALL SELECT 1) AS ways
        LEFT JOIN edges ON way = 0 AND edges.repository_id = :repository
            AND parent = tagged.digest
        LEFT JOIN manifests AS about ON way = 1 AND about.repository_id = :repository
            AND subject = tagged.digest AND about.deleted_at IS NULL
        WHERE child IS NOT NULL OR about.digest IS NOT NULL
    ),
    trashed (digest) AS (
        SELECT digest FROM manifests
        WHERE repository_id = :repository AND deleted_at IS NOT NULL
        UNION
        SELECT child FROM trashed
        JOIN edges ON edges.repository_id = :repository AND parent = trashed.digest
    )
    SELECT coalesce(sum(size), 0), coalesce(sum(CASE WHEN is_tagged THEN size END), 0),
        coalesce(sum(CASE WHEN NOT is_tagged AND is_trashed THEN size END), 0)
    FROM (
        SELECT size, links.digest IN (SELECT digest FROM tagged) AS is_tagged,
            links.digest IN (SELECT digest FROM trashed) AS is_trashed
        FROM links JOIN blobs ON blobs.digest = links.digest WHERE repository_id = :repository
    ) AS here
"""
_COUNT_MANIFESTS = """
    SELECT count(CASE WHEN deleted_at IS NULL THEN 1 END), max(pushed_at)
    FROM manifests WHERE repository_id = ?
"""
# Repositories with few rows, which are counted in no time.
_ROWS = """(SELECT count(*) FROM (SELECT 1 FROM {table}
    WHERE repository_id = CAST(key AS BIGINT) LIMIT :most) AS few)"""
_ALL_ROWS = " + ".join(_ROWS.format(table=each) for each in ("links", "tags", "manifests", "edges"))
_FEW = f"SELECT CAST(key AS BIGINT) FROM json_each(:ids) WHERE :most > {_ALL_ROWS}"
# Rows of such a repository.
MOST_OF_FEW = 1000
_COLUMNS = "size, tagged_size, trash_size, tags, manifests, pushed_at, counted_at"
_STORE = f"""
    INSERT INTO figures (repository_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (repository_id) DO UPDATE SET size = excluded.size,
        tagged_size = excluded.tagged_size, trash_size = excluded.trash_size,
        tags = excluded.tags, manifests = excluded.manifests, pushed_at = excluded.pushed_at,
        counted_at = excluded.counted_at
"""
_END = """
    UPDATE repositories SET recount = 0
    WHERE recount = 2 AND id IN (SELECT CAST(key AS BIGINT) FROM json_each(?))
"""
_OF = f"""
    SELECT name, {_COLUMNS.replace("pushed_at", "figures.pushed_at")}
    FROM repositories JOIN figures ON repository_id = id
"""


def begin(connection: SqlConnection, *, after: int, limit: int) -> Sequence[int]:
    """The ids of some repositories of which the figures are stale, and which are counted now."""
    ids = [int(id_) for (id_,) in connection.execute(_BEGIN, (after, limit)).fetchall()]
    connection.execute(
        "UPDATE repositories SET recount = 2"
        " WHERE id IN (SELECT CAST(key AS BIGINT) FROM json_each(?))",
        (batches.keys(map(str, ids)),),
    )
    return ids


def count(connection: SqlConnection, repository_id: int, *, now: float) -> RepositoryFigures:
    """Count what a repository has; reads all of its rows."""
    size, tagged, trash = connection.execute(_COUNT, {"repository": repository_id}).fetchone()
    (tags,) = connection.execute(
        "SELECT count(*) FROM tags WHERE repository_id = ?", (repository_id,)
    ).fetchone()
    manifests, pushed_at = connection.execute(_COUNT_MANIFESTS, (repository_id,)).fetchone()
    return RepositoryFigures(int(size), int(tagged), int(trash), tags, manifests, pushed_at, now)


def count_few(
    connection: SqlConnection, ids: Sequence[int], *, now: float
) -> Mapping[int, RepositoryFigures]:
    """Count those of some repositories that have few rows, by id; nothing is kept of it."""
    values = {"ids": batches.keys(map(str, ids)), "most": MOST_OF_FEW}
    few = [int(id_) for (id_,) in connection.execute(_FEW, values).fetchall()]
    return {id_: count(connection, id_, now=now) for id_ in few}


def store(connection: SqlConnection, counted: Mapping[int, RepositoryFigures]) -> None:
    """Keep the figures of repositories, by id, whatever has changed since they were counted."""
    connection.executemany(_STORE, [(id_, *astuple(known)) for id_, known in counted.items()])
    past_figures.add_sizes(connection, counted)
    connection.execute(_END, (batches.keys(map(str, counted)),))


def of(
    connection: SqlConnection, names: Sequence[RepositoryName]
) -> Mapping[RepositoryName, RepositoryFigures]:
    """The figures of repositories; one that was never counted is left out."""
    rows = connection.execute(
        f"{_OF} WHERE name IN (SELECT key FROM json_each(?))", (batches.keys(names),)
    )
    return dict(_figures(row) for row in rows)


def largest(
    connection: SqlConnection, *, within: Sequence[str], limit: int
) -> Sequence[tuple[RepositoryName, RepositoryFigures]]:
    """The repositories that have the most bytes, of those whose names begin with some prefixes."""
    rows = connection.execute(
        f"{_OF} WHERE {columns.inside('name', within)}"
        " ORDER BY size DESC, repository_id DESC LIMIT :limit",
        {**columns.bounds(within), "limit": limit},
    )
    return [_figures(row) for row in rows]


def _figures(
    row: tuple[str, int, int, int, int, int, float | None, float],
) -> tuple[RepositoryName, RepositoryFigures]:
    return RepositoryName(row[0]), RepositoryFigures(*row[1:])


class KeptFigures:
    """Figures of repositories. Those that a power cut forgets are counted again."""

    def __init__(self, database: Database) -> None:
        self.begin = writing(database, begin, durable=False)
        self.count = scanning(database, count)
        self.count_few = looking(database, count_few)
        self.store = writing(database, store, durable=False)
        self.of = reading(database, of)
        self.largest = looking(database, largest)
