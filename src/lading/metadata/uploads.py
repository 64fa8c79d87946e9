"""Rows of uploads that became blobs; one that has not is a file, which the store of blobs keeps."""

from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.names import UploadKey


def commit(connection: Connection, upload: UploadKey, digest: Digest, now: float) -> None:
    """An upload became a blob. The row stays for a while, for those who ask again."""
    connection.execute(
        "INSERT INTO committed_uploads (upload, digest, at) VALUES (?, ?, ?)"
        " ON CONFLICT (upload) DO UPDATE SET digest = excluded.digest, at = excluded.at",
        (upload, digest, now),
    )


def find_committed(connection: Connection, upload: UploadKey) -> Digest | None:
    """The blob that an upload became."""
    row = connection.execute(
        "SELECT digest FROM committed_uploads WHERE upload = ?", (upload,)
    ).fetchone()
    return None if row is None else Digest(row[0])


def forget_committed(connection: Connection, before: float, at_most: int) -> int:
    """Forget uploads that became blobs before that time; how many."""
    return connection.execute(
        "DELETE FROM committed_uploads WHERE upload IN"
        " (SELECT upload FROM committed_uploads WHERE at <= ? LIMIT ?)",
        (before, at_most),
    ).rowcount
