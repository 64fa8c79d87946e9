"""The trash: what was deleted and is still stored, in lists.

A manifest in the trash keeps its edges, so its blobs and children are stored as long as it is; what
of them was deleted as well is only hidden, and comes back with it.
"""

from collections.abc import Sequence

from lading.core.digest import Digest
from lading.core.history import TrashedManifest, TrashedTag
from lading.core.names import RepositoryName, Tag
from lading.ports.database import SqlConnection

# Tags taken away when a manifest was deleted carry the time of that.
_TAGS_TAKEN_WITH = """
    SELECT tag FROM tag_history
    WHERE digest IS NULL AND at = ? AND repository_id = ? AND previous = ? ORDER BY tag
"""
_MANIFESTS = """
    SELECT repository_id, name, digest, media_type, size, deleted_at, deleted_by
    FROM manifests JOIN repositories ON repositories.id = repository_id
    JOIN documents ON documents.id = manifests.id
    WHERE deleted_at IS NOT NULL AND (name = :repository OR :repository IS NULL)
    ORDER BY deleted_at DESC
"""
# The last move of a tag that is not there; what went with a manifest is listed with that.
_TAGS = """
    SELECT name, tag, previous, at, actor FROM tag_history AS moved
    JOIN repositories ON repositories.id = moved.repository_id
    JOIN manifests AS m ON m.repository_id = moved.repository_id AND m.digest = previous
    JOIN documents ON documents.id = m.id
    WHERE moved.digest IS NULL AND at >= :deleted_since
        AND (name = :repository OR :repository IS NULL)
        AND (deleted_at IS NULL OR deleted_at <> at)
        AND NOT EXISTS (SELECT 1 FROM tag_history AS later
            WHERE later.repository_id = moved.repository_id AND later.tag = moved.tag
            AND later.id > moved.id)
    ORDER BY at DESC
"""


def page(
    connection: SqlConnection, repository: RepositoryName | None, *, deleted_since: float
) -> Sequence[TrashedManifest | TrashedTag]:
    """All that can be restored, in one repository or in all; what was deleted last comes first.

    A manifest is listed while it is stored, a tag if it was deleted since that time.
    """
    found: list[TrashedManifest | TrashedTag] = [
        *_trashed_manifests(connection, repository),
        *_trashed_tags(connection, repository, deleted_since),
    ]
    return sorted(found, key=lambda item: -item.deleted_at)


def _trashed_manifests(
    connection: SqlConnection, repository: RepositoryName | None
) -> list[TrashedManifest]:
    rows = connection.execute(_MANIFESTS, {"repository": repository}).fetchall()
    return [
        TrashedManifest(
            RepositoryName(name),
            Digest(digest),
            media_type,
            size,
            deleted_at,
            actor,
            tags_taken_with(connection, repository_id, digest, deleted_at),
        )
        for repository_id, name, digest, media_type, size, deleted_at, actor in rows
    ]


def _trashed_tags(
    connection: SqlConnection, repository: RepositoryName | None, deleted_since: float
) -> list[TrashedTag]:
    rows = connection.execute(_TAGS, {"repository": repository, "deleted_since": deleted_since})
    return [
        TrashedTag(RepositoryName(name), Tag(tag), Digest(digest), at, actor)
        for name, tag, digest, at, actor in rows
    ]


def tags_taken_with(
    connection: SqlConnection, repository_id: int, digest: str, deleted_at: float
) -> list[Tag]:
    """Tags that were taken away when a manifest was deleted."""
    rows = connection.execute(_TAGS_TAKEN_WITH, (deleted_at, repository_id, digest))
    return [Tag(tag) for (tag,) in rows]
