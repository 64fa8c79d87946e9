"""Rows of adoptions: what another registry had, and what its links said when it was taken over.

What its links said is kept (`adopted_tags`, `adopted_manifests`): so a repeated adoption takes over
what has changed there since, and not again what was deleted or collected here.

An adoption is *under way* until all was taken over; what was not is not served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lading.core.adoption import AdoptedBlob, AdoptedManifest, AdoptedMove
from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.manifest import Edge, Manifest, WrongSize
from lading.core.names import RepositoryName, Tag
from lading.metadata import backup_holds, batches, links, manifest_rows, pushes, references
from lading.metadata import repositories as repository_rows
from lading.metadata import tags as tag_rows
from lading.metadata.backup_holds import LONGEST_HOLD, BackupHold
from lading.metadata.noun import reading, scanning, writing
from lading.metadata.read_only import find_switch, switch_off, switch_on
from lading.metadata.references import KEPT
from lading.ports.database import Database, SqlConnection

_UNDER_WAY: Final = "adopting"
_DONE: Final = "adopted"
_HOLD: Final = "lading adopt"

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
# It is unreferenced until something is seen that leads to it.
_ADD_MANIFEST = """
    INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, size,
        pushed_at, promised_at, loose_at)
    VALUES (:repository, :digest, :media_type, :artifact_type, :subject, :size, :at, :now, :now)
    ON CONFLICT (repository_id, digest) DO UPDATE SET
        deleted_at = NULL, deleted_by = '', lost_at = NULL, promised_at = excluded.promised_at
"""
_ADD_DOCUMENT = """
    INSERT INTO documents (id, annotations, body)
    SELECT id, :annotations, :body FROM manifests
    WHERE repository_id = :repository AND digest = :digest
    ON CONFLICT (id) DO UPDATE SET annotations = excluded.annotations, body = excluded.body
"""
_ADD_EDGE = """
    INSERT INTO edges (repository_id, parent, child, kind)
    VALUES (:repository, :parent, :child, :kind) ON CONFLICT DO NOTHING
"""
_THESE = "repository_id = :repository AND digest IN (SELECT key FROM json_each(:digests))"
_KEEP = f"""
    UPDATE manifests AS m SET loose_at = NULL WHERE {_THESE} AND loose_at IS NOT NULL AND {KEPT}
"""
_KEEP_REFERRERS = f"""
    UPDATE manifests AS m SET loose_at = NULL WHERE id IN (
        SELECT id FROM manifests AS m WHERE repository_id = :repository AND subject IS NOT NULL
            AND loose_at IS NOT NULL AND {KEPT} LIMIT :most)
"""
_USE = f"UPDATE manifests SET loose_at = NULL, used_at = :now WHERE {_THESE}"
_FIND_MANIFESTS = f"SELECT digest FROM manifests WHERE {_THESE} AND deleted_at IS NULL"
_TAGS = """
    SELECT name, digest, updated_at FROM tags
    WHERE repository_id = :repository AND name IN (SELECT key FROM json_each(:names))
"""
_SEEN_TAGS = """
    SELECT name, digest, at FROM adopted_tags
    WHERE repository_id = :repository AND name IN (SELECT key FROM json_each(:names))
"""
_SEE_TAG = """
    INSERT INTO adopted_tags (repository_id, name, digest, at)
    VALUES (:repository, :tag, :digest, :at)
    ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, at = excluded.at
"""
_SEE_MANIFEST = """
    INSERT INTO adopted_manifests (repository_id, digest) VALUES (?, ?) ON CONFLICT DO NOTHING
"""
_POINT = """
    INSERT INTO tags (repository_id, name, digest, updated_at)
    VALUES (:repository, :tag, :digest, :at)
    ON CONFLICT (repository_id, name)
    DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at
"""
_RECORD = """
    INSERT INTO tag_history (repository_id, tag, digest, previous, actor, at)
    VALUES (:repository, :tag, :digest, :previous, :actor, :at)
"""


_Values = dict[str, str | bytes | int | float | None]


@dataclass(frozen=True, slots=True)
class AdoptionNotes:
    """The notes of adoptions.

    Attributes:
        under_way: who began one that has not ended, and when.
        done: who ended the last one that did, and when.
    """

    under_way: Change | None
    done: Change | None


@dataclass(frozen=True, slots=True)
class AdoptedTag:
    """A tag as it is taken over.

    Attributes:
        moves: the last of them, in order; the very last one is to what it points to now.
        at: when its link was written.
    """

    tag: Tag
    moves: Sequence[AdoptedMove]
    at: float

    @property
    def digest(self) -> Digest:
        """What it points to."""
        return self.moves[-1].digest


@dataclass(frozen=True, slots=True)
class TagsAdopted:
    """What became of tags.

    Attributes:
        new: that were set or moved.
        moves: of these, in their history.
        newer: that were left, as they were moved here later than there.
    """

    new: Sequence[Tag]
    moves: int
    newer: Sequence[Tag]


def find(connection: SqlConnection) -> AdoptionNotes:
    """The notes of adoptions."""
    return AdoptionNotes(find_switch(connection, _UNDER_WAY), find_switch(connection, _DONE))


def begin(connection: SqlConnection, change: Change) -> None:
    """Note that an adoption is under way."""
    switch_on(connection, _UNDER_WAY, change)


def end(connection: SqlConnection, change: Change, *, hold_until: float | None) -> None:
    """Note that all is taken over.

    Args:
        hold_until: until when no bytes are collected, as some of the other registry's are garbage
            by now; `None` if none are.
    """
    switch_off(connection, _UNDER_WAY)
    switch_off(connection, _DONE)
    switch_on(connection, _DONE, change)
    if hold_until is not None:
        until = min(hold_until, change.at + LONGEST_HOLD)
        backup_holds.place(connection, BackupHold(_HOLD, until))


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


def add_manifests(
    connection: SqlConnection,
    repository: RepositoryName,
    manifests: Sequence[AdoptedManifest],
    *,
    now: float,
) -> Sequence[WrongSize]:
    """Store manifests, be what they refer to there or not; few, as their edges are rows as well.

    Returns:
        What is there and has another size than one of them says.
    """
    repository_id = repository_rows.ensure(connection, repository)
    here: _Values = {"repository": repository_id, "now": now}
    rows: list[_Values] = [here | _row(adopted.manifest, adopted.at) for adopted in manifests]
    connection.executemany(_ADD_MANIFEST, rows)
    connection.executemany(_ADD_DOCUMENT, rows)
    repository_rows.mark_pushed(connection, repository_id, min(each.at for each in manifests))
    wrong: list[WrongSize] = []
    for adopted in manifests:
        few = adopted.manifest.edges[: batches.MOST_ROWS]
        wrong += _add_edges(connection, repository_id, adopted.manifest, few, now)
    digests = [adopted.manifest.digest for adopted in manifests]
    connection.execute(_KEEP, here | {"digests": batches.keys(digests)})
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


def add_tags(
    connection: SqlConnection,
    repository: RepositoryName,
    tags: Sequence[AdoptedTag],
    *,
    actor: str,
    now: float,
) -> TagsAdopted:
    """Point tags at manifests, with their history, as far as that is not known.

    What was moved here later than there stays; and what leads to a manifest that is not here.
    """
    there = find_manifests(connection, repository, [each.digest for each in tags])
    tags = [each for each in tags if each.digest in there]
    repository_id = repository_rows.ensure(connection, repository)
    here: _Values = {"repository": repository_id, "actor": actor, "now": now}
    names = here | {"names": batches.keys(each.tag for each in tags)}
    current = {name: (digest, at) for name, digest, at in connection.execute(_TAGS, names)}
    seen = {name: (digest, at) for name, digest, at in connection.execute(_SEEN_TAGS, names)}
    moved: list[AdoptedTag] = []
    newer: list[Tag] = []
    for each in tags:
        digest, at = current.get(each.tag, (None, 0.0))
        if at > each.at and digest != each.digest:
            newer.append(each.tag)
        elif digest != each.digest and seen.get(each.tag) != (each.digest, each.at):
            moved.append(each)
    moves = [move for each in moved for move in _moves(each, current, seen)]
    _point(connection, repository_id, here, moved, moves)
    for each in moved:
        if each.tag in current:
            previous = Digest(current[each.tag][0])
            references.mark_unreferenced(connection, repository_id, previous, now)
    rows = [here | {"tag": each.tag, "digest": each.digest, "at": each.at} for each in tags]
    connection.executemany(_SEE_TAG, rows)
    if moved:
        repository_rows.mark_changed(connection, [repository])
    return TagsAdopted([each.tag for each in moved], len(moves), newer)


def _point(
    connection: SqlConnection,
    repository_id: int,
    here: _Values,
    moved: Sequence[AdoptedTag],
    moves: Sequence[_Values],
) -> None:
    if not moved:
        return
    rows = [{**here, "tag": each.tag, "digest": each.digest, "at": each.at} for each in moved]
    connection.executemany(_POINT, rows)
    connection.executemany(_RECORD, [{**here, **move} for move in moves])
    digests = batches.keys(each.digest for each in moved)
    connection.execute(_USE, {**here, "digests": digests})
    for each in moved:
        references.unmark_orphan(connection, repository_id, each.tag)


def _moves(
    each: AdoptedTag,
    current: Mapping[str, tuple[str, float]],
    seen: Mapping[str, tuple[str, float]],
) -> Sequence[_Values]:
    """The moves of a tag that are not in its history."""
    _, since = seen.get(each.tag, ("", 0.0))
    previous, _ = current.get(each.tag, (None, 0.0))
    moves: list[_Values] = []
    for move in each.moves:
        if (move.at > since or move is each.moves[-1]) and move.digest != previous:
            moves.append(
                {"tag": each.tag, "digest": move.digest, "previous": previous, "at": move.at}
            )
            previous = move.digest
    return moves


def find_manifests(
    connection: SqlConnection, repository: RepositoryName, digests: Sequence[str]
) -> frozenset[str]:
    """Those of the digests that are manifests of the repository, and not deleted."""
    return _among(connection, _FIND_MANIFESTS, repository, digests)


def seen_manifests(
    connection: SqlConnection, repository: RepositoryName, digests: Sequence[str]
) -> frozenset[str]:
    """Those of the manifests that were taken over before, be they still here or not."""
    statement = f"SELECT digest FROM adopted_manifests WHERE {_THESE}"
    return _among(connection, statement, repository, digests)


def seen_tags(
    connection: SqlConnection, repository: RepositoryName, names: Sequence[str]
) -> Mapping[str, tuple[str, float]]:
    """What the links of tags said when they were taken over, and when they were written."""
    values = {
        "repository": repository_rows.find(connection, repository),
        "names": batches.keys(names),
    }
    return {
        name: (digest, at) for name, digest, at in connection.execute(_SEEN_TAGS, values).fetchall()
    }


def list_seen(
    connection: SqlConnection, repository: RepositoryName, *, manifests: bool, after: str
) -> Sequence[str]:
    """Tags that were taken over, or digests of manifests, in order, from the first after one."""
    table, column = ("adopted_manifests", "digest") if manifests else ("adopted_tags", "name")
    rows = connection.execute(
        f"SELECT {column} FROM {table} WHERE repository_id = ? AND {column} > ?"
        f" ORDER BY {column} LIMIT ?",
        (repository_rows.find(connection, repository), after, batches.MOST_ROWS),
    ).fetchall()
    return [name for (name,) in rows]


def list_repositories(connection: SqlConnection, *, after: str) -> Sequence[RepositoryName]:
    """Some repositories of which something was taken over, in order, from the first after one."""
    rows = connection.execute(
        "SELECT name FROM repositories AS r WHERE name > ?"
        " AND EXISTS (SELECT 1 FROM adopted_manifests WHERE repository_id = r.id)"
        " ORDER BY name LIMIT ?",
        (after, batches.MOST_ROWS),
    ).fetchall()
    return [RepositoryName(name) for (name,) in rows]


def drop_tag(
    connection: SqlConnection, repository: RepositoryName, tag: Tag, *, change: Change
) -> bool:
    """A tag is gone from the other registry: delete it, unless it was moved here; whether so."""
    repository_id = repository_rows.lock(connection, repository)
    row = connection.execute(
        "DELETE FROM adopted_tags WHERE repository_id = ? AND name = ? RETURNING digest",
        (repository_id, tag),
    ).fetchone()
    if row is None or tag_rows.find(connection, repository, tag) != row[0]:
        return False
    return tag_rows.delete(connection, repository, tag, immutable=(), change=change)


def drop_manifest(
    connection: SqlConnection, repository: RepositoryName, digest: Digest, *, change: Change
) -> bool | None:
    """A manifest is gone from the other registry: it goes to the trash here; whether it was here.

    `None` if it has more tags than are taken away at once: then once more.
    """
    deleted = manifest_rows.delete(connection, repository, digest, (), change)
    if deleted is not None:
        connection.execute(
            "DELETE FROM adopted_manifests WHERE digest = ? AND repository_id ="
            " (SELECT id FROM repositories WHERE name = ?)",
            (digest, repository),
        )
    return deleted


def _among(
    connection: SqlConnection, statement: str, repository: RepositoryName, digests: Sequence[str]
) -> frozenset[str]:
    values = {
        "repository": repository_rows.find(connection, repository),
        "digests": batches.keys(digests),
    }
    return frozenset(digest for (digest,) in connection.execute(statement, values).fetchall())


def _blob(blob: AdoptedBlob) -> _Values:
    return {"digest": blob.digest, "size": blob.size, "at": blob.at}


def _undelete(connection: SqlConnection, digests: Sequence[Digest]) -> None:
    """Their bytes are there, so that no deletion of them was interrupted."""
    connection.execute(
        "DELETE FROM deletions WHERE digest IN (SELECT key FROM json_each(?))",
        (batches.keys(digests),),
    )


def _row(manifest: Manifest, at: float) -> _Values:
    return {
        "digest": manifest.digest,
        "media_type": manifest.media_type,
        "artifact_type": manifest.artifact_type,
        "subject": manifest.subject,
        "size": len(manifest.body),
        "annotations": pushes.kept_annotations(manifest),
        "body": manifest.body,
        "at": at,
    }


def _add_edges(
    connection: SqlConnection,
    repository_id: int,
    manifest: Manifest,
    edges: Sequence[Edge],
    now: float,
) -> Sequence[WrongSize]:
    """Note edges, and that what they lead to is used."""
    kinds = {edge.child: edge.kind for edge in reversed(edges)}
    if not kinds:
        return ()
    parent = {"repository": repository_id, "parent": manifest.digest}
    rows = [parent | {"child": child, "kind": kind} for child, kind in kinds.items()]
    connection.executemany(_ADD_EDGE, rows)
    sizes = references.manifest_sizes(connection, repository_id, kinds, used_at=now)
    sizes |= links.sizes(connection, repository_id, kinds, used_at=now)
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
    rows = [(repository_id, each.manifest.digest) for each in manifests if each.is_linked]
    if rows:
        connection.executemany(_SEE_MANIFEST, rows)


class Adoptions:
    """Adoptions: what another registry had, taken over in pieces."""

    def __init__(self, database: Database) -> None:
        self.find = reading(database, find)
        self.begin = writing(database, begin)
        self.end = writing(database, end)
        # A power cut may undo these; `end` comes after them, and is not undone.
        self.add_blobs = writing(database, add_blobs, durable=False)
        self.add_garbage = writing(database, add_garbage, durable=False)
        self.add_manifests = writing(database, add_manifests, durable=False)
        self.add_edges = writing(database, add_edges, durable=False)
        self.keep_referrers = writing(database, keep_referrers, durable=False)
        self.add_tags = writing(database, add_tags, durable=False)
        self.drop_tag = writing(database, drop_tag)
        self.drop_manifest = writing(database, drop_manifest)
        self.find_manifests = reading(database, find_manifests)
        self.seen_manifests = reading(database, seen_manifests)
        self.seen_tags = reading(database, seen_tags)
        self.list_seen = reading(database, list_seen)
        self.list_repositories = scanning(database, list_repositories)
