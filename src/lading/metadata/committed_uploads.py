"""Rows of uploads that became blobs: they stay for a while, for those who ask again."""

from lading.core.digest import Digest
from lading.core.names import UploadKey
from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection


def find(connection: SqlConnection, upload: UploadKey) -> Digest | None:
    """The blob that an upload became, for those who did not get the answer; for a while."""
    row = connection.execute(
        "SELECT digest FROM committed_uploads WHERE upload = ?", (upload,)
    ).fetchone()
    return None if row is None else Digest(row[0])


def remove(connection: SqlConnection, *, before: float, at_most: int) -> int:
    """Remove uploads that became blobs before that time, for which nobody asks again; how many."""
    return connection.execute(
        "DELETE FROM committed_uploads WHERE upload IN"
        " (SELECT upload FROM committed_uploads WHERE at <= ? LIMIT ?)",
        (before, at_most),
    ).rowcount


class CommittedUploads:
    """Uploads that became blobs."""

    def __init__(self, database: Database) -> None:
        self.find = reading(database, find)
        self.remove = writing(database, remove, durable=False)
