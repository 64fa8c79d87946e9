"""Rows of uploads whose bytes are objects; where they are files, an upload is its file.

A request takes an upload for a while, and goes on having it as long as it says so. Each that takes
it brings a generation, a number that no other has: one that stood still for too long finds that its
own is over when it wants to write something down, and nothing that it did counts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lading.core.digest import Digest
from lading.core.errors import Unavailable, UploadOutOfOrder, UploadUnknown
from lading.core.names import Owner, UploadKey
from lading.metadata import batches, small_uploads
from lading.metadata.noun import NOT_SYNCED, reading, scanning, writing, writing_once
from lading.ports.database import COUNTED, Database, SqlConnection
from lading.ports.objects import PlacedSegment, TakenUpload, UploadProgress
from lading.ports.uploads import WRONG_DIGESTS, Becoming, Staged, UploadNotReady

# Segments in a row that may have fewer bytes together than the other number. Each is an object, and
# a row that is read by each pull; who sends 64 KiB by each request never has too many.
MOST_SMALL = 1000
FEW_BYTES = MOST_SMALL * 64 * 1024

# Done again by the same request, each of these changes nothing.
_BEGIN = f"""
    INSERT INTO uploads (key, owner, size, active_at, hash, wrong_digests, generation)
    SELECT :upload, :owner, 0, :now, :hash, 0, 0
    WHERE (SELECT count(*) FROM uploads WHERE owner = :owner AND digest IS NULL) < :most
        {NOT_SYNCED}
    ON CONFLICT (key) DO NOTHING
"""
_TAKE = f"""
    UPDATE uploads SET generation = :generation, leased_until = :until, writing = :writing
    WHERE key = :upload AND digest IS NULL AND (generation = :generation
        OR (writing IS NULL AND (leased_until IS NULL OR leased_until <= :now))) {NOT_SYNCED}
    RETURNING size, active_at, hash, size - (
        SELECT start FROM objects WHERE upload = :upload
        ORDER BY start DESC LIMIT 1 OFFSET :most_small - 1)
"""
_RENEW = f"""
    UPDATE uploads SET leased_until = ?
    WHERE key = ? AND generation = ? AND digest IS NULL {NOT_SYNCED}
"""
_SAVE = f"""
    UPDATE uploads SET size = :size, hash = :hash, active_at = :active_at, writing = :writing,
        leased_until = CASE WHEN :ends = 1 THEN NULL ELSE leased_until END, digest = :digest
    WHERE key = :upload AND generation = :generation AND digest IS NULL
    {COUNTED}"""
# Those of an upload that is not this request's are not written down.
_PLACE = f"""
    INSERT INTO objects (key, start, size, stored_at, upload)
    SELECT :key, :start, :stored, :stored_at, :upload
    WHERE 1 = 1 /*! AND EXISTS (SELECT 1 FROM saved) */
    ON CONFLICT (key) DO UPDATE SET stored_at = excluded.stored_at
    WHERE objects.upload = excluded.upload
    {COUNTED}"""
_UNUSE = """
    INSERT INTO objects (key, start, size, stored_at, unused_at)
    SELECT key, 0, 0, :at, :at FROM json_each(:unused) WHERE 1 = 1
    {and_if} ON CONFLICT DO NOTHING
"""
_UNUSE_ALWAYS = _UNUSE.format(and_if="")
_UNUSE_IF_SAVED = _UNUSE.format(and_if="/*! AND EXISTS (SELECT 1 FROM saved) */")
# How an upload becomes a blob: it ends, and what is the blob's by then is its own.
_END = f"""
    DELETE FROM uploads WHERE key = :upload AND generation = :generation AND digest IS NULL
    {COUNTED}"""
_END_AS_IT_IS = """
    DELETE FROM uploads
    WHERE key = :upload AND digest IS NULL AND writing IS NULL
        AND (leased_until IS NULL OR leased_until <= :at)
        AND size > 0 AND size = (SELECT sum(size) FROM objects WHERE upload = :upload)
    RETURNING hash
"""
# No two objects of a blob begin at the same byte, at any time: so the others have to go before.
_AFTER = "/*! AND (SELECT count(*) FROM replaced) >= 0 */"
_HAND_OVER = f"""
    UPDATE objects SET upload = NULL, digest = :digest
    WHERE upload = :upload AND start < :up_to {_AFTER}
    RETURNING size
"""
_PLACE_IN_BLOB = f"""
    INSERT INTO objects (key, start, size, stored_at, digest)
    SELECT :key, :start, :stored, :stored_at, :digest WHERE 1 = 1 {_AFTER}
    ON CONFLICT (key) DO UPDATE SET upload = NULL, digest = excluded.digest
    WHERE objects.upload = :upload
    RETURNING size
"""
_SIZE = "coalesce((SELECT sum(size) FROM objects WHERE upload = :upload), 0)"


def begin(
    connection: SqlConnection,
    upload: UploadKey,
    hash_: bytes,
    now: float,
    *,
    most: int | None = None,
) -> bool:
    """Start an upload; false if its owner has `most` already."""
    values = {
        "upload": upload,
        "owner": upload.owner,
        "now": now,
        "hash": hash_,
        "most": batches.NO_LIMIT if most is None else most,
    }
    # If it was sent twice, the second one found the row.
    return connection.execute(_BEGIN, values).rowcount > 0 or size(connection, upload) is not None


def take(connection: SqlConnection, values: Mapping[str, Any]) -> TakenUpload | None:
    """Let one request alone write to an upload; `None` if that takes a look, see `take_over`."""
    row = connection.execute(_TAKE, values).fetchone()
    if row is None:
        return None
    size, active_at, hash_, latest = row
    is_crumbled = latest is not None and latest < FEW_BYTES
    return TakenUpload(size, active_at, bytes(hash_), is_crumbled)


def take_over(connection: SqlConnection, values: Mapping[str, Any]) -> TakenUpload:
    """As `UploadRows.take`; what a request that was killed has stored of the upload is unused."""
    _let_go(connection, values["upload"], values["now"])
    taken = take(connection, values)
    if taken is None:
        raise _taken(connection, values["upload"])
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
    """Write down an upload, and what was stored of it, if it is this request's to change."""
    statements = {"saved": _SAVE}
    if progress.stored is not None:
        statements["placed"] = _PLACE
    if progress.unused:
        statements["dropped"] = _UNUSE_IF_SAVED
    values = {
        **_values(upload, generation, progress),
        "size": progress.size,
        "hash": progress.hash,
        "active_at": progress.active_at if digest is None else progress.now,
        "writing": progress.writing,
        "ends": int(progress.writing is None),
        "digest": digest,
    }
    if not all(connection.execute_together(statements, values).values()):
        raise _taken(connection, upload)


def _values(upload: UploadKey, generation: int, progress: UploadProgress) -> dict[str, Any]:
    stored = progress.stored
    return {
        "upload": upload,
        "generation": generation,
        "at": progress.now,
        **({} if stored is None else _placed(stored)),
        **({"unused": batches.keys(progress.unused)} if progress.unused else {}),
    }


def _placed(stored: PlacedSegment) -> dict[str, Any]:
    return {
        "key": stored.key,
        "start": stored.start,
        "stored": stored.size,
        "stored_at": stored.stored_at,
    }


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
    values = {"upload": upload, "digest": digest, "at": progress.now, "up_to": batches.NO_LIMIT}
    statements = {"replaced": small_uploads.REPLACE, "taken": _HAND_OVER}
    taken = connection.execute_together(statements, values)["taken"]
    _require_whole(taken, progress.size)


def becoming(upload: UploadKey, generation: int, progress: UploadProgress) -> Becoming:
    """As `commit`, with what makes the blob known: the upload is over with it."""
    statements = {"ended": _END, "replaced": small_uploads.REPLACE, "taken": _HAND_OVER}
    if progress.stored is not None:
        statements["placed"] = _PLACE_IN_BLOB
    if progress.unused:
        statements["dropped"] = _UNUSE_ALWAYS
    stored = progress.stored
    values = {
        **_values(upload, generation, progress),
        "size": progress.size,
        # One that is written down already, which nobody knew, is placed a second time instead.
        "up_to": batches.NO_LIMIT if stored is None else stored.start,
    }

    def require(connection: SqlConnection, returned: Mapping[str, Sequence[Any]]) -> None:
        if not returned["ended"] or not returned.get("placed", True):
            raise _taken(connection, upload)
        _require_whole([*returned["taken"], *returned.get("placed", ())], progress.size)

    return Becoming(statements, values, ":size", require)


def becoming_as_it_is(
    upload: UploadKey,
    digest: Digest,
    digest_of: Callable[[bytes], Digest | None],
    now: float,
) -> Becoming:
    """As `becoming`, of an upload that nobody writes to, without taking it before.

    Args:
        digest_of: the digest of all bytes, by what is known of their hash; `None` if it is not.
    """
    statements = {"ended": _END_AS_IT_IS, "replaced": small_uploads.REPLACE, "taken": _HAND_OVER}
    values = {"upload": upload, "at": now, "up_to": batches.NO_LIMIT}

    def require(_: SqlConnection, returned: Mapping[str, Sequence[Any]]) -> None:
        if [digest_of(bytes(known)) for known in returned["ended"]] != [digest]:
            raise UploadNotReady

    return Becoming(statements, values, _SIZE, require)


def _require_whole(parts: Iterable[int], size: int) -> None:
    if sum(parts) != size:
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
    connection.execute(_UNUSE_ALWAYS, {"unused": batches.keys(keys), "at": now})


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
        self.save = writing_once(database, save, durable=True)
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
        self.becoming = becoming
        self.becoming_as_it_is = becoming_as_it_is
        self.reserve = writing_once(database, small_uploads.reserve)
        self.save_small = writing_once(database, small_uploads.save)
        self.becoming_small = small_uploads.becoming

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
            "most_small": MOST_SMALL,
        }
        return await self._take(values) or await self._take_over(values)
