"""The trash: what was deleted and is still stored, in lists.

A manifest in the trash keeps its edges, so its blobs and children are stored as long as it is; what
of them was deleted as well is only hidden, and comes back with it.
"""

import math
from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.history import TrashedManifest, TrashedTag
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches
from lading.ports.database import SqlConnection

# Tags taken away when a manifest was deleted carry the time of that, by which they are found: of a
# repository there may be any number of moves.
_TAGS_TAKEN_WITH = """
    SELECT tag FROM tag_history
    WHERE digest IS NULL AND at = ? AND repository_id + 0 = ? AND previous = ? ORDER BY tag
"""
_MANIFESTS = """
    SELECT manifests.id, repository_id, name, digest, media_type, size, deleted_at, deleted_by
    FROM manifests JOIN repositories ON repositories.id = repository_id
    JOIN documents ON documents.id = manifests.id
    WHERE deleted_at IS NOT NULL AND deleted_at <= :before
        AND (deleted_at < :before OR manifests.id < :before_id)
        AND (name = :repository OR :repository IS NULL)
    ORDER BY deleted_at DESC, manifests.id DESC LIMIT :limit
"""
# The last move of a tag that is not there; what went with a manifest is listed with that.
_TAGS = """
    SELECT moved.id, name, tag, previous, at, actor FROM tag_history AS moved
    JOIN repositories ON repositories.id = moved.repository_id
    JOIN manifests AS m ON m.repository_id = moved.repository_id AND m.digest = previous
    JOIN documents ON documents.id = m.id
    WHERE moved.digest IS NULL AND at >= :deleted_since AND at <= :before
        AND (at < :before OR moved.id < :before_id)
        AND (name = :repository OR :repository IS NULL)
        AND (deleted_at IS NULL OR deleted_at <> at)
        AND NOT EXISTS (SELECT 1 FROM tag_history AS later
            WHERE later.repository_id = moved.repository_id AND later.tag = moved.tag
            AND later.id > moved.id)
    ORDER BY at DESC, moved.id DESC LIMIT :limit
"""
_STORED = """
    SELECT digest FROM manifests JOIN documents ON documents.id = manifests.id
    WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)
        AND digest IN (SELECT key FROM json_each(?))
"""


class Place(NamedTuple):
    """A place in a list of what was deleted, by time and number of the row, the last one first."""

    at: float
    id: int


FIRST = Place(math.inf, 0)
"""Before all that was ever deleted."""


def page(
    connection: SqlConnection,
    repository: RepositoryName | None,
    *,
    deleted_since: float,
) -> Sequence[TrashedManifest | TrashedTag]:
    """All that can be restored, in one repository or in all; what was deleted last comes first.

    A manifest is listed while it is stored, a tag if it was deleted since that time.
    """
    limit = batches.NO_LIMIT
    found: list[TrashedManifest | TrashedTag] = [
        *(item for _, item in manifests(connection, repository, FIRST, limit)),
        *(item for _, item in tags(connection, repository, FIRST, limit, deleted_since)),
    ]
    return sorted(found, key=lambda item: -item.deleted_at)


def manifests(
    connection: SqlConnection, repository: RepositoryName | None, place: Place, limit: int
) -> Sequence[tuple[Place, TrashedManifest]]:
    """Manifests in the trash, from a place on, each with its place."""
    rows = connection.execute(_MANIFESTS, _values(repository, place, limit)).fetchall()
    return [
        (
            Place(deleted_at, id_),
            TrashedManifest(
                RepositoryName(name),
                Digest(digest),
                media_type,
                size,
                deleted_at,
                actor,
                tags_taken_with(connection, repository_id, digest, deleted_at),
            ),
        )
        for id_, repository_id, name, digest, media_type, size, deleted_at, actor in rows
    ]


def tags(
    connection: SqlConnection,
    repository: RepositoryName | None,
    place: Place,
    limit: int,
    deleted_since: float,
) -> Sequence[tuple[Place, TrashedTag]]:
    """Tags that were deleted by themselves, from a place on, each with its place."""
    values = _values(repository, place, limit) | {"deleted_since": deleted_since}
    return [
        (Place(at, id_), TrashedTag(RepositoryName(name), Tag(tag), Digest(digest), at, actor))
        for id_, name, tag, digest, at, actor in connection.execute(_TAGS, values)
    ]


def _values(
    repository: RepositoryName | None, place: Place, limit: int
) -> dict[str, str | float | None]:
    return {
        "repository": repository,
        "before": place.at,
        "before_id": place.id,
        "limit": limit,
    }


def stored(
    connection: SqlConnection, repository: RepositoryName, digests: Iterable[Digest]
) -> Set[Digest]:
    """The manifests among these that are there or in the trash: a tag can lead there again."""
    rows = connection.execute(_STORED, (repository, batches.keys(digests)))
    return {Digest(digest) for (digest,) in rows}


def tags_taken_with(
    connection: SqlConnection, repository_id: int, digest: str, deleted_at: float
) -> list[Tag]:
    """Tags that were taken away when a manifest was deleted."""
    rows = connection.execute(_TAGS_TAKEN_WITH, (deleted_at, repository_id, digest))
    return [Tag(tag) for (tag,) in rows]
