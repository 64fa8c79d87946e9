"""Sharing of blobs: what else has those of a manifest, in its repository and in others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata.shown import columns
from lading.ports.database import SqlConnection

# Each subquery ends after so many rows: a layer of a base image is in all images of a registry.
_SHARING = """
    SELECT wanted.key, blobs.size,
        (SELECT {all_names} FROM (
            SELECT parent AS name FROM edges JOIN manifests ON manifests.digest = parent
                AND manifests.repository_id = edges.repository_id
            WHERE edges.repository_id = links.repository_id AND child = wanted.key
                AND parent <> :manifest AND deleted_at IS NULL LIMIT :images) AS found),
        (SELECT {all_names} FROM (
            SELECT name FROM links AS others JOIN repositories ON id = others.repository_id
            WHERE others.digest = wanted.key AND others.repository_id <> links.repository_id
                AND others.deleted_at IS NULL LIMIT :repositories) AS found)
    FROM (SELECT key FROM json_each(:digests)) AS wanted
    JOIN links ON links.repository_id = (SELECT id FROM repositories WHERE name = :repository)
        AND links.digest = wanted.key
    JOIN blobs ON blobs.digest = wanted.key
    WHERE links.deleted_at IS NULL
"""
# Others that are named for a blob. Of repositories more are read, as some may not be shown.
MOST_IMAGES, MOST_REPOSITORIES = 20, 100


@dataclass(frozen=True, slots=True)
class Sharing:
    """The sharing of a blob: who shares it, of those that a manifest has.

    Attributes:
        size: bytes that are stored of it.
        images: other manifests of the repository that have it, some of them if there are many.
        repositories: other repositories that have it, some of them if there are many.
    """

    size: int
    images: Sequence[Digest]
    repositories: Sequence[RepositoryName]


def sharing(
    connection: SqlConnection,
    repository: RepositoryName,
    manifest: Digest,
    digests: Sequence[Digest],
) -> Mapping[Digest, Sharing]:
    """Who else has these blobs of a manifest; one that is not in the repository is left out."""
    rows = connection.execute(
        _SHARING.format(all_names=connection.dialect.all_names),
        {
            "repository": repository,
            "manifest": manifest,
            "digests": batches.keys(digests),
            "images": MOST_IMAGES,
            "repositories": MOST_REPOSITORIES,
        },
    ).fetchall()
    return {
        Digest(digest): Sharing(
            size,
            sorted(map(Digest, columns.split(images))),
            sorted(map(RepositoryName, columns.split(repositories))),
        )
        for digest, size, images, repositories in rows
    }
