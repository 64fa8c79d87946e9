"""Attachments of manifests that are gone: marked in the transaction in which those go.

An *orphan* is a tag that is made of the digest of a manifest that was in the repository, and is in
the trash or collected. A tag whose subject never was here is none: signatures may be pushed first,
or be kept in another repository than the image.
"""

from lading.core import attachments
from lading.core.digest import Digest
from lading.core.names import Tag
from lading.ports.database import SqlConnection

_MARK = """
    INSERT INTO orphans (repository_id, tag, at)
    SELECT repository_id, name, ? FROM tags WHERE repository_id = ? AND name IN (?, ?, ?, ?)
    ON CONFLICT DO NOTHING
"""


def release(connection: SqlConnection, repository_id: int, digest: Digest, at: float) -> None:
    """A manifest is gone, to the trash or for good: mark the tags of its attachments."""
    connection.execute(_MARK, (at, repository_id, *attachments.tags_of(digest)))


def keep(connection: SqlConnection, repository_id: int, digest: Digest) -> None:
    """A manifest is there, perhaps again: its attachments are no orphans."""
    connection.execute(
        "DELETE FROM orphans WHERE repository_id = ? AND tag IN (?, ?, ?, ?)",
        (repository_id, *attachments.tags_of(digest)),
    )


def forget(connection: SqlConnection, repository_id: int, tag: Tag) -> None:
    """Somebody has set the tag, or taken it away."""
    connection.execute(
        "DELETE FROM orphans WHERE repository_id = ? AND tag = ?", (repository_id, tag)
    )
