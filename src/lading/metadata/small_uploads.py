"""Rows of uploads whose bytes come at once and are few: they are never taken, see `uploads`.

Such an object is stored under a key that was written down before, as unused, together with others.
One statement says then that it is all that the upload has, if that has nothing and is nobody's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lading.core.names import UploadKey
from lading.metadata import batches
from lading.metadata.noun import NOT_SYNCED
from lading.ports.database import COUNTED, SqlConnection
from lading.ports.objects import PlacedSegment
from lading.ports.uploads import Becoming, UploadNotReady

_RESERVE = f"""
    INSERT INTO objects (key, start, size, stored_at, unused_at)
    SELECT key, 0, 0, 0, :now FROM json_each(:keys) WHERE 1 = 1 {NOT_SYNCED}
    ON CONFLICT DO NOTHING
"""
_IS_FREE = """key = :upload AND digest IS NULL AND writing IS NULL
        AND (leased_until IS NULL OR leased_until <= :at)"""
# One that was deleted meanwhile, or is being deleted (see `objects.retire`), counts for nothing:
# whoever has stored it may have stood still for as long as what is unused is kept. Nor does one
# that the database has forgotten, as one does that is killed: nobody can tell the two apart.
_HOLD = """
    SELECT key FROM objects WHERE key = :key AND (unused_at > 0 OR upload = :upload)
    /*! FOR UPDATE */"""
# Sent twice, the second one finds what the first has done, and does it again.
_SAVE = f"""
    UPDATE uploads SET size = :stored, hash = :hash, active_at = :at
    WHERE {_IS_FREE} AND (size = 0 AND hash = :begun OR size = :stored AND hash = :hash
        AND EXISTS (SELECT 1 FROM objects WHERE key = :key AND upload = :upload))
        /*! AND EXISTS (SELECT 1 FROM held) */ {NOT_SYNCED}
    {COUNTED}"""
_PLACE = f"""
    UPDATE objects SET size = :stored, stored_at = :at, upload = :upload, unused_at = NULL
    WHERE key = :key /*! AND EXISTS (SELECT 1 FROM saved) */
    {COUNTED}"""
_END = f"DELETE FROM uploads WHERE {_IS_FREE} AND size = 0 {COUNTED}"
REPLACE = f"""
    UPDATE objects SET digest = NULL, unused_at = :at WHERE digest = :digest {COUNTED}"""
# No two objects of a blob begin at the same byte, at any time: so the others have to go before.
_PLACE_IN_BLOB = f"""
    UPDATE objects SET size = :stored, stored_at = :at, digest = :digest, unused_at = NULL
    WHERE key = :key AND unused_at > 0 /*! AND (SELECT count(*) FROM replaced) >= 0 */
    {COUNTED}"""


def reserve(connection: SqlConnection, keys: Sequence[str], now: float) -> None:
    """Write down keys of objects that are about to be stored, and unused until then."""
    connection.execute(_RESERVE, {"keys": batches.keys(keys), "now": now})


def save(
    connection: SqlConnection, upload: UploadKey, stored: PlacedSegment, begun: bytes, hash_: bytes
) -> None:
    """Write down all that an upload has; see `UploadRows.save_small`."""
    values = {**_values(upload, stored), "begun": begun, "hash": hash_}
    statements = {"held": _HOLD, "saved": _SAVE, "placed": _PLACE}
    _require(connection.execute_together(statements, values))


def becoming(upload: UploadKey, stored: PlacedSegment) -> Becoming:
    """How an upload that has nothing becomes a blob which is one object; see `uploads.becoming`."""
    statements = {"ended": _END, "replaced": REPLACE, "placed": _PLACE_IN_BLOB}

    def require(_: SqlConnection, returned: Mapping[str, Sequence[Any]]) -> None:
        _require({name: returned[name] for name in ("ended", "placed")})

    return Becoming(statements, _values(upload, stored), ":stored", require)


def _values(upload: UploadKey, stored: PlacedSegment) -> dict[str, Any]:
    return {
        "upload": upload,
        "key": stored.key,
        "stored": stored.size,
        "at": stored.stored_at,
    }


def _require(returned: Mapping[str, Sequence[Any]]) -> None:
    if not all(returned.values()):
        raise UploadNotReady
