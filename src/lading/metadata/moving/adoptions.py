"""Rows of adoptions: what another registry had, and what its links said when it was taken over.

Blobs are taken over where their bytes are; manifests by `adopted_manifests`, tags by
`adopted_tags`.

What its links said is kept (`adopted_tags`, `adopted_manifests`): so a repeated adoption takes over
what has changed there since, and not again what was deleted or collected here.

An adoption is *under way* until all was taken over; what was not is not served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.moving import AdoptedBlob
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, manifest_deletion
from lading.metadata import repositories as repository_rows
from lading.metadata import tags as tag_rows
from lading.metadata.collecting import kept_bytes
from lading.metadata.collecting.kept_bytes import LONGEST_HOLD, BackupHold
from lading.metadata.moving import adopted_manifests, adopted_tags
from lading.metadata.noun import reading, scanning, writing
from lading.metadata.read_only import find_switch, switch_off, switch_on
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


@dataclass(frozen=True, slots=True)
class AdoptionNotes:
    """The notes of adoptions: who began one that has not ended, and who ended the last one."""

    under_way: Change | None
    done: Change | None


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
        kept_bytes.place(connection, BackupHold(_HOLD, until))


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
    was_taken_over = "EXISTS (SELECT 1 FROM adopted_manifests WHERE repository_id = r.id)"
    return repository_rows.those(connection, was_taken_over, after=after)


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
    deleted = manifest_deletion.delete(connection, repository, digest, (), change)
    if deleted is not None:
        connection.execute(
            "DELETE FROM adopted_manifests WHERE digest = ? AND repository_id ="
            " (SELECT id FROM repositories WHERE name = ?)",
            (digest, repository),
        )
    return deleted


class Adoptions:
    """Adoptions: what another registry had, taken over in pieces."""

    def __init__(self, database: Database) -> None:
        self.find = reading(database, find)
        self.begin = writing(database, begin)
        self.end = writing(database, end)
        # A power cut may undo these; `end` comes after them, and is not undone.
        self.add_blobs = writing(database, add_blobs, durable=False)
        self.add_garbage = writing(database, add_garbage, durable=False)
        self.add_manifests = writing(database, adopted_manifests.add_manifests, durable=False)
        # But no sync is to wait for all pieces of a large manifest.
        self.add_piece = writing(database, adopted_manifests.add_piece)
        self.add_edges = writing(database, adopted_manifests.add_edges, durable=False)
        self.keep_referrers = writing(database, adopted_manifests.keep_referrers, durable=False)
        self.add_tags = writing(database, adopted_tags.add_tags, durable=False)
        self.drop_tag = writing(database, drop_tag)
        self.drop_manifest = writing(database, drop_manifest)
        self.find_manifests = reading(database, adopted_manifests.find_manifests)
        self.seen_manifests = reading(database, adopted_manifests.seen_manifests)
        self.seen_tags = reading(database, adopted_tags.seen_tags)
        self.list_seen = reading(database, list_seen)
        self.list_repositories = scanning(database, list_repositories)
