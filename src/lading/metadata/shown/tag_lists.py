"""Lists of tags as people look through them: of a repository, and by search in all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches
from lading.metadata.shown import columns
from lading.ports.database import SqlConnection

_ALL = """
    SELECT name, digest, updated_at FROM tags
    WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
        AND name < :before AND lower(name) LIKE :words ESCAPE '!'
    ORDER BY name DESC LIMIT :limit
"""
# All is sorted by the database, in a thread, so that no tag that is not shown becomes an object.
_LATEST = """
    WITH here (name, digest, updated_at) AS (
        SELECT name, digest, updated_at FROM tags
        WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
            AND lower(name) LIKE :words ESCAPE '!' LIMIT :most
    ),
    groups (digest, last, tags) AS (
        SELECT digest, max(updated_at), count(*) FROM here GROUP BY digest
    ),
    part (digest, last, tags) AS (
        SELECT digest, last, tags FROM groups ORDER BY last DESC, digest LIMIT :limit OFFSET :start
    ),
    placed (name, digest, updated_at, last, tags, place) AS (
        SELECT name, here.digest, updated_at, last, tags,
            row_number() OVER (PARTITION BY here.digest ORDER BY updated_at DESC, name DESC)
        FROM part JOIN here ON here.digest = part.digest
    )
    SELECT name, digest, updated_at, tags, (SELECT count(*) FROM groups),
        (SELECT count(*) FROM here)
    FROM placed WHERE place <= :named ORDER BY last DESC, digest, place
"""
# Tags of one manifest that a list names; those of a repository that are looked at for one.
MOST_NAMED, MOST_TAGS = 20, 100_000
# As in `metadata.tags`, PostgreSQL is told to sort the moves of a tag.
_TRACES = """
    SELECT wanted.key, (
            SELECT actor FROM tag_history AS moves WHERE repository_id = here.id
                AND tag = wanted.key ORDER BY moves.id /*! + 0 */ DESC LIMIT 1),
        pulls.at
    FROM repositories AS here
    CROSS JOIN (SELECT key FROM json_each(:references)) AS wanted
    LEFT JOIN pulls ON pulls.repository_id = here.id AND pulls.reference = wanted.key
    WHERE here.name = :repository
"""
# Of those that begin so, some are looked at, be they where they are wanted or not.
_SEARCH = """
    SELECT repositories.name, part.name FROM (
        SELECT name, repository_id FROM tags WHERE tags.name >= :start AND tags.name < :end
        ORDER BY tags.name, repository_id LIMIT :most) AS part
    JOIN repositories ON repositories.id = repository_id
    WHERE {inside} ORDER BY part.name, repository_id LIMIT :limit
"""
# Tags that are looked at for a search.
MOST_SEARCHED = 20_000

TagsOfOne = tuple[Sequence["ListedTag"], int]
"""Tags of one manifest, the one moved last first, and how many it has."""


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
    """

    pushed_by: str | None
    pulled_at: float | None


@dataclass(frozen=True, slots=True)
class TagPart:
    """A part of the tags of a repository, by what they point to.

    Attributes:
        total: how many manifests have tags.
        tags: how many tags there are.
        is_whole: whether more were not looked at, as there are too many.
    """

    groups: Sequence[TagsOfOne]
    total: int
    tags: int
    is_whole: bool


def of_repository(
    connection: SqlConnection,
    repository: RepositoryName,
    *,
    words: str = "",
    after: str = "",
    limit: int,
) -> Sequence[ListedTag]:
    """The last tags of a repository in byte order, the last one first.

    Args:
        words: that they have in them, in lower case.
        after: the tag after which to start; empty for the last one of all.
    """
    values = {
        "repository": repository,
        "before": after or columns.LAST,
        "words": columns.containing(words),
        "limit": limit,
    }
    rows = connection.execute(_ALL, values).fetchall()
    return [ListedTag(Tag(name), Digest(digest), at) for name, digest, at in rows]


def latest(
    connection: SqlConnection, repository: RepositoryName, *, words: str, start: int, limit: int
) -> TagPart:
    """Tags of a repository by what they point to, the manifest first of which a tag moved last.

    Args:
        words: as above.
        start: how many manifests to leave out.
    """
    values = {
        "repository": repository,
        "words": columns.containing(words),
        "start": start,
        "limit": limit,
        "most": MOST_TAGS,
        "named": MOST_NAMED,
    }
    rows = connection.execute(_LATEST, values).fetchall()
    named: dict[str, list[ListedTag]] = {}
    for name, digest, at, *_ in rows:
        named.setdefault(digest, []).append(ListedTag(Tag(name), Digest(digest), at))
    counts = {digest: count for _, digest, _, count, *_ in rows}
    total, tags = rows[0][-2:] if rows else (0, 0)
    groups = [(of_one, counts[digest]) for digest, of_one in named.items()]
    return TagPart(groups, total, tags, tags < MOST_TAGS)


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
    connection: SqlConnection, start: str, *, within: Sequence[str], limit: int
) -> Sequence[tuple[RepositoryName, Tag]]:
    """Tags that begin with some signs, of repositories whose names are within some prefixes."""
    most = limit if "" in within else MOST_SEARCHED
    values = {"start": start, "end": start + columns.LAST, "most": most, "limit": limit}
    statement = _SEARCH.format(inside=columns.inside("repositories.name", within))
    rows = connection.execute(statement, values | columns.bounds(within)).fetchall()
    return [(RepositoryName(repository), Tag(tag)) for repository, tag in rows]
