"""Removing what nothing needs any more: rows only, many in a transaction.

Each removal asks again, inside its transaction, whether it is still right: a push may have come
since the garbage was found. What a removed row kept is marked as loose.
"""

from collections.abc import Sequence
from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.garbage import COLLECTOR, Cause, DoomedLink, DoomedManifest, DoomedTag, Limits
from lading.core.history import Change
from lading.metadata import attachments, holds, links, loose, manifests, tags
from lading.metadata.garbage import CONDITIONS, LOOSE_LINK, values_of

# What a tag leads to that is still an orphan; and whether anything else needs that.
_ORPHAN = """
    SELECT m.digest, EXISTS (SELECT 1 FROM tags AS other
            WHERE other.repository_id = m.repository_id AND other.digest = m.digest
            AND other.name <> :tag)
        OR EXISTS (SELECT 1 FROM edges
            WHERE edges.repository_id = m.repository_id AND edges.child = m.digest)
        OR EXISTS (SELECT 1 FROM manifests AS target
            WHERE target.repository_id = m.repository_id AND target.digest = m.subject
            AND target.deleted_at IS NULL)
    FROM repositories JOIN orphans ON orphans.repository_id = repositories.id AND tag = :tag
    JOIN tags ON tags.repository_id = orphans.repository_id AND tags.name = tag
    JOIN manifests AS m ON m.repository_id = tags.repository_id AND m.digest = tags.digest
    WHERE repositories.name = :repository
"""
# Manifests about the subject that nothing but an index of them leads to.
_ONLY_IN = """
    SELECT m.digest FROM repositories JOIN edges ON edges.repository_id = repositories.id
    JOIN manifests AS m ON m.repository_id = edges.repository_id AND m.digest = edges.child
    WHERE repositories.name = :repository AND edges.parent = :digest
        AND m.subject LIKE :subject || '%' AND m.deleted_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM tags
            WHERE tags.repository_id = m.repository_id AND tags.digest = m.digest)
        AND NOT EXISTS (SELECT 1 FROM edges AS other
            WHERE other.repository_id = m.repository_id AND other.child = m.digest
            AND other.parent <> :digest)
"""


def remove_manifests(
    connection: Connection, doomed: Sequence[DoomedManifest], limits: Limits
) -> Sequence[DoomedManifest]:
    """Remove the manifests that are still doomed, with their edges, and return those."""
    return [manifest for manifest in doomed if _remove_manifest(connection, manifest, limits)]


def _remove_manifest(connection: Connection, doomed: DoomedManifest, limits: Limits) -> bool:
    row = connection.execute(
        f"""
        DELETE FROM manifests AS m
        WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
            AND digest = :digest AND {CONDITIONS[doomed.cause]}
        RETURNING repository_id
        """,
        values_of(limits) | {"repository": doomed.repository, "digest": doomed.digest},
    ).fetchone()
    if row is None:
        return False
    (repository_id,) = row
    children = connection.execute(
        "DELETE FROM edges WHERE repository_id = ? AND parent = ? RETURNING child",
        (repository_id, doomed.digest),
    ).fetchall()
    # What fell with it has been as restorable as it was, for as long.
    for (child,) in children:
        loose.release(connection, repository_id, Digest(child), doomed.since)
    loose.release_referrers(connection, repository_id, doomed.digest, doomed.since)
    if doomed.cause is Cause.UNTAGGED:
        # Of a deleted one, they were marked then; who has set one since wants it nevertheless.
        attachments.release(connection, repository_id, doomed.digest, limits.now)
    return True


def trash_orphans(
    connection: Connection, doomed: Sequence[DoomedTag], limits: Limits
) -> Sequence[DoomedTag]:
    """Put the attachments that are still orphans into the trash, and return those."""
    change = Change(COLLECTOR, limits.now)
    return [orphan for orphan in doomed if _trash_orphan(connection, orphan, change)]


def _trash_orphan(connection: Connection, doomed: DoomedTag, change: Change) -> bool:
    values = {"repository": doomed.repository, "tag": doomed.tag, "subject": doomed.subject}
    row = connection.execute(_ORPHAN, values).fetchone()
    if row is None:
        return False
    digest, is_needed = row
    if is_needed:
        return tags.delete(connection, doomed.repository, doomed.tag, (), change)
    referrers = connection.execute(_ONLY_IN, values | {"digest": digest}).fetchall()
    for each in (digest, *(referrer for (referrer,) in referrers)):
        manifests.delete(connection, doomed.repository, Digest(each), (), change)
    return True


def remove_links(
    connection: Connection, doomed: Sequence[DoomedLink], limits: Limits
) -> Sequence[DoomedLink]:
    """Remove the links that no manifest needs and no promise holds, and return those."""
    return [link for link in doomed if _remove_link(connection, link, limits)]


def _remove_link(connection: Connection, doomed: DoomedLink, limits: Limits) -> bool:
    row = connection.execute(
        f"""
        SELECT repository_id FROM links
        WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
            AND digest = :digest AND {LOOSE_LINK} AND NOT EXISTS (SELECT 1 FROM edges
                WHERE edges.repository_id = links.repository_id AND edges.child = links.digest)
        """,
        values_of(limits) | {"repository": doomed.repository, "digest": doomed.digest},
    ).fetchone()
    return row is not None and links.remove(connection, row[0], doomed.digest, limits.now)


def remove_blobs(connection: Connection, digests: Sequence[Digest], now: float) -> Sequence[Digest]:
    """Remove the rows of the blobs that no repository has, and note that their bytes are to go."""
    held = holds.last(connection, now) is not None
    return [digest for digest in digests if _remove_blob(connection, digest, held=held)]


def _remove_blob(connection: Connection, digest: Digest, *, held: bool) -> bool:
    needed = "links" if not held else "blobs"
    if connection.execute(f"SELECT 1 FROM {needed} WHERE digest = ?", (digest,)).fetchone():
        return False
    connection.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
    connection.execute(
        "INSERT INTO deletions (digest) VALUES (?) ON CONFLICT DO NOTHING", (digest,)
    )
    return True


def forget_deletions(connection: Connection, digests: Sequence[Digest]) -> None:
    """The bytes are gone."""
    connection.executemany("DELETE FROM deletions WHERE digest = ?", [(d,) for d in digests])
