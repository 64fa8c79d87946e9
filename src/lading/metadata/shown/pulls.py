"""Rows of pulls: when each tag and manifest was last pulled, and by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.figures import LastPull
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection

_NOTE = """
    INSERT INTO pulls (repository_id, reference, at, actor)
    SELECT id, :reference, :at, :actor FROM repositories WHERE name = :repository
    ON CONFLICT (repository_id, reference) DO UPDATE SET at = excluded.at, actor = excluded.actor
    WHERE pulls.at < excluded.at
"""
_LAST = """
    SELECT reference, at, actor FROM pulls
    WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
        AND reference IN (SELECT key FROM json_each(:references))
"""
_PAGE = """
    SELECT name, reference, at, actor FROM pulls JOIN repositories ON id = repository_id
    WHERE at <= :until ORDER BY at DESC, repository_id DESC, reference DESC
    LIMIT :limit OFFSET :skipped
"""
_SOME = """
    SELECT repository_id, reference FROM pulls
    WHERE (repository_id > :repository OR repository_id = :repository AND reference > :reference)
    ORDER BY repository_id, reference LIMIT :limit
"""
# Rows of what is not there any more. A tag is no digest, so each is looked for in one table.
_GONE = f"""
    SELECT repository_id, reference FROM ({_SOME}) AS looked
    WHERE NOT EXISTS (SELECT 1 FROM tags WHERE tags.repository_id = looked.repository_id
            AND tags.name = looked.reference)
        AND NOT EXISTS (SELECT 1 FROM manifests
            WHERE manifests.repository_id = looked.repository_id
            AND manifests.digest = looked.reference)
"""
# One by one: for a list of pairs SQLite reads all pulls of their repositories.
_REMOVE = "DELETE FROM pulls WHERE repository_id = ? AND reference = ?"


@dataclass(frozen=True, slots=True)
class NotedPull:
    """A pull of a tag or a manifest, as it is told among other events."""

    repository: RepositoryName
    reference: str
    pull: LastPull


Noted = Mapping[tuple[str, str], LastPull]
"""Pulls by the name of their repository and by the tag or the digest."""


def note(connection: SqlConnection, pulls: Noted) -> None:
    """Note pulls; another worker may have seen a later one. What is no repository is left out."""
    connection.executemany(
        _NOTE,
        [
            {"repository": name, "reference": reference, "at": pull.at, "actor": pull.actor}
            for (name, reference), pull in sorted(pulls.items())
        ],
    )


def last(
    connection: SqlConnection, repository: RepositoryName, references: Sequence[str]
) -> Mapping[str, LastPull]:
    """The last pulls of tags and manifests of a repository, as far as there were any."""
    values = {"repository": repository, "references": batches.keys(references)}
    rows = connection.execute(_LAST, values)
    return {reference: LastPull(at, actor) for reference, at, actor in rows}


def page(
    connection: SqlConnection, *, until: float, skipped: int = 0, limit: int
) -> Sequence[NotedPull]:
    """The last pulls until a time, the latest first, without so many of the first ones."""
    values = {"until": until, "skipped": skipped, "limit": limit}
    rows = connection.execute(_PAGE, values)
    return [
        NotedPull(RepositoryName(name), reference, LastPull(at, actor))
        for name, reference, at, actor in rows
    ]


def remove_gone(
    connection: SqlConnection, after: tuple[int, str], *, limit: int
) -> tuple[int, str] | None:
    """Remove pulls of what is gone, of so many after one; the last of these, if there are more."""
    values = {"repository": after[0], "reference": after[1], "limit": limit}
    rows = connection.execute(_SOME, values).fetchall()
    gone = connection.execute(_GONE, values).fetchall()
    if gone:
        connection.executemany(_REMOVE, gone)
    return (rows[-1][0], rows[-1][1]) if len(rows) == limit else None


class LastPulls:
    """Pulls: the last one of each tag and manifest. A power cut may forget some."""

    def __init__(self, database: Database) -> None:
        self.note = writing(database, note, durable=False)
        self.last = reading(database, last)
        self.page = reading(database, page)
        self.remove_gone = writing(database, remove_gone, durable=False)
