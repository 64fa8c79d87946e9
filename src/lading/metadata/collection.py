"""Removing what nothing needs any more: rows only, many in a transaction.

Each removal asks again, inside its transaction, whether it is still right: a push may have come
since the garbage was found. What a removed row kept is marked as loose.
"""

from collections.abc import Sequence
from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.garbage import Cause, DoomedLink, DoomedManifest, Limits
from lading.metadata import attachments, holds, links, loose
from lading.metadata.garbage import CONDITIONS, LOOSE_LINK, values_of


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
