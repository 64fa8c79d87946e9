"""Lists of manifests as people look through them, with what they hold and what is about them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata.manifest_rows import SMALL
from lading.ports.database import SqlConnection

# Bodies of what is about others are not read: there may be many, and their type is all that shows.
# An index may hold ten thousand manifests, and a list a hundred of such: together they are bounded.
SMALL_CHILD = 16 * 1024
MOST_HELD = 2000
_FAMILY = f"""
    WITH here (id) AS (SELECT id FROM repositories WHERE name = :repository),
    wanted (digest) AS (SELECT key FROM json_each(:digests)),
    held (digest) AS (
        SELECT digest FROM wanted
        UNION
        SELECT child FROM (
            SELECT child FROM wanted JOIN edges ON edges.repository_id = (SELECT id FROM here)
                AND parent = wanted.digest AND kind = 'manifest' LIMIT :held) AS children
    ),
    family (digest, is_about) AS (
        SELECT digest, 0 FROM held
        UNION ALL
        SELECT digest, 1 FROM (
            SELECT manifests.digest FROM held
            JOIN manifests ON repository_id = (SELECT id FROM here) AND subject = held.digest
            WHERE manifests.digest NOT IN (SELECT digest FROM held) LIMIT :limit) AS about
    )
    SELECT manifests.digest, media_type, artifact_type, subject, size, pushed_at,
        CASE WHEN is_about = 0 AND size <= CASE
            WHEN manifests.digest IN (SELECT digest FROM wanted) THEN {SMALL} ELSE {SMALL_CHILD} END
            THEN body END
    FROM family
    JOIN manifests ON repository_id = (SELECT id FROM here) AND manifests.digest = family.digest
    JOIN documents ON documents.id = manifests.id
    WHERE deleted_at IS NULL AND lost_at IS NULL
"""
_UNTAGGED = f"""
    SELECT digest, media_type, artifact_type, subject, size, pushed_at,
        CASE WHEN size <= {SMALL} THEN body END
    FROM manifests JOIN documents ON documents.id = manifests.id
    WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
        AND digest > :after AND loose_at IS NOT NULL AND deleted_at IS NULL AND lost_at IS NULL
    ORDER BY digest LIMIT :limit
"""
# Referrers that are read for all manifests of a list, at most.
MOST_REFERRERS = 1000


@dataclass(frozen=True, slots=True)
class ListedManifest:
    """A manifest in a list.

    Attributes:
        artifact_type: as the referrers list shows it.
        size: of its own bytes.
        body: these bytes; `None` if there are many, or nobody needs them.
    """

    digest: Digest
    media_type: str
    artifact_type: str
    subject: Digest | None
    size: int
    pushed_at: float
    body: bytes | None


def family(
    connection: SqlConnection, repository: RepositoryName, digests: Sequence[Digest]
) -> Sequence[ListedManifest]:
    """Manifests, with those that they hold and those that are about them."""
    values = {
        "repository": repository,
        "digests": batches.keys(digests),
        "limit": MOST_REFERRERS,
        "held": MOST_HELD,
    }
    return _rows(connection, _FAMILY, values)


def untagged(
    connection: SqlConnection, repository: RepositoryName, *, after: str, limit: int
) -> Sequence[ListedManifest]:
    """Manifests that neither a tag nor another manifest leads to, in the order of their digests."""
    values = {"repository": repository, "after": after, "limit": limit}
    return _rows(connection, _UNTAGGED, values)


def _rows(
    connection: SqlConnection, statement: str, values: dict[str, object]
) -> Sequence[ListedManifest]:
    return [
        ListedManifest(
            Digest(digest), media_type, kind, subject and Digest(subject), size, at, body
        )
        for digest, media_type, kind, subject, size, at, body in connection.execute(
            statement, values
        ).fetchall()
    ]
