"""Rows of uploads whose bytes are objects; where they are files, an upload is its file.

A request takes an upload for a while, and goes on having it as long as it says so. Each that takes
it brings a generation, a number that no other has: one that stood still for too long finds that its
own is over when it wants to write something down, and nothing that it did counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lading.core.digest import Digest
from lading.core.errors import UploadOutOfOrder, UploadUnknown
from lading.core.names import UploadKey
from lading.metadata import batches
from lading.metadata.noun import NOT_SYNCED
from lading.ports.database import COUNTED, SqlConnection
from lading.ports.objects import PlacedSegment, TakenUpload, UploadProgress
from lading.ports.uploads import WRONG_DIGESTS

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
_UNUSE_IF = """
    INSERT INTO objects (key, start, size, stored_at, unused_at)
    SELECT key, 0, 0, :at, :at FROM json_each(:unused) WHERE 1 = 1
    {and_if} ON CONFLICT DO NOTHING
"""
UNUSE = _UNUSE_IF.format(and_if="")
_UNUSE_IF_SAVED = _UNUSE_IF.format(and_if="/*! AND EXISTS (SELECT 1 FROM saved) */")


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
    upload, now = values["upload"], values["now"]
    row = connection.execute(
        "SELECT writing FROM uploads"
        " WHERE key = ? AND leased_until <= ? AND writing IS NOT NULL AND digest IS NULL",
        (upload, now),
    ).fetchone()
    if row is not None:
        unuse(connection, [row[0]], now)
        connection.execute("UPDATE uploads SET writing = NULL WHERE key = ?", (upload,))
    taken = take(connection, values)
    if taken is None:
        raise taken_since(connection, upload)
    return taken


def renew(connection: SqlConnection, upload: UploadKey, generation: int, until: float) -> bool:
    """Go on having an upload."""
    return connection.execute(_RENEW, (until, upload, generation)).rowcount > 0


def save(
    connection: SqlConnection,
    upload: UploadKey,
    generation: int,
    progress: UploadProgress,
    digest: Digest | None = None,
) -> None:
    """Write down what has come of a request, if the upload is its own; and what it is committed as.

    That waits to be settled, from now on.
    """
    statements = {"saved": _SAVE}
    if progress.stored is not None:
        statements["placed"] = _PLACE
    if progress.unused:
        statements["dropped"] = _UNUSE_IF_SAVED
    values = {
        **values_of(upload, generation, progress),
        "hash": progress.hash,
        "active_at": progress.active_at if digest is None else progress.now,
        "writing": progress.writing,
        "ends": int(progress.writing is None),
        "digest": digest,
    }
    if not all(connection.execute_together(statements, values).values()):
        raise taken_since(connection, upload)


def values_of(upload: UploadKey, generation: int, progress: UploadProgress) -> dict[str, Any]:
    """Parameters of statements that write down what has come of a request."""
    values = {
        "upload": upload,
        "generation": generation,
        "size": progress.size,
        "at": progress.now,
        "unused": batches.keys(progress.unused),
    }
    if progress.stored is not None:
        key, start, stored, stored_at = progress.stored
        values |= {"key": key, "start": start, "stored": stored, "stored_at": stored_at}
    return values


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
        raise taken_since(connection, upload)
    number, at = row
    if number >= WRONG_DIGESTS:
        discard(connection, upload, at)


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


def unuse(connection: SqlConnection, keys: Iterable[str], now: float) -> None:
    """Write down keys of objects that may be there, and that nothing needs."""
    connection.execute(UNUSE, {"unused": batches.keys(keys), "at": now})


def taken_since(connection: SqlConnection, upload: UploadKey) -> UploadUnknown | UploadOutOfOrder:
    """The error of who no longer has an upload: another request has taken it, or it is over."""
    there = size(connection, upload)
    if there is None:
        return UploadUnknown()
    return UploadOutOfOrder(
        "another request is writing to this upload; ask for its status, then go on", there
    )
