"""Lists of manifests as people look through them, with what they hold and what is about them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.names import Reference, RepositoryName
from lading.metadata import batches
from lading.metadata.manifest_rows import SMALL
from lading.ports.database import SqlConnection

# Bodies of what is about others are not read: there may be many, and their type is all that shows.
# An index may hold ten thousand manifests, and a list a hundred of such: together they are bounded.
SMALL_CHILD = 16 * 1024
MOST_HELD = 2000
_FAMILY = f"""
    WITH here (id) AS (SELECT id FROM repositories WHERE name = :repository),
    wanted (reference, digest) AS (
        SELECT key, coalesce((SELECT digest FROM tags
            WHERE repository_id = (SELECT id FROM here) AND name = key), key)
        FROM json_each(:references)
    ),
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
        CASE WHEN is_about = 0
            AND size <= CASE WHEN reference IS NULL THEN {SMALL_CHILD} ELSE {SMALL} END
            THEN body END,
        reference
    FROM family
    LEFT JOIN wanted ON wanted.digest = family.digest
    JOIN manifests ON repository_id = (SELECT id FROM here) AND manifests.digest = family.digest
    JOIN documents ON documents.id = manifests.id
    WHERE deleted_at IS NULL AND lost_at IS NULL
"""
_UNTAGGED = f"""
    SELECT digest, media_type, artifact_type, subject, size, pushed_at,
        CASE WHEN size <= {SMALL} THEN body END, NULL
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
        reference: by which it was asked for, a tag or its digest; `None` if it was not.
    """

    digest: Digest
    media_type: str
    artifact_type: str
    subject: Digest | None
    size: int
    pushed_at: float
    body: bytes | None
    reference: str | None = None


def family(
    connection: SqlConnection, repository: RepositoryName, references: Sequence[Reference]
) -> Sequence[ListedManifest]:
    """Manifests of tags and digests, with those that they hold and those that are about them.

    One that several references lead to is there for each of them.
    """
    values = {
        "repository": repository,
        "references": batches.keys(references),
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
        ListedManifest(Digest(digest), media_type, kind, subject and Digest(subject), *rest)
        for digest, media_type, kind, subject, *rest in connection.execute(
            statement, values
        ).fetchall()
    ]
