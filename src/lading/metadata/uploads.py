"""Rows of uploads: pushes of blobs that have been started."""

from collections.abc import Sequence
from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.names import RepositoryName, UploadId
from lading.metadata import repositories
from lading.ports import Upload

_COLUMNS = "uploads.id, repositories.name, algorithm, active_at, committed"


def start(connection: Connection, upload: Upload) -> None:
    """Remember a new upload."""
    connection.execute(
        "INSERT INTO uploads (id, repository_id, algorithm, active_at) VALUES (?, ?, ?, ?)",
        (
            upload.id,
            repositories.ensure(connection, upload.repository),
            upload.algorithm,
            upload.active_at,
        ),
    )


def find(connection: Connection, repository: RepositoryName, upload: UploadId) -> Upload | None:
    """An upload of this repository."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM uploads JOIN repositories ON repositories.id = repository_id"
        " WHERE uploads.id = ? AND repositories.name = ?",
        (upload, repository),
    ).fetchone()
    return None if row is None else _upload(row)


def commit(connection: Connection, upload: UploadId, digest: Digest, now: float) -> None:
    """The upload became a blob. The row stays for a while, for those who ask again."""
    connection.execute(
        "UPDATE uploads SET committed = ?, active_at = ? WHERE id = ?", (digest, now, upload)
    )


def drop(connection: Connection, upload: UploadId) -> None:
    """Forget an upload."""
    connection.execute("DELETE FROM uploads WHERE id = ?", (upload,))


def touch(connection: Connection, upload: UploadId, now: float) -> None:
    """An upload made progress."""
    connection.execute("UPDATE uploads SET active_at = ? WHERE id = ?", (now, upload))


def idle(connection: Connection, idle_since: float, at_most: int | None) -> Sequence[Upload]:
    """Uploads without progress since that time, the longest idle first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM uploads JOIN repositories ON repositories.id = repository_id"
        " WHERE active_at <= ? AND committed IS NULL ORDER BY active_at LIMIT ?",
        (idle_since, -1 if at_most is None else at_most),
    )
    return [_upload(row) for row in rows]


def forget_committed(connection: Connection, before: float, at_most: int) -> int:
    """Drop uploads that became blobs before that time; how many."""
    return connection.execute(
        "DELETE FROM uploads WHERE id IN (SELECT id FROM uploads"
        " WHERE active_at <= ? AND committed IS NOT NULL LIMIT ?)",
        (before, at_most),
    ).rowcount


def unknown(connection: Connection, uploads: Sequence[UploadId]) -> Sequence[UploadId]:
    """Those of the uploads that have no row."""
    return [
        upload
        for upload in uploads
        if connection.execute("SELECT 1 FROM uploads WHERE id = ?", (upload,)).fetchone() is None
    ]


def _upload(row: tuple[str, str, str, float, str | None]) -> Upload:
    upload, repository, algorithm, active_at, committed = row
    return Upload(
        id=UploadId(upload),
        repository=RepositoryName(repository),
        algorithm=algorithm,
        active_at=active_at,
        committed=None if committed is None else Digest(committed),
    )
