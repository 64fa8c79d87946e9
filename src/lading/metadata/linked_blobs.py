"""Blobs as repositories have them: found, promised, relied on by manifests, and shared.

All that a pull has to know comes from one statement. Where bytes are objects, rows say in which. A
database that is waited for tells this with the link, instead of being asked by the store a moment
later; of one that is at hand, the store asks it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct

from lading.core.digest import Digest
from lading.core.names import RepositoryName
from lading.metadata import batches, references
from lading.metadata.noun import NOT_SYNCED
from lading.metadata.shown import columns
from lading.ports.database import SqlConnection
from lading.ports.objects import PlacedSegment

_COLUMNS = "blobs.size, links.promised_at, links.used_at"
_FOUND = """
    JOIN links ON links.repository_id = repositories.id
    JOIN blobs ON blobs.digest = links.digest {joined}
    WHERE repositories.name = {repository} AND links.digest = {digest}
        AND links.deleted_at IS NULL AND blobs.lost_at IS NULL
"""
_FIND = f"""
    SELECT {_COLUMNS} FROM repositories
    {_FOUND.format(joined="", repository="?", digest="?")}
"""
_JOINED = "LEFT JOIN objects ON objects.digest = links.digest"
_FIND_TOGETHER = f"""
    SELECT place, {_COLUMNS}, objects.key, objects.start, objects.size, objects.stored_at
    FROM wanted CROSS JOIN repositories
    {_FOUND.format(joined=_JOINED, repository="wanted.repository", digest="wanted.digest")}
    ORDER BY objects.start
"""

# It names the parameter, not the column of the link: by that SQLite 3.40 finds no index, and reads
# all blobs.
_PROMISE = f"""
    UPDATE links SET promised_at = :now, used_at = NULL
    WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
        AND digest = :digest AND deleted_at IS NULL {NOT_SYNCED}
    RETURNING (SELECT size FROM blobs WHERE blobs.digest = :digest AND lost_at IS NULL)
"""

_SIZES = """
    SELECT links.digest, size, used_at IS NULL OR loose_at IS NOT NULL FROM links
    JOIN blobs ON blobs.digest = links.digest
    WHERE repository_id = :repository AND links.digest IN (SELECT key FROM json_each(:digests))
        AND deleted_at IS NULL AND lost_at IS NULL
"""
# One statement, as pages ask it.
_SIZES_HERE = """
    SELECT links.digest, size FROM links JOIN blobs ON blobs.digest = links.digest
    WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
        AND links.digest IN (SELECT key FROM json_each(:digests))
        AND deleted_at IS NULL AND lost_at IS NULL
"""
_USE = """
    UPDATE links SET used_at = :used_at, loose_at = NULL
    WHERE repository_id = :repository AND digest IN (SELECT key FROM json_each(:digests))
        AND deleted_at IS NULL
"""

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


class LinkedBlob(Struct, frozen=True):
    """A blob that is linked in a repository.

    Attributes:
        size: in bytes.
        promised_at: when a client was told last that it is there.
        used_at: when a manifest relied on it last, if that was after the promise.
        segments: its objects, in order, if it has any; `None` if nobody has asked for them.
    """

    size: int
    promised_at: float
    used_at: float | None
    segments: Sequence[PlacedSegment] | None = None

    def is_promised(self, not_before: float) -> bool:
        """Whether the blob was promised since `not_before` and not used after that."""
        return self.promised_at >= not_before and self.used_at is None


class Sharing(Struct, frozen=True):
    """The sharing of a blob: who shares it, of those that a manifest has.

    Attributes:
        size: bytes that are stored of it.
        images: other manifests of the repository that have it, some of them if there are many.
        repositories: other repositories that have it, some of them if there are many.
    """

    size: int
    images: Sequence[Digest]
    repositories: Sequence[RepositoryName]


def find(
    connection: SqlConnection, repository: RepositoryName, digest: Digest
) -> LinkedBlob | None:
    """A blob that is linked in the repository."""
    # As plain text: of a subclass, SQLite's module first asks how it is to be adapted.
    row = connection.execute(_FIND, (str(repository), str(digest))).fetchone()
    return None if row is None else LinkedBlob(*row)


def find_together(
    connection: SqlConnection, wanted: Sequence[tuple[RepositoryName, Digest]]
) -> Sequence[LinkedBlob | None]:
    """Each of at most `batches.MOST_WANTED` blobs, in their order, with its segments."""
    statement = batches.wanted_table("digest", len(wanted)) + _FIND_TOGETHER
    parameters = batches.wanted_parameters([(place, *names) for place, names in enumerate(wanted)])
    found: list[LinkedBlob | None] = [None] * len(wanted)
    segments: list[list[PlacedSegment]] = [[] for _ in wanted]
    for place, size, promised_at, used_at, *placed in connection.execute(statement, parameters):
        if placed[0] is not None:
            segments[place].append(PlacedSegment(*placed))
        found[place] = LinkedBlob(size, promised_at, used_at, segments[place])
    return found


def promise(
    connection: SqlConnection, repository: RepositoryName, digest: Digest, now: float
) -> bool:
    """Tell a client that the blob is there, and write that down; false if it is not."""
    values = {"now": now, "repository": str(repository), "digest": str(digest)}
    row = connection.execute(_PROMISE, values).fetchone()
    return row is not None and row[0] is not None


sizes = partial(references.sizes, find=_SIZES, use=_USE)
"""The sizes of the blobs that are in a repository; see `references.sizes`."""


def sizes_here(
    connection: SqlConnection, repository: RepositoryName, digests: Sequence[Digest]
) -> Mapping[Digest, int]:
    """The sizes of those of some blobs that are in the repository."""
    values = {"repository": repository, "digests": batches.keys(digests)}
    rows = connection.execute(_SIZES_HERE, values).fetchall()
    return {Digest(digest): int(size) for digest, size in rows}


def repositories_with(
    connection: SqlConnection, digest: Digest, *, limit: int
) -> Sequence[RepositoryName]:
    """Some repositories that have the blob."""
    rows = connection.execute(
        "SELECT name FROM links JOIN repositories ON id = repository_id"
        " WHERE digest = ? AND deleted_at IS NULL LIMIT ?",
        (digest, limit),
    )
    return [RepositoryName(name) for (name,) in rows]


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


def is_stored(connection: SqlConnection, digest: Digest) -> bool:
    """Whether a blob has a row, be it in a repository or not."""
    row = connection.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone()
    return row is not None


def count_stored(connection: SqlConnection) -> int:
    """How many blobs there are, other than those whose bytes were lost."""
    row = connection.execute("SELECT count(*) FROM blobs WHERE lost_at IS NULL").fetchone()
    return int(row[0])


def stored(connection: SqlConnection) -> Iterator[Digest]:
    """All blobs, other than those whose bytes were lost, by digest."""
    rows = connection.execute("SELECT digest FROM blobs WHERE lost_at IS NULL ORDER BY digest")
    return (Digest(digest) for (digest,) in rows)
