"""Lists of tags as people look through them: of a repository, and by search in all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches
from lading.ports.database import SqlConnection

_ALL = """
    SELECT name, digest, updated_at FROM tags
    WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) ORDER BY name LIMIT ?
"""
_TRACES = """
    SELECT wanted.key, (
            SELECT actor FROM tag_history AS moves
            WHERE repository_id = here.id AND tag = wanted.key ORDER BY moves.id DESC LIMIT 1),
        pulls.at, pulls.actor
    FROM repositories AS here
    CROSS JOIN (SELECT key FROM json_each(:references)) AS wanted
    LEFT JOIN pulls ON pulls.repository_id = here.id AND pulls.reference = wanted.key
    WHERE here.name = :repository
"""
_SEARCH = """
    SELECT repositories.name, tags.name FROM tags
    JOIN repositories ON repositories.id = repository_id
    WHERE tags.name >= :start AND tags.name < :end ORDER BY tags.name, repository_id LIMIT :limit
"""
# Greater than every character of a tag.
_LAST = "\x7f"


@dataclass(frozen=True, slots=True)
class ListedTag:
    """A tag in a list, with what it points to and since when."""

    name: Tag
    digest: Digest
    updated_at: float


@dataclass(frozen=True, slots=True)
class Trace:
    """The traces that people left at a tag or a digest.

    Attributes:
        pushed_by: who moved the tag last; empty for anybody, `None` of a digest.
        pulled_at: when it was last pulled, give or take some minutes; `None` if that is not known.
        pulled_by: who did; empty for anybody.
    """

    pushed_by: str | None
    pulled_at: float | None
    pulled_by: str | None


def of_repository(
    connection: SqlConnection, repository: RepositoryName, *, limit: int
) -> Sequence[ListedTag]:
    """The first tags of a repository, in byte order."""
    rows = connection.execute(_ALL, (repository, limit)).fetchall()
    return [ListedTag(Tag(name), Digest(digest), at) for name, digest, at in rows]


def of_manifest(connection: SqlConnection, repository: RepositoryName, digest: Digest) -> list[Tag]:
    """The tags that point to a manifest, in byte order."""
    rows = connection.execute(
        "SELECT name FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)"
        " AND digest = ? ORDER BY name",
        (repository, digest),
    )
    return [Tag(name) for (name,) in rows]


def traces(
    connection: SqlConnection, repository: RepositoryName, references: Sequence[str]
) -> Mapping[str, Trace]:
    """The traces at tags and digests of a repository."""
    values = {"repository": repository, "references": batches.keys(references)}
    rows = connection.execute(_TRACES, values).fetchall()
    return {reference: Trace(*trace) for reference, *trace in rows}


def search(
    connection: SqlConnection, start: str, *, limit: int
) -> Sequence[tuple[RepositoryName, Tag]]:
    """Tags of all repositories that begin with some signs."""
    values = {"start": start, "end": start + _LAST, "limit": limit}
    rows = connection.execute(_SEARCH, values).fetchall()
    return [(RepositoryName(repository), Tag(tag)) for repository, tag in rows]
