"""Rows of manifests that are taken over, whatever they refer to; part of `Adoptions`."""

from collections.abc import Sequence

from lading.core.digest import Digest
from lading.core.manifest import Edge, Manifest, WrongSize
from lading.core.moving import AdoptedManifest
from lading.core.names import RepositoryName
from lading.metadata import batches, documents, linked_blobs, references
from lading.metadata import repositories as repository_rows
from lading.metadata.references import KEPT
from lading.ports.database import SqlConnection

# It is unreferenced until something is seen that leads to it.
_ADD_MANIFEST = """
    INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, size,
        pushed_at, promised_at, loose_at)
    VALUES (:repository, :digest, :media_type, :artifact_type, :subject, :size, :at, :now, :now)
    ON CONFLICT (repository_id, digest) DO UPDATE SET
        loose_at = CASE WHEN manifests.deleted_at IS NULL THEN manifests.loose_at
            ELSE excluded.loose_at END,
        deleted_at = NULL, deleted_by = '', lost_at = NULL, promised_at = excluded.promised_at
"""
_THESE = "repository_id = :repository AND digest IN (SELECT key FROM json_each(:digests))"
_KEEP = f"""
    UPDATE manifests AS m SET loose_at = NULL WHERE {_THESE} AND loose_at IS NOT NULL AND {KEPT}
"""
_KEEP_LINKS = f"UPDATE links SET loose_at = NULL WHERE {_THESE} AND loose_at IS NOT NULL"
_KEEP_REFERRERS = f"""
    UPDATE manifests AS m SET loose_at = NULL WHERE id IN (
        SELECT id FROM manifests AS m WHERE repository_id = :repository AND subject IS NOT NULL
            AND loose_at IS NOT NULL AND {KEPT} LIMIT :most)
"""
_FIND_MANIFESTS = f"SELECT digest FROM manifests WHERE {_THESE} AND deleted_at IS NULL"
_SEEN_MANIFESTS = f"SELECT digest FROM adopted_manifests WHERE {_THESE}"
_SEE_MANIFEST = """
    INSERT INTO adopted_manifests (repository_id, digest) VALUES (?, ?) ON CONFLICT DO NOTHING
"""


def add_piece(
    connection: SqlConnection,
    repository: RepositoryName,
    adopted: AdoptedManifest,
    start: int,
    *,
    now: float,
) -> None:
    """Write a piece of a large manifest, before it is stored."""
    repository_id = repository_rows.ensure(connection, repository)
    manifest = adopted.manifest
    id_ = documents.begin(
        connection, repository_id, manifest, pushed_at=adopted.at, now=now, actor=""
    )
    documents.add_piece(connection, id_, manifest.body, start)


def add_manifests(
    connection: SqlConnection,
    repository: RepositoryName,
    manifests: Sequence[AdoptedManifest],
    *,
    now: float,
) -> Sequence[WrongSize]:
    """Store few manifests, be what they refer to there or not; what is and has another size."""
    repository_id = repository_rows.ensure(connection, repository)
    rows = [
        documents.row_of(repository_id, adopted.manifest)
        | {
            "annotations": documents.kept_annotations(adopted.manifest),
            "body": _body(connection, repository_id, adopted.manifest),
            "at": adopted.at,
            "now": now,
        }
        for adopted in manifests
    ]
    connection.executemany(_ADD_MANIFEST, rows)
    connection.executemany(documents.STORE, rows)
    repository_rows.mark_pushed(connection, repository_id, min(each.at for each in manifests))
    wrong: list[WrongSize] = []
    for adopted in manifests:
        few = adopted.manifest.edges[: batches.MOST_ROWS]
        wrong += _add_edges(connection, repository_id, adopted.manifest, few, now)
    digests = [adopted.manifest.digest for adopted in manifests]
    connection.execute(_KEEP, {"repository": repository_id, "digests": batches.keys(digests)})
    _see(connection, repository_id, [each for each in manifests if not _is_long(each)])
    return wrong


def add_edges(
    connection: SqlConnection,
    repository: RepositoryName,
    adopted: AdoptedManifest,
    edges: Sequence[Edge],
    *,
    now: float,
) -> Sequence[WrongSize]:
    """Note more edges of a manifest that has many; with the last of them it is taken over."""
    repository_id = repository_rows.ensure(connection, repository)
    wrong = _add_edges(connection, repository_id, adopted.manifest, edges, now)
    if edges[-1] == adopted.manifest.edges[-1]:
        _see(connection, repository_id, [adopted])
    return wrong


def keep_referrers(connection: SqlConnection, repository: RepositoryName) -> bool:
    """Mark some manifests as referenced whose subject came later; whether there may be more."""
    values = {"repository": repository_rows.lock(connection, repository), "most": batches.MOST_ROWS}
    return connection.execute(_KEEP_REFERRERS, values).rowcount == batches.MOST_ROWS


def find_manifests(
    connection: SqlConnection, repository: RepositoryName, digests: Sequence[str]
) -> frozenset[str]:
    """The digests among these of manifests of the repository that are not deleted."""
    return _among(connection, _FIND_MANIFESTS, repository, digests)


def seen_manifests(
    connection: SqlConnection, repository: RepositoryName, digests: Sequence[str]
) -> frozenset[str]:
    """The manifests among these that were taken over before, be they still here or not."""
    return _among(connection, _SEEN_MANIFESTS, repository, digests)


def _among(
    connection: SqlConnection, statement: str, repository: RepositoryName, digests: Sequence[str]
) -> frozenset[str]:
    values = {
        "repository": repository_rows.find(connection, repository),
        "digests": batches.keys(digests),
    }
    return frozenset(digest for (digest,) in connection.execute(statement, values).fetchall())


def _body(connection: SqlConnection, repository_id: int, manifest: Manifest) -> bytes:
    """What is to be stored of a body, whose pieces are there unless a collection came between."""
    is_large = documents.is_large(len(manifest.body))
    if is_large and documents.has_pieces(connection, repository_id, manifest):
        return b""
    return manifest.body


def _add_edges(
    connection: SqlConnection,
    repository_id: int,
    manifest: Manifest,
    edges: Sequence[Edge],
    now: float,
) -> Sequence[WrongSize]:
    """Note edges, and that what they lead to is used."""
    if not edges:
        return ()
    references.add_edges(connection, repository_id, manifest.digest, edges)
    children = [edge.child for edge in edges]
    sizes = references.manifest_sizes(connection, repository_id, children, used_at=now)
    sizes |= linked_blobs.sizes(connection, repository_id, children, used_at=now)
    if lost := [child for child in children if child not in sizes]:  # or not here at all
        values = {"repository": repository_id, "digests": batches.keys(lost)}
        connection.execute(_KEEP, values)
        connection.execute(_KEEP_LINKS, values)
    return [
        WrongSize(edge, sizes[edge.child])
        for edge in edges
        if edge.child in sizes and edge.size != sizes[edge.child]
    ]


def _is_long(adopted: AdoptedManifest) -> bool:
    return len(adopted.manifest.edges) > batches.MOST_ROWS


def _see(
    connection: SqlConnection, repository_id: int, manifests: Sequence[AdoptedManifest]
) -> None:
    if digests := [each.manifest.digest for each in manifests if each.is_linked]:
        see_manifests(connection, repository_id, digests)


def see_manifests(
    connection: SqlConnection, repository_id: int | None, digests: Sequence[Digest]
) -> None:
    """Note that there are links to manifests."""
    connection.executemany(_SEE_MANIFEST, [(repository_id, digest) for digest in digests])
