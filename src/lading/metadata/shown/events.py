"""Events in all repositories: moves and deletions, and rows of requests that were refused.

Who has set, moved and deleted tags, and deleted manifests, is in the history of tags and in the
trash; nothing is written for this. A page looks at so many rows, whoever may see them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.history import NotedRefusal, TagMove
from lading.core.names import RepositoryName, Tag
from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection

_MOVES = """
    SELECT moved.id, name, tag, at, actor, previous, digest FROM (
        SELECT * FROM tag_history WHERE id < ? ORDER BY id DESC LIMIT ?) AS moved
    JOIN repositories ON repositories.id = repository_id ORDER BY moved.id DESC
"""
_DELETIONS = """
    SELECT m.id, name, digest, deleted_at, deleted_by FROM manifests AS m
    JOIN repositories ON repositories.id = repository_id
    WHERE deleted_at IS NOT NULL AND deleted_at <= :before
        AND (deleted_at < :before OR m.id < :before_id)
    ORDER BY deleted_at DESC, m.id DESC LIMIT :limit
"""
_REFUSAL = "at, what, actor, claimed, repository, reference, address, status, times"
_ADD_REFUSAL = f"INSERT INTO refusals ({_REFUSAL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
# Rows of refusals that are kept; some MiB.
MOST_REFUSALS = 10_000


@dataclass(frozen=True, slots=True)
class MovedTag:
    """A move of a tag of some repository; later ones have greater numbers."""

    number: int
    repository: RepositoryName
    tag: Tag
    move: TagMove


@dataclass(frozen=True, slots=True)
class DeletedManifest:
    """A deletion of a manifest in the trash; of those at one time the greatest is the first."""

    number: int
    repository: RepositoryName
    digest: Digest
    at: float
    actor: str


def moves(connection: SqlConnection, *, before: int, limit: int) -> Sequence[MovedTag]:
    """The last moves of tags before one, the latest first."""
    rows = connection.execute(_MOVES, (before, limit))
    return [
        MovedTag(
            number,
            RepositoryName(name),
            Tag(tag),
            TagMove(at, actor, previous and Digest(previous), digest and Digest(digest)),
        )
        for number, name, tag, at, actor, previous, digest in rows
    ]


def deletions(
    connection: SqlConnection, *, before: float, before_number: int = 0, limit: int
) -> Sequence[DeletedManifest]:
    """The last deletions of manifests before a time, and those at it of lesser numbers."""
    values = {"before": before, "before_id": before_number, "limit": limit}
    rows = connection.execute(_DELETIONS, values)
    return [
        DeletedManifest(number, RepositoryName(name), Digest(digest), at, actor)
        for number, name, digest, at, actor in rows
    ]


def add_refusals(connection: SqlConnection, noted: Sequence[NotedRefusal]) -> None:
    """Keep some, in place of the oldest ones if there are many; at most as one write changes."""
    connection.executemany(_ADD_REFUSAL, [tuple(each) for each in noted])
    connection.execute(
        "DELETE FROM refusals WHERE id <= (SELECT max(id) FROM refusals) - ?", (MOST_REFUSALS,)
    )


def refusals(
    connection: SqlConnection, *, before: int, limit: int
) -> Sequence[tuple[int, NotedRefusal]]:
    """The last ones before one, by their numbers, the latest first."""
    rows = connection.execute(
        f"SELECT id, {_REFUSAL} FROM refusals WHERE id < ? ORDER BY id DESC LIMIT ?",
        (before, limit),
    ).fetchall()
    return [(number, NotedRefusal(*row)) for number, *row in rows]


class Events:
    """Events of all repositories."""

    def __init__(self, database: Database) -> None:
        self.moves = reading(database, moves)
        self.deletions = reading(database, deletions)


class Refusals:
    """Refusals of requests. A power cut may forget some."""

    def __init__(self, database: Database) -> None:
        self.add = writing(database, add_refusals, durable=False)
        self.page = reading(database, refusals)
