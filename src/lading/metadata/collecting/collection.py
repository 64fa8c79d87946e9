"""Removal of garbage: rows only, many in a transaction.

Each removal asks again, inside its transaction, whether it is still right: a push may have come
since the garbage was found. What a removed row kept is marked as unreferenced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.garbage import Criteria, GarbageLink, GarbageManifest
from lading.metadata import batches, documents, links, references, repositories
from lading.metadata.collecting import garbage, kept_bytes, orphans
from lading.metadata.collecting.garbage import (
    CONDITIONS,
    HAS_DOCUMENT,
    UNREFERENCED_LINK,
    values_of,
)
from lading.metadata.moving import migrations
from lading.metadata.noun import reading, scanning, writing
from lading.ports.database import Database, SqlConnection


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transaction has come with the manifests that are to be removed.

    Attributes:
        removed: those that are gone.
        done: how many it is done with, be they gone or no garbage any more.
        after: of the next one, the referrer after which to go on.
    """

    removed: Sequence[GarbageManifest]
    done: int
    after: str = ""


def remove_manifests(
    connection: SqlConnection, found: Sequence[GarbageManifest], criteria: Criteria, after: str = ""
) -> Progress:
    """Remove the manifests that are still garbage, as far as one transaction may go.

    Of one that refers to much, or much refers to, the document goes first, so that it cannot be
    restored any more. A collection that is interrupted then is gone on with by the next one.
    """
    removed: list[GarbageManifest] = []
    left = batches.MOST_ROWS
    for done, manifest in enumerate(found):
        if left <= 0:
            return Progress(removed, done)
        row = _find(connection, manifest, criteria)
        if row is not None:
            if row.is_live:
                # Of a deleted one, they were marked then; who has set one since wants it still.
                references.mark_orphans(
                    connection, row.repository_id, manifest.digest, criteria.now
                )
            step = _remove_some(connection, row, manifest, left, after)
            if step.last is not None:
                _hide(connection, row, manifest)
                return Progress(removed, done, step.last)
            connection.execute("DELETE FROM manifests WHERE id = ?", (row.id,))
            repositories.hide_if_empty(connection, row.repository_id)
            repositories.mark_changed(connection, [manifest.repository])
            removed.append(manifest)
            left -= step.count + 1
        after = ""
    return Progress(removed, len(found))


class _Row(NamedTuple):
    id: int
    repository_id: int
    is_live: int
    size: int


def _find(connection: SqlConnection, manifest: GarbageManifest, criteria: Criteria) -> _Row | None:
    repository_id = repositories.lock(connection, manifest.repository)
    # Locked before it is looked at, as it may be promised just now.
    row = connection.execute(
        f"""
        SELECT id, repository_id, deleted_at IS NULL, size FROM manifests AS m
        WHERE repository_id = :repository AND digest = :digest
            AND ({CONDITIONS[manifest.cause]} OR NOT {HAS_DOCUMENT})
        /*! FOR UPDATE */
        """,
        values_of(criteria) | {"repository": repository_id, "digest": manifest.digest},
    ).fetchone()
    return None if row is None else _Row(*row)


def _remove_some(
    connection: SqlConnection, row: _Row, manifest: GarbageManifest, most: int, after: str
) -> references.Looked:
    """Remove some of a manifest: of its body, what leads from it, and then what leads to it."""
    pieces = 0
    if documents.is_large(row.size):
        pieces = documents.remove_pieces(connection, row.id, most)
    edges = _remove_edges(connection, row, manifest, most - pieces) if pieces < most else 0
    if pieces + edges == most:  # there may be more of them
        return references.Looked(pieces + edges, after)
    looked = references.mark_referrers(
        connection,
        row.repository_id,
        manifest.digest,
        manifest.since,
        after=after,
        most=most - pieces - edges,
    )
    return references.Looked(pieces + edges + looked.count, looked.last)


def _remove_edges(
    connection: SqlConnection, row: _Row, manifest: GarbageManifest, most: int
) -> int:
    """Remove some edges, and mark what they kept; how many."""
    parent = (row.repository_id, manifest.digest)
    children = connection.execute(
        "SELECT child FROM edges WHERE repository_id = ? AND parent = ? ORDER BY child LIMIT ?",
        (*parent, most),
    ).fetchall()
    if children:
        connection.execute(
            "DELETE FROM edges WHERE repository_id = ? AND parent = ? AND child <= ?",
            (*parent, children[-1][0]),
        )
    # What fell with it has been as restorable as it was, for as long.
    for (child,) in children:
        references.mark_unreferenced(connection, row.repository_id, Digest(child), manifest.since)
    return len(children)


def _hide(connection: SqlConnection, row: _Row, manifest: GarbageManifest) -> None:
    connection.execute("DELETE FROM documents WHERE id = ?", (row.id,))
    connection.execute(
        "UPDATE manifests SET deleted_at = coalesce(deleted_at, ?), loose_at = NULL WHERE id = ?",
        (manifest.since, row.id),
    )


def remove_links(
    connection: SqlConnection, found: Sequence[GarbageLink], criteria: Criteria
) -> Sequence[GarbageLink]:
    """Remove the links for which that is still right, and return those."""
    removed = [link for link in found if _remove_link(connection, link, criteria)]
    repositories.mark_changed(connection, [link.repository for link in removed])
    return removed


def _remove_link(connection: SqlConnection, link: GarbageLink, criteria: Criteria) -> bool:
    repository_id = links.lock(connection, link.repository, link.digest)
    row = connection.execute(
        f"""
        SELECT repository_id FROM links
        WHERE repository_id = :repository AND digest = :digest AND {UNREFERENCED_LINK}
            AND NOT EXISTS (SELECT 1 FROM edges
                WHERE edges.repository_id = links.repository_id AND edges.child = links.digest)
        /*! FOR UPDATE */
        """,
        values_of(criteria) | {"repository": repository_id, "digest": link.digest},
    ).fetchone()
    return row is not None and links.remove(connection, row[0], link.digest, criteria.now)


def remove_blobs(
    connection: SqlConnection, digests: Sequence[Digest], *, now: float, departed: bool = False
) -> Sequence[Digest]:
    """Remove the rows of the blobs that no repository has, and return all that have none.

    While a backup hold lasts, no row is removed; `Unavailable` if the registry has departed, unless
    that is said to be known.

    The caller holds the store's locks of the digests until it has deleted the bytes and said
    `end_deletions`; `find` names what was interrupted before that again.
    """
    kept_bytes.lock(connection)
    if not departed:  # it may have since the collection began
        migrations.require_here(connection)
    held = kept_bytes.last(connection, now=now) is not None
    return [digest for digest in digests if _remove_blob(connection, digest, held=held)]


def _remove_blob(connection: SqlConnection, digest: Digest, *, held: bool) -> bool:
    needed = "links" if not held else "blobs"
    if connection.execute(f"SELECT 1 FROM {needed} WHERE digest = ?", (digest,)).fetchone():
        return False
    connection.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
    # Its entries may be a million: a job removes them.
    connection.execute("UPDATE trees SET digest = NULL WHERE digest = ?", (digest,))
    connection.execute(
        "INSERT INTO deletions (digest) VALUES (?) ON CONFLICT DO NOTHING", (digest,)
    )
    return True


def end_deletions(connection: SqlConnection, digests: Sequence[Digest]) -> None:
    """Note that the bytes of removed blobs are gone."""
    connection.executemany(
        "DELETE FROM deletions WHERE digest = ?", [(digest,) for digest in digests]
    )


def ended_half_way(connection: SqlConnection, *, after: str, limit: int) -> Sequence[Digest]:
    """Digests of removed blobs whose bytes may still be there, in their order."""
    rows = connection.execute(
        "SELECT digest FROM deletions WHERE digest > ? ORDER BY digest LIMIT ?", (after, limit)
    )
    return [Digest(digest) for (digest,) in rows]


class Collection:
    """The rows of a collection: it finds garbage, and removes it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.find = scanning(database, garbage.find)
        self.trash_orphans = writing(database, orphans.trash_orphans)
        self.ended_half_way = reading(database, ended_half_way)
        self.remove_links = writing(database, remove_links)
        self.remove_blobs = writing(database, remove_blobs)
        self.end_deletions = writing(database, end_deletions, durable=False)

    async def remove_manifests(
        self, found: Sequence[GarbageManifest], criteria: Criteria
    ) -> Sequence[GarbageManifest]:
        """Remove the manifests for which that is still right, and return those."""
        removed: list[GarbageManifest] = []
        after = ""
        while found:
            work = partial(remove_manifests, found=found, criteria=criteria, after=after)
            progress = await self._database.write(work)
            removed += progress.removed
            found, after = found[progress.done :], progress.after
        return removed
