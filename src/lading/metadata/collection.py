"""Removing what nothing needs any more: rows only, many in a transaction.

Each removal asks again, inside its transaction, whether it is still right: a push may have come
since the garbage was found. What a removed row kept is marked as loose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from sqlite3 import Connection
from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.garbage import Criteria, GarbageLink, GarbageManifest, OrphanTag
from lading.core.names import RepositoryName
from lading.core.why import KeptIn
from lading.metadata import (
    attachments,
    garbage,
    holds,
    keepers,
    links,
    loose,
    manifests,
    orphans,
    repositories,
    times,
    uploads,
    writer,
)
from lading.metadata.database import Part
from lading.metadata.garbage import CONDITIONS, HAS_DOCUMENT, LOOSE_LINK, values_of
from lading.ports.collection import Garbage


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transaction has come with the manifests that are to be removed.

    Attributes:
        removed: those that are gone.
        done: how many it is done with, be they gone or not doomed any more.
        after: of the next one, the referrer after which to go on.
    """

    removed: Sequence[GarbageManifest]
    done: int
    after: str = ""


def remove_manifests(
    connection: Connection, doomed: Sequence[GarbageManifest], limits: Criteria, after: str = ""
) -> Progress:
    """Remove the manifests that are still doomed, as far as one transaction may go.

    Of one that refers to much, or much refers to, the document goes first, so that it cannot be
    restored any more. A collection that is interrupted then is gone on with by the next one.
    """
    removed: list[GarbageManifest] = []
    left = writer.MOST_ROWS
    for done, manifest in enumerate(doomed):
        if left <= 0:
            return Progress(removed, done)
        row = _find(connection, manifest, limits)
        if row is not None:
            if row.is_live:
                # Of a deleted one, they were marked then; who has set one since wants it still.
                attachments.release(connection, row.repository_id, manifest.digest, limits.now)
            step = _remove_some(connection, row, manifest, left, after)
            if step.last is not None:
                _hide(connection, row, manifest)
                return Progress(removed, done, step.last)
            connection.execute("DELETE FROM manifests WHERE id = ?", (row.id,))
            removed.append(manifest)
            left -= step.count + 1
        after = ""
    return Progress(removed, len(doomed))


class _Row(NamedTuple):
    id: int
    repository_id: int
    is_live: int


def _find(connection: Connection, doomed: GarbageManifest, limits: Criteria) -> _Row | None:
    row = connection.execute(
        f"""
        SELECT id, repository_id, deleted_at IS NULL FROM manifests AS m
        WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
            AND digest = :digest AND ({CONDITIONS[doomed.cause]} OR NOT {HAS_DOCUMENT})
        """,
        values_of(limits) | {"repository": doomed.repository, "digest": doomed.digest},
    ).fetchone()
    return None if row is None else _Row(*row)


def _remove_some(
    connection: Connection, row: _Row, doomed: GarbageManifest, most: int, after: str
) -> loose.Looked:
    """Remove some of what leads from a manifest, and then of what leads to it."""
    edges = _remove_edges(connection, row, doomed, most)
    if edges == most:  # there may be more of them
        return loose.Looked(edges, after)
    looked = loose.release_referrers(
        connection,
        row.repository_id,
        doomed.digest,
        doomed.since,
        after=after,
        most=most - edges,
    )
    return loose.Looked(edges + looked.count, looked.last)


def _remove_edges(connection: Connection, row: _Row, doomed: GarbageManifest, most: int) -> int:
    """Remove some edges, and mark what they kept; how many."""
    parent = (row.repository_id, doomed.digest)
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
        loose.release(connection, row.repository_id, Digest(child), doomed.since)
    return len(children)


def _hide(connection: Connection, row: _Row, doomed: GarbageManifest) -> None:
    connection.execute("DELETE FROM documents WHERE id = ?", (row.id,))
    connection.execute(
        "UPDATE manifests SET deleted_at = coalesce(deleted_at, ?), loose_at = NULL WHERE id = ?",
        (doomed.since, row.id),
    )


def remove_links(
    connection: Connection, doomed: Sequence[GarbageLink], limits: Criteria
) -> Sequence[GarbageLink]:
    """Remove the links that no manifest needs and no promise holds, and return those."""
    return [link for link in doomed if _remove_link(connection, link, limits)]


def _remove_link(connection: Connection, doomed: GarbageLink, limits: Criteria) -> bool:
    row = connection.execute(
        f"""
        SELECT repository_id FROM links
        WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
            AND digest = :digest AND {LOOSE_LINK} AND NOT EXISTS (SELECT 1 FROM edges
                WHERE edges.repository_id = links.repository_id AND edges.child = links.digest)
        """,
        values_of(limits) | {"repository": doomed.repository, "digest": doomed.digest},
    ).fetchone()
    return row is not None and links.remove(connection, row[0], doomed.digest, limits.now)


def remove_blobs(connection: Connection, digests: Sequence[Digest], now: float) -> Sequence[Digest]:
    """Remove the rows of the blobs that no repository has, and note that their bytes are to go."""
    held = holds.last(connection, now) is not None
    return [digest for digest in digests if _remove_blob(connection, digest, held=held)]


def _remove_blob(connection: Connection, digest: Digest, *, held: bool) -> bool:
    needed = "links" if not held else "blobs"
    if connection.execute(f"SELECT 1 FROM {needed} WHERE digest = ?", (digest,)).fetchone():
        return False
    connection.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
    connection.execute(
        "INSERT INTO deletions (digest) VALUES (?) ON CONFLICT DO NOTHING", (digest,)
    )
    return True


def forget_deletions(connection: Connection, digests: Sequence[Digest]) -> None:
    """The bytes are gone."""
    connection.executemany("DELETE FROM deletions WHERE digest = ?", [(d,) for d in digests])


class SqliteCollection(Part):
    """See `lading.ports.collection.Collection`."""

    async def repositories_with_manifests(self) -> Sequence[RepositoryName]:
        """See `Collection.repositories_with_manifests`."""
        return await self._database.scan(repositories.with_manifests)

    async def list_manifests(
        self, repository: RepositoryName
    ) -> Sequence[tuple[Digest, Sequence[Digest]]]:
        """See `Collection.list_manifests`."""
        return await self._database.scan(
            lambda connection: manifests.with_children(connection, repository)
        )

    async def find_keepers(self, digest: Digest) -> Sequence[KeptIn]:
        """See `Collection.find_keepers`."""
        return await self._database.scan(lambda connection: keepers.find(connection, digest))

    async def is_stored(self, digest: Digest) -> bool:
        """See `Collection.is_stored`."""
        return self._database.read(links.is_stored, digest)

    async def find_garbage(self, limits: Criteria) -> Garbage:
        """See `Collection.find_garbage`."""
        return await self._database.scan(lambda connection: garbage.find(connection, limits))

    async def collect_manifests(
        self, doomed: Sequence[GarbageManifest], limits: Criteria
    ) -> Sequence[GarbageManifest]:
        """See `Collection.collect_manifests`."""
        removed: list[GarbageManifest] = []
        after = ""
        while doomed:
            work = partial(remove_manifests, doomed=doomed, limits=limits, after=after)
            progress = await self._database.write(work)
            removed += progress.removed
            doomed, after = doomed[progress.done :], progress.after
        return removed

    async def trash_orphans(
        self, doomed: Sequence[OrphanTag], limits: Criteria
    ) -> tuple[Sequence[OrphanTag], bool]:
        """See `Collection.trash_orphans`."""
        return await self._database.write(
            lambda connection: orphans.trash_orphans(connection, doomed, limits)
        )

    async def collect_links(
        self, doomed: Sequence[GarbageLink], limits: Criteria
    ) -> Sequence[GarbageLink]:
        """See `Collection.collect_links`."""
        return await self._database.write(
            lambda connection: remove_links(connection, doomed, limits)
        )

    async def collect_blobs(self, digests: Sequence[Digest], *, now: float) -> Sequence[Digest]:
        """See `Collection.collect_blobs`."""
        return await self._database.write(lambda connection: remove_blobs(connection, digests, now))

    async def forget_deletions(self, digests: Sequence[Digest]) -> None:
        """See `Collection.forget_deletions`."""
        await self._database.write(
            lambda connection: forget_deletions(connection, digests), durable=False
        )

    async def forget_committed(self, *, before: float, at_most: int) -> int:
        """See `Collection.forget_committed`."""
        return await self._database.write(
            lambda connection: uploads.forget_committed(connection, before, at_most), durable=False
        )

    async def set_back_times(self, *, now: float) -> int:
        """See `Collection.set_back_times`."""
        if not await self._database.scan(lambda connection: times.any_ahead(connection, now)):
            return 0
        return await self._database.write(lambda connection: times.set_back(connection, now))
