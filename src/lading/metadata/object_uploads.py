"""Uploads whose bytes are objects: what is asked and changed of one, and all of them at once."""

from collections.abc import Sequence

from lading.core.digest import Digest
from lading.core.names import Owner, UploadKey
from lading.metadata import becoming_blobs, uploads
from lading.metadata.noun import NOT_SYNCED, reading, scanning, writing, writing_once
from lading.ports.database import Database, SqlConnection
from lading.ports.objects import TakenUpload
from lading.ports.uploads import Staged


def count(connection: SqlConnection, owner: Owner) -> int:
    """How many uploads somebody has begun that are not over."""
    row = connection.execute(
        "SELECT count(*) FROM uploads WHERE owner = ? AND digest IS NULL", (owner,)
    ).fetchone()
    return int(row[0])


def count_all(connection: SqlConnection) -> int:
    """How many uploads there are that are not over."""
    row = connection.execute("SELECT count(*) FROM uploads WHERE digest IS NULL").fetchone()
    return int(row[0])


def list_all(connection: SqlConnection) -> Sequence[Staged]:
    """All uploads, and commits that were not settled."""
    rows = connection.execute("SELECT key, size, active_at, digest FROM uploads ORDER BY key")
    return [
        Staged(UploadKey(key), size, active_at, None if digest is None else Digest(digest))
        for key, size, active_at, digest in rows
    ]


def settle(connection: SqlConnection, upload: UploadKey) -> None:
    """Remove the row of an upload that was committed."""
    connection.execute(
        f"DELETE FROM uploads WHERE digest IS NOT NULL AND key = ? {NOT_SYNCED}", (upload,)
    )


class ObjectUploads:
    """Uploads whose bytes are objects; see `lading.ports.objects.UploadRows`."""

    def __init__(self, database: Database) -> None:
        self._take = writing_once(database, uploads.take)
        self._take_over = writing(database, uploads.take_over, durable=False)
        self.begin = writing_once(database, uploads.begin)
        self.renew = writing_once(database, uploads.renew)
        self.save = writing_once(database, uploads.save, durable=True)
        self.cut = writing(database, uploads.cut)
        self.count_wrong_digest = writing(database, uploads.count_wrong_digest)
        self.commit = writing(database, becoming_blobs.commit)
        self.segments = reading(database, uploads.segments)
        self.size = reading(database, uploads.size)
        self.settle = writing_once(database, settle)
        self.discard = writing(database, uploads.discard)
        self.count = reading(database, count)
        self.count_all = scanning(database, count_all)
        self.list_all = scanning(database, list_all)
        self.becoming = becoming_blobs.becoming
        self.becoming_as_it_is = becoming_blobs.becoming_as_it_is
        self.reserve = writing_once(database, becoming_blobs.reserve)
        self.save_small = writing_once(database, becoming_blobs.save_small)
        self.becoming_small = becoming_blobs.becoming_small

    async def take(
        self, upload: UploadKey, *, generation: int, writing: str, now: float, until: float
    ) -> TakenUpload:
        """Let one request alone write to an upload, for a while."""
        values = {
            "upload": upload,
            "generation": generation,
            "writing": writing,
            "now": now,
            "until": until,
            "most_small": uploads.MOST_SMALL,
        }
        return await self._take(values) or await self._take_over(values)
