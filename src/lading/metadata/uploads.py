"""Rows of uploads whose bytes are objects; where they are files, an upload is its file.

A request takes an upload for a while, and goes on having it as long as it says so. Each that takes
it brings a generation, a number that no other has: one that stood still for too long finds that its
own is over when it wants to write something down, and nothing that it did counts.
"""

from collections.abc import Callable, Iterable, Sequence

from lading.core.digest import Digest
from lading.core.errors import Unavailable, UploadOutOfOrder, UploadUnknown
from lading.core.names import Owner, UploadKey
from lading.metadata import batches
from lading.metadata.noun import NOT_SYNCED, reading, scanning, writing, writing_once
from lading.ports.database import Database, Rows, SqlConnection, Work
from lading.ports.objects import PlacedSegment, TakenUpload, UploadProgress
from lading.ports.uploads import WRONG_DIGESTS, Staged, UploadNotReady

# Done again by the same request, each of these changes nothing.
_BEGIN = f"""
    INSERT INTO uploads (key, owner, size, active_at, hash, wrong_digests, generation)
    SELECT ?, ?, 0, ?, ?, 0, 0 WHERE 1 = 1 {NOT_SYNCED}
    ON CONFLICT (key) DO NOTHING
"""
_TAKE = f"""
    UPDATE uploads SET generation = :generation, leased_until = :until, writing = :writing
    WHERE key = :upload AND digest IS NULL AND (generation = :generation
        OR (writing IS NULL AND (leased_until IS NULL OR leased_until <= :now))) {NOT_SYNCED}
    RETURNING size, active_at, hash
"""
_RENEW = f"""
    UPDATE uploads SET leased_until = ?
    WHERE key = ? AND generation = ? AND digest IS NULL {NOT_SYNCED}
"""
_END = """
    DELETE FROM uploads
    WHERE key = ? AND digest IS NULL AND writing IS NULL
        AND (leased_until IS NULL OR leased_until <= ?)
    RETURNING size, hash
"""
_UPDATE = """
    UPDATE uploads SET size = :size, hash = :hash, active_at = :active_at, writing = :writing,
        leased_until = CASE WHEN :ends = 1 THEN NULL ELSE leased_until END, digest = :digest
    WHERE key = :upload AND generation = :generation AND digest IS NULL
"""
# Said again if nobody knows whether it was committed.
_INSERT = """
    INSERT INTO objects (key, start, size, stored_at, upload) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET stored_at = excluded.stored_at
    WHERE objects.upload = excluded.upload
"""
_UNUSE = """
    INSERT INTO objects (key, start, size, stored_at, unused_at) VALUES (?, 0, 0, ?, ?)
    ON CONFLICT DO NOTHING
"""


def begin(connection: SqlConnection, upload: UploadKey, hash_: bytes, now: float) -> None:
    """Start an upload."""
    connection.execute(_BEGIN, (upload, upload.owner, now, hash_))


def take(
    connection: SqlConnection,
    upload: UploadKey,
    *,
    generation: int,
    writing: str,
    now: float,
    until: float,
) -> TakenUpload | None:
    """Let one request alone write to an upload; `None` if that takes a look, see `take_over`."""
    row = connection.execute(
        _TAKE,
        {
            "upload": upload,
            "generation": generation,
            "writing": writing,
            "now": now,
            "until": until,
        },
    ).fetchone()
    if row is None:
        return None
    size, active_at, hash_ = row
    return TakenUpload(size, active_at, bytes(hash_))


def take_over(
    connection: SqlConnection,
    upload: UploadKey,
    *,
    generation: int,
    writing: str,
    now: float,
    until: float,
) -> TakenUpload:
    """As `take`; what a request that was killed has stored of the upload is unused.

    Raises:
        UploadUnknown, UploadOutOfOrder: see `lading.ports.objects.UploadRows.take`.
    """
    _let_go(connection, upload, now)
    taken = take(connection, upload, generation=generation, writing=writing, now=now, until=until)
    if taken is None:
        raise _taken(connection, upload)
    return taken


def _let_go(connection: SqlConnection, upload: UploadKey, now: float) -> None:
    """Take the upload from one that was killed; what that one may have stored is unused now."""
    row = connection.execute(
        "SELECT writing FROM uploads"
        " WHERE key = ? AND leased_until <= ? AND writing IS NOT NULL AND digest IS NULL",
        (upload, now),
    ).fetchone()
    if row is not None:
        unuse(connection, [row[0]], now)
        connection.execute("UPDATE uploads SET writing = NULL WHERE key = ?", (upload,))


def renew(connection: SqlConnection, upload: UploadKey, generation: int, until: float) -> bool:
    """Go on having an upload."""
    return connection.execute(_RENEW, (until, upload, generation)).rowcount > 0


def save(
    connection: SqlConnection, upload: UploadKey, generation: int, progress: UploadProgress
) -> None:
    """Write down what has come of a request."""
    _save(connection, upload, generation, progress, None)


def _save(
    connection: SqlConnection,
    upload: UploadKey,
    generation: int,
    progress: UploadProgress,
    digest: Digest | None,
) -> None:
    changed = connection.execute(
        _UPDATE,
        {
            "upload": upload,
            "generation": generation,
            "size": progress.size,
            "hash": progress.hash,
            "active_at": progress.active_at if digest is None else progress.now,
            "writing": progress.writing,
            "ends": int(progress.writing is None),
            "digest": digest,
        },
    )
    _note_objects(connection, upload, progress, changed)


def _note_objects(
    connection: SqlConnection, upload: UploadKey, progress: UploadProgress, changed: Rows
) -> None:
    """Write down what was stored of an upload, if its row was this request's to change."""
    added = [connection.execute(_INSERT, (*segment, upload)) for segment in progress.segments]
    unuse(connection, progress.unused, progress.now)
    # All are sent before any is looked at: a look waits for the server.
    if any(rows.rowcount == 0 for rows in (changed, *added)):
        raise _taken(connection, upload)


def cut(
    connection: SqlConnection, upload: UploadKey, generation: int, progress: UploadProgress
) -> None:
    """Go back to so many bytes; the segments after them are unused from then."""
    save(connection, upload, generation, progress)
    connection.execute(
        "UPDATE objects SET upload = NULL, unused_at = ? WHERE upload = ? AND start >= ?",
        (progress.now, upload, progress.size),
    )


def count_wrong_digest(connection: SqlConnection, upload: UploadKey, generation: int) -> None:
    """Count a wrong digest, up to the one that ends the upload."""
    row = connection.execute(
        "UPDATE uploads SET wrong_digests = wrong_digests + 1"
        " WHERE key = ? AND generation = ? AND digest IS NULL RETURNING wrong_digests, active_at",
        (upload, generation),
    ).fetchone()
    if row is None:
        raise _taken(connection, upload)
    number, at = row
    if number >= WRONG_DIGESTS:
        discard(connection, upload, at)


def commit(
    connection: SqlConnection,
    upload: UploadKey,
    generation: int,
    progress: UploadProgress,
    digest: Digest,
) -> None:
    """Make the segments of an upload those of a blob; those that it had are unused from then."""
    _save(connection, upload, generation, progress, digest)
    _hand_over(connection, upload, progress.size, digest, progress.now)


def commit_at_once(
    connection: SqlConnection,
    upload: UploadKey,
    generation: int,
    progress: UploadProgress,
    digest: Digest,
) -> int:
    """As `commit`, in the transaction that makes the blob known: the upload is over with it.

    Returns:
        How many bytes the blob has.
    """
    ended = connection.execute(
        "DELETE FROM uploads WHERE key = ? AND generation = ? AND digest IS NULL",
        (upload, generation),
    )
    _note_objects(connection, upload, progress, ended)
    _hand_over(connection, upload, progress.size, digest, progress.now)
    return progress.size


def commit_as_it_is(
    connection: SqlConnection,
    upload: UploadKey,
    digest: Digest,
    digest_of: Callable[[bytes], Digest | None],
    now: float,
) -> int:
    """As `commit_at_once`, of an upload that nobody writes to, without taking it before.

    Args:
        digest_of: the digest of all bytes, by what is known of their hash; `None` if it is not.

    Raises:
        UploadNotReady: it cannot be committed like this.
    """
    row = connection.execute(_END, (upload, now)).fetchone()
    if row is None or row[0] == 0 or digest_of(bytes(row[1])) != digest:
        raise UploadNotReady
    _hand_over(connection, upload, row[0], digest, now)
    return int(row[0])


def _hand_over(
    connection: SqlConnection, upload: UploadKey, size: int, digest: Digest, now: float
) -> None:
    connection.execute(
        "UPDATE objects SET digest = NULL, unused_at = ? WHERE digest = ?", (now, digest)
    )
    taken = connection.execute(
        "UPDATE objects SET upload = NULL, digest = ? WHERE upload = ? RETURNING size",
        (digest, upload),
    )
    if sum(part for (part,) in taken.fetchall()) != size:
        raise Unavailable("what was uploaded does not add up; begin the upload anew")


def segments(connection: SqlConnection, upload: UploadKey) -> Sequence[PlacedSegment]:
    """The segments of an upload, in order."""
    rows = connection.execute(
        "SELECT key, start, size, stored_at FROM objects WHERE upload = ? ORDER BY start", (upload,)
    )
    return [PlacedSegment(*row) for row in rows]


def size(connection: SqlConnection, upload: UploadKey) -> int | None:
    """How many bytes an upload has."""
    row = connection.execute(
        "SELECT size FROM uploads WHERE key = ? AND digest IS NULL", (upload,)
    ).fetchone()
    return None if row is None else int(row[0])


def settle(connection: SqlConnection, uploads: Sequence[UploadKey]) -> None:
    """Remove the rows of uploads that were committed."""
    connection.execute(
        "DELETE FROM uploads WHERE digest IS NOT NULL AND key IN (SELECT key FROM json_each(?))",
        (batches.keys(uploads),),
    )


def discard(connection: SqlConnection, upload: UploadKey, now: float) -> Sequence[str]:
    """End an upload that is no blob; its objects are unused from then, and returned.

    The one that somebody may be writing is not among these: it goes later.
    """
    row = connection.execute(
        "DELETE FROM uploads WHERE key = ? AND digest IS NULL RETURNING writing", (upload,)
    ).fetchone()
    if row is None:
        return ()
    if row[0] is not None:
        unuse(connection, [row[0]], now)
    freed = connection.execute(
        "UPDATE objects SET upload = NULL, unused_at = ? WHERE upload = ? RETURNING key",
        (now, upload),
    )
    return [key for (key,) in freed.fetchall()]


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


def unuse(connection: SqlConnection, keys: Iterable[str], now: float) -> None:
    """Write down keys of objects that may be there, and that nothing needs."""
    for key in keys:
        connection.execute(_UNUSE, (key, now, now))


def _taken(connection: SqlConnection, upload: UploadKey) -> UploadUnknown | UploadOutOfOrder:
    there = size(connection, upload)
    if there is None:
        return UploadUnknown()
    return UploadOutOfOrder(
        "another request is writing to this upload; ask for its status, then go on", there
    )


class ObjectUploads:
    """Uploads whose bytes are objects; see `lading.ports.objects.UploadRows`."""

    def __init__(self, database: Database) -> None:
        self._take = writing_once(database, take)
        self._take_over = writing(database, take_over, durable=False)
        self.begin = writing_once(database, begin)
        self.renew = writing_once(database, renew)
        self.save = writing(database, save)
        self.cut = writing(database, cut)
        self.count_wrong_digest = writing(database, count_wrong_digest)
        self.commit = writing(database, commit)
        self.segments = reading(database, segments)
        self.size = reading(database, size)
        self.settle = writing(database, settle, durable=False)
        self.discard = writing(database, discard)
        self.count = reading(database, count)
        self.count_all = scanning(database, count_all)
        self.list_all = scanning(database, list_all)

    def committing(
        self, upload: UploadKey, generation: int, progress: UploadProgress, digest: Digest
    ) -> Work[int]:
        """What makes an upload a blob, in a transaction that makes the blob known."""
        return lambda connection: commit_at_once(connection, upload, generation, progress, digest)

    def committing_as_it_is(
        self,
        upload: UploadKey,
        digest: Digest,
        digest_of: Callable[[bytes], Digest | None],
        now: float,
    ) -> Work[int]:
        """What does so with an upload that is complete."""
        return lambda connection: commit_as_it_is(connection, upload, digest, digest_of, now)

    async def take(
        self, upload: UploadKey, *, generation: int, writing: str, now: float, until: float
    ) -> TakenUpload:
        """Let one request alone write to an upload, for a while."""
        taken = await self._take(
            upload, generation=generation, writing=writing, now=now, until=until
        )
        if taken is not None:
            return taken
        return await self._take_over(
            upload, generation=generation, writing=writing, now=now, until=until
        )
