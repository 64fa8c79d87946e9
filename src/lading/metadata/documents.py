"""Documents: what was pushed of manifests, each in one row, or the body of a large one in pieces.

One writes at a time, and each commit is waited for: what a transaction writes is bounded by its
bytes as by its rows. So a large body goes before its document, a piece in each transaction, and the
document that comes last has an empty one. A reader that finds a document finds all of its pieces;
pieces without a document are of a push that is not at its end (`pushes`), or of a collection.

What was stored whole before there were pieces is read as it is.
"""

from lading.core.manifest import Manifest
from lading.ports.database import SqlConnection

# Bytes of a body that are written at once, of a larger one each piece but the last. Where pieces
# begin is in the rows: with another size, those of a push that was interrupted would not fit.
PIECE = 256 * 1024
# Bytes of annotations that are kept beside the body. More of them are read out of it, or a manifest
# that is nothing else would be written twice.
MOST_ANNOTATIONS = 64 * 1024
# To remove a piece is as much work as to remove so many rows: as it has pages in SQLite's file.
ROWS_OF_A_PIECE = PIECE // 4096

# One that is there, or in the trash, stays as it is.
_BEGIN = """
    INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, size,
        pushed_at, promised_at, deleted_at, deleted_by)
    VALUES (:repository, :digest, :media_type, :artifact_type, :subject, :size, :pushed_at, :now,
        :now, :actor)
    ON CONFLICT (repository_id, digest) DO UPDATE SET deleted_at = excluded.deleted_at
        WHERE NOT EXISTS (SELECT 1 FROM documents WHERE documents.id = manifests.id)
"""
STORE = """
    INSERT INTO documents (id, annotations, body) VALUES (
        (SELECT id FROM manifests WHERE repository_id = :repository AND digest = :digest),
        :annotations, :body)
    ON CONFLICT (id) DO UPDATE SET annotations = excluded.annotations, body = excluded.body
"""
# One that is there stays, and is written no more; if it was damaged, this mends it.
_ADD_PIECE = """
    INSERT INTO document_pieces (id, start, body) VALUES (?, ?, ?)
    ON CONFLICT (id, start) DO UPDATE SET body = excluded.body
        WHERE document_pieces.body <> excluded.body
"""
_READ = """
    SELECT documents.body, pieces.body FROM documents
    LEFT JOIN document_pieces AS pieces
        ON pieces.id = documents.id AND length(documents.body) = 0
    WHERE documents.id = ? ORDER BY start
"""
_REMOVE_PIECES = """
    DELETE FROM document_pieces WHERE id = :id AND start IN (
        SELECT start FROM document_pieces WHERE id = :id ORDER BY start LIMIT :most)
"""


def is_large(size: int) -> bool:
    """Whether a body of so many bytes is in pieces."""
    return size > PIECE


def starts(size: int) -> range:
    """Where the pieces begin of a body of so many bytes; nowhere, if it is not in pieces."""
    return range(0, size if is_large(size) else 0, PIECE)


def begin(
    connection: SqlConnection,
    repository_id: int,
    manifest: Manifest,
    *,
    pushed_at: float,
    now: float,
    actor: str,
) -> int:
    """Make a row, if there is none, of a manifest whose document comes last; the row's id.

    Until then it counts as deleted, just now.
    """
    times = {"pushed_at": pushed_at, "now": now, "actor": actor}
    connection.execute(_BEGIN, row_of(repository_id, manifest) | times)
    id_ = find(connection, repository_id, manifest.digest)
    assert id_ is not None
    return id_


def row_of(repository_id: int, manifest: Manifest) -> dict[str, str | int | float | None]:
    """What a manifest's row says of the manifest itself, for statements that write one."""
    return {
        "repository": repository_id,
        "digest": manifest.digest,
        "media_type": manifest.media_type,
        "artifact_type": manifest.artifact_type,
        "subject": manifest.subject,
        "size": len(manifest.body),
    }


def find(connection: SqlConnection, repository_id: int | None, digest: str | None) -> int | None:
    """The id of a manifest's row, be it there, in the trash or about to be pushed."""
    row = connection.execute(
        "SELECT id FROM manifests WHERE repository_id = ? AND digest = ?", (repository_id, digest)
    ).fetchone()
    return None if row is None else int(row[0])


def add_piece(connection: SqlConnection, id_: int, body: bytes, start: int) -> None:
    """Write the piece of a body that begins there, for a manifest that has a row."""
    connection.execute(_ADD_PIECE, (id_, start, body[start : start + PIECE]))


def has_pieces(connection: SqlConnection, repository_id: int, manifest: Manifest) -> bool:
    """Whether all pieces are there of the body of a manifest that is large."""
    (length,) = connection.execute(
        "SELECT coalesce(sum(length(body)), 0) FROM document_pieces WHERE id = ?",
        (find(connection, repository_id, manifest.digest),),
    ).fetchone()
    return bool(length == len(manifest.body))


def kept_annotations(manifest: Manifest) -> bytes:
    """The annotations of a manifest, as far as they are kept beside its body.

    Of those that are not, nothing: none has so few, as without any they are an empty object.
    """
    return b"" if len(manifest.annotations) > MOST_ANNOTATIONS else manifest.annotations


def store(connection: SqlConnection, repository_id: int, manifest: Manifest) -> None:
    """Write the document of a manifest that has a row; the pieces of a large one are there."""
    values = {
        "repository": repository_id,
        "digest": manifest.digest,
        "annotations": kept_annotations(manifest),
        "body": b"" if is_large(len(manifest.body)) else manifest.body,
    }
    connection.execute(STORE, values)


def read(connection: SqlConnection, id_: int) -> bytes | None:
    """The body of a manifest; `None` if it has no document."""
    rows = connection.execute(_READ, (id_,)).fetchall()
    if not rows:
        return None
    return rows[0][0] or b"".join(piece for _, piece in rows if piece is not None)


def remove_pieces(connection: SqlConnection, id_: int, most: int) -> int:
    """Remove some pieces; for how many rows that counts: all of `most`, if there may be more."""
    pieces = max(1, most // ROWS_OF_A_PIECE)
    values = {"id": id_, "most": pieces}
    removed = connection.execute(_REMOVE_PIECES, values).rowcount
    return most if removed == pieces else removed * ROWS_OF_A_PIECE
