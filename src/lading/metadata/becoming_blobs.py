"""Uploads whose bytes are objects, as they become blobs: what they have is the blob's then.

Of a small one the bytes come at once, and it is never taken (see `uploads`). Its object is stored
under a key that was written down before, as unused, together with others. One statement says then
that it is all that the upload has, if that has nothing and is nobody's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.names import UploadKey
from lading.metadata import batches, uploads
from lading.metadata.noun import NOT_SYNCED
from lading.ports.database import COUNTED, SqlConnection
from lading.ports.objects import PlacedSegment, UploadProgress
from lading.ports.uploads import Becoming, UploadNotReady

# How an upload becomes a blob: it ends, and what is the blob's by then is its own.
_END = f"""
    DELETE FROM uploads WHERE key = :upload AND generation = :generation AND digest IS NULL
    {COUNTED}"""
_IS_UNTAKEN = """key = :upload AND digest IS NULL AND writing IS NULL
        AND (leased_until IS NULL OR leased_until <= :at)"""
_END_AS_IT_IS = f"""
    DELETE FROM uploads
    WHERE {_IS_UNTAKEN}
        AND size > 0 AND size = (SELECT sum(size) FROM objects WHERE upload = :upload)
    RETURNING hash
"""
_REPLACE = f"""
    UPDATE objects SET digest = NULL, unused_at = :at WHERE digest = :digest {COUNTED}"""
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

_RESERVE = f"""
    INSERT INTO objects (key, start, size, stored_at, unused_at)
    SELECT key, 0, 0, 0, :now FROM json_each(:keys) WHERE 1 = 1 {NOT_SYNCED}
    ON CONFLICT DO NOTHING
"""
# One that was deleted meanwhile, or is being deleted (see `objects.retire`), counts for nothing:
# whoever has stored it may have stood still for as long as what is unused is kept. Nor does one
# that the database has forgotten, as one does that is killed: nobody can tell the two apart.
_HOLD = """
    SELECT key FROM objects WHERE key = :key AND (unused_at > 0 OR upload = :upload)
    /*! FOR UPDATE */"""
# Sent twice, the second one finds what the first has done, and does it again.
_SAVE_SMALL = f"""
    UPDATE uploads SET size = :stored, hash = :hash, active_at = :at
    WHERE {_IS_UNTAKEN} AND (size = 0 AND hash = :begun OR size = :stored AND hash = :hash
        AND EXISTS (SELECT 1 FROM objects WHERE key = :key AND upload = :upload))
        /*! AND EXISTS (SELECT 1 FROM held) */ {NOT_SYNCED}
    {COUNTED}"""
_PLACE_SMALL = f"""
    UPDATE objects SET size = :stored, stored_at = :at, upload = :upload, unused_at = NULL
    WHERE key = :key /*! AND EXISTS (SELECT 1 FROM saved) */
    {COUNTED}"""
_END_EMPTY = f"DELETE FROM uploads WHERE {_IS_UNTAKEN} AND size = 0 {COUNTED}"
_PLACE_SMALL_IN_BLOB = f"""
    UPDATE objects SET size = :stored, stored_at = :at, digest = :digest, unused_at = NULL
    WHERE key = :key AND unused_at > 0 {_AFTER}
    {COUNTED}"""


def commit(
    connection: SqlConnection,
    upload: UploadKey,
    generation: int,
    progress: UploadProgress,
    digest: Digest,
) -> None:
    """Make the segments of an upload those of a blob; those that it had are unused from then."""
    uploads.save(connection, upload, generation, progress, digest)
    values = {"upload": upload, "digest": digest, "at": progress.now, "up_to": batches.NO_LIMIT}
    statements = {"replaced": _REPLACE, "taken": _HAND_OVER}
    taken = connection.execute_together(statements, values)["taken"]
    _require_whole(taken, progress.size)


def becoming(upload: UploadKey, generation: int, progress: UploadProgress) -> Becoming:
    """As `commit`, with what makes the blob known: the upload is over with it."""
    statements = {"ended": _END, "replaced": _REPLACE, "taken": _HAND_OVER}
    if progress.stored is not None:
        statements["placed"] = _PLACE_IN_BLOB
    if progress.unused:
        statements["dropped"] = uploads.UNUSE
    values = uploads.values_of(upload, generation, progress)
    # One that is written down already, which nobody knew, is placed a second time instead.
    values["up_to"] = values.get("start", batches.NO_LIMIT)

    def require(connection: SqlConnection, returned: Mapping[str, Sequence[Any]]) -> None:
        if not returned["ended"] or not returned.get("placed", True):
            raise uploads.taken_since(connection, upload)
        _require_whole([*returned["taken"], *returned.get("placed", ())], progress.size)

    return Becoming(statements, values, ":size", require)


def becoming_as_it_is(
    upload: UploadKey,
    digest: Digest,
    digest_of: Callable[[bytes], Digest | None],
    now: float,
) -> Becoming:
    """As `becoming`, of an upload that nobody has taken; see `UploadRows.becoming_as_it_is`."""
    statements = {"ended": _END_AS_IT_IS, "replaced": _REPLACE, "taken": _HAND_OVER}
    values = {"upload": upload, "at": now, "up_to": batches.NO_LIMIT}

    def require(_: SqlConnection, returned: Mapping[str, Sequence[Any]]) -> None:
        if [digest_of(bytes(known)) for known in returned["ended"]] != [digest]:
            raise UploadNotReady

    return Becoming(statements, values, _SIZE, require)


def _require_whole(parts: Iterable[int], size: int) -> None:
    if sum(parts) != size:
        raise Unavailable("what was uploaded does not add up; begin the upload anew")


def reserve(connection: SqlConnection, keys: Sequence[str], now: float) -> None:
    """Write down keys of objects that are about to be stored, and unused until then."""
    connection.execute(_RESERVE, {"keys": batches.keys(keys), "now": now})


def save_small(
    connection: SqlConnection, upload: UploadKey, stored: PlacedSegment, begun: bytes, hash_: bytes
) -> None:
    """Write down all that an upload has; see `UploadRows.save_small`."""
    values = {**_small_values(upload, stored), "begun": begun, "hash": hash_}
    statements = {"held": _HOLD, "saved": _SAVE_SMALL, "placed": _PLACE_SMALL}
    if not all(connection.execute_together(statements, values).values()):
        raise UploadNotReady


def becoming_small(upload: UploadKey, stored: PlacedSegment) -> Becoming:
    """How an upload that has nothing becomes a blob which is one object; see `becoming`."""
    statements = {"ended": _END_EMPTY, "replaced": _REPLACE, "placed": _PLACE_SMALL_IN_BLOB}

    def require(_: SqlConnection, returned: Mapping[str, Sequence[Any]]) -> None:
        if not (returned["ended"] and returned["placed"]):
            raise UploadNotReady

    return Becoming(statements, _small_values(upload, stored), ":stored", require)


def _small_values(upload: UploadKey, stored: PlacedSegment) -> dict[str, Any]:
    key, _, size, at = stored
    return {"upload": upload, "key": key, "stored": size, "at": at}
