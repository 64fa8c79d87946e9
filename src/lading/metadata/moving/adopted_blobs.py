"""Rows of blobs that are taken over where their bytes are; part of `Adoptions`."""

from collections.abc import Sequence

from lading.core.digest import Digest
from lading.core.moving import AdoptedBlob
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata import repositories as repository_rows
from lading.ports.database import SqlConnection

_ADD_BLOB = """
    INSERT INTO blobs (digest, size, created_at) VALUES (:digest, :size, :at)
    ON CONFLICT (digest) DO UPDATE SET unlinked_at = NULL WHERE blobs.unlinked_at IS NOT NULL
"""
_ADD_LINK = """
    INSERT INTO links (repository_id, digest, promised_at, used_at, loose_at)
    SELECT :repository, :digest, :now,
        CASE WHEN used THEN :now END, CASE WHEN used THEN NULL ELSE :now END
    FROM (SELECT EXISTS (SELECT 1 FROM edges
        WHERE repository_id = :repository AND child = :digest) AS used) AS here
    WHERE TRUE ON CONFLICT DO NOTHING
"""
_ADD_GARBAGE = """
    INSERT INTO blobs (digest, size, created_at, unlinked_at)
    VALUES (:digest, :size, :at, :now) ON CONFLICT DO NOTHING
"""


def add_blobs(
    connection: SqlConnection,
    repository: RepositoryName,
    blobs: Sequence[AdoptedBlob],
    *,
    now: float,
) -> None:
    """Put blobs into a repository whose bytes are there; unreferenced, unless a manifest is known.

    The caller holds the store's locks of the digests, and has seen the bytes under them.
    """
    repository_id = repository_rows.ensure(connection, repository)
    connection.executemany(_ADD_BLOB, [_blob(blob) for blob in blobs])
    _undelete(connection, [blob.digest for blob in blobs])
    values = [
        {"repository": repository_id, "digest": blob.digest, "now": now, "at": blob.at}
        for blob in blobs
    ]
    connection.executemany(_ADD_LINK, values)


def add_garbage(
    connection: SqlConnection, blobs: Sequence[AdoptedBlob], *, now: float
) -> Sequence[AdoptedBlob]:
    """Know blobs of no repository from now on, to be collected; those that were not known.

    The caller holds the store's locks of the digests, and has seen the bytes under them.
    """
    rows = connection.execute(
        "SELECT digest FROM blobs WHERE digest IN (SELECT key FROM json_each(?))",
        (batches.keys(blob.digest for blob in blobs),),
    )
    known = {digest for (digest,) in rows}
    new = [blob for blob in blobs if blob.digest not in known]
    if new:
        connection.executemany(_ADD_GARBAGE, [_blob(blob) | {"now": now} for blob in new])
        _undelete(connection, [blob.digest for blob in new])
    return new


def _blob(blob: AdoptedBlob) -> dict[str, object]:
    return {"digest": blob.digest, "size": blob.size, "at": blob.at}


def _undelete(connection: SqlConnection, digests: Sequence[Digest]) -> None:
    """Remove notes of deletions of blobs: their bytes are there, so none was interrupted."""
    connection.execute(
        "DELETE FROM deletions WHERE digest IN (SELECT key FROM json_each(?))",
        (batches.keys(digests),),
    )
