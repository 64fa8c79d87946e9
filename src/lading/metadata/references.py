"""References to manifests and blobs: what has none any more is marked, in the same transaction.

A link or a manifest is unreferenced exactly while its mark is set, so that a collector need not
look at all the others. Whatever adds or removes a tag, an edge or a subject calls this.

An *orphan* is a tag that is made of the digest of a manifest that was in the repository, and is in
the trash or collected. A tag whose subject never was here is none: signatures may be pushed first,
or be kept in another repository than the image.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from lading.core.digest import Digest
from lading.core.manifest import Edge
from lading.core.names import Tag, attachments_of, subject_of
from lading.metadata import batches
from lading.ports.database import SqlConnection

# Whether a tag leads to a manifest, and whether another one holds it.
TAGGED = """EXISTS (SELECT 1 FROM tags
    WHERE tags.repository_id = m.repository_id AND tags.digest = m.digest)"""
HELD = """EXISTS (SELECT 1 FROM edges
    WHERE edges.repository_id = m.repository_id AND edges.child = m.digest)"""
_LED_TO = f"({TAGGED} OR {HELD})"
# What keeps a manifest, be it in the trash itself or not: a tag, an index that is stored, or being
# about a manifest that is stored. One in the trash is not lost yet, so it keeps what it needs.
KEPT = f"""(
    {_LED_TO}
    OR EXISTS (SELECT 1 FROM manifests AS target
        WHERE target.repository_id = m.repository_id AND target.digest = m.subject)
)"""

_ADD_EDGES = """
    INSERT INTO edges (repository_id, parent, child, kind)
    SELECT :repository, :parent, key, value FROM json_each(:kinds) WHERE TRUE
    ON CONFLICT DO NOTHING
"""
_RELEASE_MANIFEST = f"""
    UPDATE manifests AS m SET loose_at = :at
    WHERE repository_id = :repository AND digest = :digest
        AND deleted_at IS NULL AND loose_at IS NULL AND NOT {KEPT}
"""
_REFERRERS = """
    SELECT digest FROM manifests
    WHERE repository_id = :repository AND subject = :subject AND digest > :after
    ORDER BY digest LIMIT :most
"""
_THESE_REFERRERS = """repository_id = :repository AND subject = :subject
    AND digest > :after AND digest <= :last"""
_RELEASE_REFERRERS = f"""
    UPDATE manifests AS m SET loose_at = :at
    WHERE {_THESE_REFERRERS} AND deleted_at IS NULL AND loose_at IS NULL AND NOT {_LED_TO}
"""
_KEEP_REFERRERS = f"""
    UPDATE manifests SET loose_at = NULL WHERE {_THESE_REFERRERS} AND loose_at IS NOT NULL
"""
_RELEASE_LINK = """
    UPDATE links SET loose_at = :at
    WHERE repository_id = :repository AND digest = :digest AND loose_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM edges
            WHERE edges.repository_id = links.repository_id AND edges.child = links.digest)
"""

_THERE = """repository_id = :repository AND digest IN (SELECT key FROM json_each(:digests))
    AND deleted_at IS NULL AND lost_at IS NULL"""
_SIZES = f"""
    SELECT digest, size, used_at IS NULL OR loose_at IS NOT NULL FROM manifests WHERE {_THERE}
"""
_USE = f"UPDATE manifests SET used_at = :used_at, loose_at = NULL WHERE {_THERE}"


def edge_pieces(edges: Sequence[Edge]) -> Iterator[Sequence[Edge]]:
    """Edges, as many as one write notes: in the order of indexes, of which each changes few pages.

    Of several to one child the first stays the first.
    """
    return batches.pieces(sorted(edges, key=lambda edge: edge.child))


def add_edges(
    connection: SqlConnection, repository_id: int, parent: Digest, edges: Sequence[Edge]
) -> None:
    """Note what a manifest refers to, as far as that is not noted; of several kinds the first."""
    kinds = msgspec.json.encode({edge.child: edge.kind for edge in reversed(edges)}).decode()
    values = {"repository": repository_id, "parent": parent, "kinds": kinds}
    connection.execute(_ADD_EDGES, values)


def mark_unreferenced(
    connection: SqlConnection, repository_id: int, digest: Digest, at: float
) -> None:
    """Mark a manifest or a blob that something let go of, if that was the last reference."""
    values = {"repository": repository_id, "digest": digest, "at": at}
    connection.execute(_RELEASE_MANIFEST, values)
    connection.execute(_RELEASE_LINK, values)


@dataclass(frozen=True, slots=True)
class Looked:
    """Referrers of a manifest that were looked at, and the last one, if there are more."""

    count: int
    last: str | None


def mark_referrers(
    connection: SqlConnection,
    repository_id: int,
    subject: Digest,
    at: float,
    *,
    after: str,
    most: int,
) -> Looked:
    """Mark referrers of a manifest that is about to be gone: they may be unreferenced then."""
    values = {"repository": repository_id, "subject": subject, "after": after, "most": most}
    rows = connection.execute(_REFERRERS, values).fetchall()
    if rows:
        connection.execute(_RELEASE_REFERRERS, values | {"at": at, "last": rows[-1][0]})
    return Looked(len(rows), rows[-1][0] if len(rows) == most else None)


def sizes(
    connection: SqlConnection,
    repository_id: int | None,
    digests: Iterable[str],
    *,
    find: str,
    use: str,
    used_at: float | None = None,
) -> dict[str, int]:
    """The sizes of what is in a repository, of some blobs or manifests.

    If all are relied on already, as the layers of a base image are, none is written again.

    Args:
        find: a statement that finds them, and whether nothing relies on them yet.
        use: a statement that has them relied on.
        used_at: when something begins to rely on them; `None` if nothing does.
    """
    values = {"repository": repository_id, "digests": batches.keys(digests), "used_at": used_at}
    rows = connection.execute(find, values).fetchall()
    if used_at is not None and any(is_unused for *_, is_unused in rows):
        connection.execute(use, values)
    return {digest: size for digest, size, _ in rows}


manifest_sizes = partial(sizes, find=_SIZES, use=_USE)
"""The sizes of the manifests that are in a repository."""


def unmark_referrers(
    connection: SqlConnection, repository_id: int, subject: Digest, after: str = ""
) -> str | None:
    """Unmark some referrers of a manifest that is stored now; the last one, if there are more."""
    most = batches.MOST_ROWS
    values = {"repository": repository_id, "subject": subject, "after": after, "most": most}
    rows = connection.execute(_REFERRERS, values).fetchall()
    if rows:
        connection.execute(_KEEP_REFERRERS, values | {"last": rows[-1][0]})
    return rows[-1][0] if len(rows) == most else None


_MARK_ORPHANS = """
    INSERT INTO orphans (repository_id, tag, at)
    SELECT repository_id, name, ? FROM tags WHERE repository_id = ? AND name IN (?, ?, ?, ?)
    ON CONFLICT DO NOTHING
"""


def mark_orphans(connection: SqlConnection, repository_id: int, digest: Digest, at: float) -> None:
    """Mark the tags of a manifest's attachments: it is gone, to the trash or for good."""
    connection.execute(_MARK_ORPHANS, (at, repository_id, *attachments_of(digest)))


def unmark_orphans(connection: SqlConnection, repository_id: int, digest: Digest) -> None:
    """Unmark a manifest's attachments: it is there, perhaps again, so they are no orphans."""
    connection.execute(
        "DELETE FROM orphans WHERE repository_id = ? AND tag IN (?, ?, ?, ?)",
        (repository_id, *attachments_of(digest)),
    )


def unmark_tags(connection: SqlConnection, repository_id: int, tags: Iterable[Tag]) -> None:
    """Unmark tags that somebody has set, or taken away; few have a name that can be marked."""
    if names := [tag for tag in tags if subject_of(tag)]:
        connection.execute(
            "DELETE FROM orphans WHERE repository_id = ? AND tag IN (SELECT key FROM json_each(?))",
            (repository_id, batches.keys(names)),
        )
