"""What nothing keeps any more: marked in the transaction in which the last thing lets go of it.

A link or a manifest is loose exactly while its mark is set, so that a collector need not look at
all the others. Whatever adds or removes a tag, an edge or a subject calls this.
"""

from sqlite3 import Connection

from lading.core.digest import Digest

# What keeps a manifest, be it in the trash itself or not: a tag, an index that is stored, or being
# about a manifest that is stored. One in the trash is not lost yet, so it keeps what it needs.
KEPT = """(
    EXISTS (SELECT 1 FROM tags
        WHERE tags.repository_id = m.repository_id AND tags.digest = m.digest)
    OR EXISTS (SELECT 1 FROM edges
        WHERE edges.repository_id = m.repository_id AND edges.child = m.digest)
    OR EXISTS (SELECT 1 FROM manifests AS target
        WHERE target.repository_id = m.repository_id AND target.digest = m.subject)
)"""

_RELEASE_MANIFEST = f"""
    UPDATE manifests AS m SET loose_at = :at
    WHERE repository_id = :repository AND digest = :digest
        AND deleted_at IS NULL AND loose_at IS NULL AND NOT {KEPT}
"""
_RELEASE_REFERRERS = f"""
    UPDATE manifests AS m SET loose_at = :at
    WHERE repository_id = :repository AND subject = :digest
        AND deleted_at IS NULL AND loose_at IS NULL AND NOT {KEPT}
"""
_RELEASE_LINK = """
    UPDATE links SET loose_at = :at
    WHERE repository_id = :repository AND digest = :digest AND loose_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM edges
            WHERE edges.repository_id = links.repository_id AND edges.child = links.digest)
"""


def release(connection: Connection, repository_id: int, digest: Digest, at: float) -> None:
    """Something let go of a manifest or a blob: mark it if that was the last."""
    values = {"repository": repository_id, "digest": digest, "at": at}
    connection.execute(_RELEASE_MANIFEST, values)
    connection.execute(_RELEASE_LINK, values)


def release_referrers(
    connection: Connection, repository_id: int, subject: Digest, at: float
) -> None:
    """A manifest is no longer stored: what was about it may be loose."""
    values = {"repository": repository_id, "digest": subject, "at": at}
    connection.execute(_RELEASE_REFERRERS, values)


def is_stored(connection: Connection, repository_id: int, digest: Digest | None) -> bool:
    """Whether a manifest is there or in the trash, so that it keeps what is about it."""
    row = connection.execute(
        "SELECT 1 FROM manifests WHERE repository_id = ? AND digest = ?", (repository_id, digest)
    ).fetchone()
    return row is not None


def keep(connection: Connection, repository_id: int, digest: Digest, now: float) -> int | None:
    """Something relies on a manifest from now on: its size if it is there."""
    row = connection.execute(
        "UPDATE manifests SET used_at = ?, loose_at = NULL"
        " WHERE repository_id = ? AND digest = ? AND deleted_at IS NULL AND lost_at IS NULL"
        " RETURNING size",
        (now, repository_id, digest),
    ).fetchone()
    return None if row is None else int(row[0])


def keep_referrers(connection: Connection, repository_id: int, subject: Digest) -> None:
    """A manifest is stored now: what is about it is not loose."""
    connection.execute(
        "UPDATE manifests SET loose_at = NULL"
        " WHERE repository_id = ? AND subject = ? AND loose_at IS NOT NULL",
        (repository_id, subject),
    )
