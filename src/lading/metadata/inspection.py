"""Inspection: what a check of the whole registry reads.

Everything is read in pages, so that a check of any registry fits into memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, documents
from lading.metadata.noun import scanning
from lading.ports.database import Database, SqlConnection

_MANIFESTS = """
    SELECT m.id, name, digest, media_type, body, lost_at IS NOT NULL
    FROM manifests AS m JOIN repositories ON repositories.id = repository_id
    JOIN documents ON documents.id = m.id
"""
_SIZES = """
    SELECT m.id, m.size FROM manifests AS m JOIN documents ON documents.id = m.id
    WHERE m.id > ? ORDER BY m.id LIMIT ?
"""
_CHILDREN = """
    SELECT m.id, child,
        EXISTS (SELECT 1 FROM manifests
            WHERE repository_id = edges.repository_id AND digest = child)
        OR EXISTS (SELECT 1 FROM links
            WHERE repository_id = edges.repository_id AND digest = child
            AND (links.deleted_at IS NULL OR m.deleted_at IS NOT NULL))
    FROM manifests AS m
    JOIN edges ON edges.repository_id = m.repository_id AND edges.parent = m.digest
    WHERE m.id > ? AND m.id <= ?
"""


@dataclass(frozen=True, slots=True)
class KnownBlob:
    """A blob that the database knows; that is lost, if its bytes are known to be gone."""

    digest: Digest
    size: int
    lost: bool


@dataclass(frozen=True, slots=True)
class KnownManifest:
    """A manifest that the database knows, in the trash or not.

    Attributes:
        key: where it stands among all manifests; the next page starts after the last one's.
        lost: whether its body is known to be damaged, so that it counts as not there.
        children: what is recorded that it refers to, and whether each is in the repository.
    """

    key: int
    repository: RepositoryName
    digest: Digest
    media_type: str
    body: bytes
    lost: bool
    children: Mapping[Digest, bool]


@dataclass(frozen=True, slots=True)
class BlobUser:
    """A manifest that needs something, and the tags that lead to it."""

    repository: RepositoryName
    manifest: Digest
    tags: Sequence[Tag]


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of a registry: how much there is to check, with the bytes of all blobs."""

    blobs: int
    size: int
    manifests: int


class Inspection:
    """Inspection: what a check of the whole registry reads."""

    def __init__(self, database: Database) -> None:
        self.totals = scanning(database, totals)
        self.list_blobs = scanning(database, list_blobs)
        self.known_blobs = scanning(database, known_blobs)
        self.list_users = scanning(database, list_users)
        self.list_manifests = scanning(database, list_manifests)
        self.find_manifest = scanning(database, find_manifest)
        self.list_dangling_tags = scanning(database, list_dangling_tags)


def totals(connection: SqlConnection) -> Totals:
    """How much there is to check."""
    blobs, size = connection.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM blobs"
    ).fetchone()
    (manifests,) = connection.execute("SELECT count(*) FROM manifests").fetchone()
    return Totals(blobs, int(size), manifests)


def list_blobs(connection: SqlConnection, *, after: str, limit: int) -> Sequence[KnownBlob]:
    """Blobs by digest, from the first one greater than `after`."""
    rows = connection.execute(
        "SELECT digest, size, lost_at IS NOT NULL FROM blobs"
        " WHERE digest > ? ORDER BY digest LIMIT ?",
        (after, limit),
    )
    return [KnownBlob(Digest(digest), size, bool(lost)) for digest, size, lost in rows]


def known_blobs(connection: SqlConnection, digests: Sequence[Digest]) -> Sequence[KnownBlob]:
    """The blobs among these that the database knows."""
    rows = connection.execute(
        "SELECT digest, size, lost_at IS NOT NULL FROM blobs"
        " WHERE digest IN (SELECT key FROM json_each(?))",
        (batches.keys(digests),),
    )
    return [KnownBlob(Digest(digest), size, bool(lost)) for digest, size, lost in rows]


def list_users(connection: SqlConnection, digest: Digest, *, limit: int) -> Sequence[BlobUser]:
    """Some manifests, not deleted, that need a blob."""
    rows = connection.execute(
        """
        SELECT repositories.id, name, parent FROM links
        JOIN repositories ON repositories.id = links.repository_id
        JOIN edges ON edges.repository_id = links.repository_id AND child = links.digest
        JOIN manifests ON manifests.repository_id = links.repository_id
            AND manifests.digest = parent AND manifests.deleted_at IS NULL
        WHERE links.digest = ? LIMIT ?
        """,
        (digest, limit),
    ).fetchall()
    return [
        BlobUser(RepositoryName(name), Digest(parent), _tags(connection, repository_id, parent))
        for repository_id, name, parent in rows
    ]


def _tags(connection: SqlConnection, repository_id: int, digest: str) -> Sequence[Tag]:
    rows = connection.execute(
        "SELECT name FROM tags WHERE repository_id = ? AND digest = ? ORDER BY name LIMIT 3",
        (repository_id, digest),
    )
    return [Tag(name) for (name,) in rows]


def list_manifests(connection: SqlConnection, *, after: int, size: int) -> Sequence[KnownManifest]:
    """Manifests by key, from the first one greater than `after`.

    Args:
        size: bytes of bodies after which the page ends; there is at least one on it.
    """
    last = after
    for key, length in connection.execute(_SIZES, (after, batches.MOST_ROWS)).fetchall():
        last = key
        size -= length
        if size <= 0:
            break
    rows = connection.execute(
        f"{_MANIFESTS} WHERE m.id > ? AND m.id <= ? ORDER BY m.id", (after, last)
    )
    return _known_manifests(connection, rows.fetchall())


def find_manifest(
    connection: SqlConnection, repository: RepositoryName, digest: Digest
) -> KnownManifest | None:
    """The manifest of that digest, whatever state it is in."""
    rows = connection.execute(f"{_MANIFESTS} WHERE name = ? AND digest = ?", (repository, digest))
    return next(iter(_known_manifests(connection, rows.fetchall())), None)


def _known_manifests(
    connection: SqlConnection, rows: Sequence[tuple[int, str, str, str, bytes, int]]
) -> Sequence[KnownManifest]:
    """The manifests of rows, which are all from the key of the first to that of the last."""
    if not rows:
        return []
    children: dict[int, dict[Digest, bool]] = {key: {} for key, *_ in rows}
    for key, child, is_there in connection.execute(_CHILDREN, (rows[0][0] - 1, rows[-1][0])):
        if key in children:
            children[key][Digest(child)] = bool(is_there)
    return [
        KnownManifest(
            key=key,
            repository=RepositoryName(repository),
            digest=Digest(digest),
            media_type=media_type,
            body=body or documents.read(connection, key) or b"",
            lost=bool(lost),
            children=children[key],
        )
        for key, repository, digest, media_type, body, lost in rows
    ]


def list_dangling_tags(
    connection: SqlConnection, *, limit: int
) -> Sequence[tuple[RepositoryName, Tag, Digest]]:
    """Tags that lead to manifests that are not there."""
    rows = connection.execute(
        """
        SELECT repositories.name, tags.name, tags.digest FROM tags
        JOIN repositories ON repositories.id = tags.repository_id
        WHERE NOT EXISTS (SELECT 1 FROM manifests
            WHERE manifests.repository_id = tags.repository_id
            AND manifests.digest = tags.digest AND deleted_at IS NULL)
        LIMIT ?
        """,
        (limit,),
    )
    return [(RepositoryName(name), Tag(tag), Digest(digest)) for name, tag, digest in rows]
