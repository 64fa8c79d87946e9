"""Rows of uploads: pushes of blobs that have been started."""

from collections.abc import Sequence
from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.names import RepositoryName, UploadId
from lading.metadata import repositories
from lading.ports import Upload

_COLUMNS = "uploads.id, repositories.name, algorithm, started_at, committed"


def start(connection: Connection, upload: Upload) -> None:
    """Remember a new upload."""
    connection.execute(
        "INSERT INTO uploads (id, repository_id, algorithm, started_at) VALUES (?, ?, ?, ?)",
        (
            upload.id,
            repositories.ensure(connection, upload.repository),
            upload.algorithm,
            upload.started_at,
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


def commit(connection: Connection, upload: UploadId, digest: Digest) -> None:
    """The upload became a blob. The row stays for a while, for those who ask again."""
    connection.execute("UPDATE uploads SET committed = ? WHERE id = ?", (digest, upload))


def drop(connection: Connection, upload: UploadId) -> None:
    """Forget an upload."""
    connection.execute("DELETE FROM uploads WHERE id = ?", (upload,))


def stale(connection: Connection, started_before: float) -> Sequence[Upload]:
    """Uploads started before that time, the oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM uploads JOIN repositories ON repositories.id = repository_id"
        " WHERE started_at < ? ORDER BY started_at",
        (started_before,),
    )
    return [_upload(row) for row in rows]


def _upload(row: tuple[str, str, str, float, str | None]) -> Upload:
    upload, repository, algorithm, started_at, committed = row
    return Upload(
        id=UploadId(upload),
        repository=RepositoryName(repository),
        algorithm=algorithm,
        started_at=started_at,
        committed=None if committed is None else Digest(committed),
    )
