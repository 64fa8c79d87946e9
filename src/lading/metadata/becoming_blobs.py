"""Uploads whose bytes are objects, as they become blobs: what they have is the blob's then.

A small one that was never taken becomes one by `small_uploads`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.names import UploadKey
from lading.metadata import batches, small_uploads, uploads
from lading.ports.database import COUNTED, SqlConnection
from lading.ports.objects import UploadProgress
from lading.ports.uploads import Becoming, UploadNotReady

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
    statements = {"replaced": small_uploads.REPLACE, "taken": _HAND_OVER}
    taken = connection.execute_together(statements, values)["taken"]
    _require_whole(taken, progress.size)


def becoming(upload: UploadKey, generation: int, progress: UploadProgress) -> Becoming:
    """As `commit`, with what makes the blob known: the upload is over with it."""
    statements = {"ended": _END, "replaced": small_uploads.REPLACE, "taken": _HAND_OVER}
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
    statements = {"ended": _END_AS_IT_IS, "replaced": small_uploads.REPLACE, "taken": _HAND_OVER}
    values = {"upload": upload, "at": now, "up_to": batches.NO_LIMIT}

    def require(_: SqlConnection, returned: Mapping[str, Sequence[Any]]) -> None:
        if [digest_of(bytes(known)) for known in returned["ended"]] != [digest]:
            raise UploadNotReady

    return Becoming(statements, values, _SIZE, require)


def _require_whole(parts: Iterable[int], size: int) -> None:
    if sum(parts) != size:
        raise Unavailable("what was uploaded does not add up; begin the upload anew")
