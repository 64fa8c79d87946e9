"""The trash: what was deleted and is still stored, in lists, and its restoration.

A manifest in the trash keeps its edges, so its blobs and children are stored as long as it is; what
of them was deleted as well is only hidden, and comes back with it.

A restoration is planned by a read, then done step by step: what is little in one transaction, what
is much in several, between which others write. Each step leaves a state that clients could have
made: what a manifest holds is there again before the manifest is. So whatever comes between, the
next attempt goes on where this one ended.
"""

import math
from collections.abc import Iterable, Sequence, Set
from functools import partial
from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.errors import NotRestorable
from lading.core.expected import Expected
from lading.core.history import Change, Restored, TrashedManifest, TrashedTag
from lading.core.immutability import ImmutableTags
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches
from lading.metadata.noun import looking, reading, scanning
from lading.metadata.restore_plans import Planner, Planning
from lading.metadata.restore_steps import take_steps
from lading.metadata.tags import taken_with
from lading.ports.database import Database, SqlConnection

_MANIFESTS = """
    SELECT manifests.id, repository_id, name, digest, media_type, size, deleted_at, deleted_by
    FROM manifests JOIN repositories ON repositories.id = repository_id
    JOIN documents ON documents.id = manifests.id
    WHERE deleted_at IS NOT NULL AND deleted_at <= :before
        AND (deleted_at < :before OR manifests.id < :before_id)
        AND (name = :repository OR :repository IS NULL)
    ORDER BY deleted_at DESC, manifests.id DESC LIMIT :limit
"""
# The last move of a tag that is not there; what went with a manifest is listed with that.
_TAGS = """
    SELECT moved.id, name, tag, previous, at, actor FROM tag_history AS moved
    JOIN repositories ON repositories.id = moved.repository_id
    JOIN manifests AS m ON m.repository_id = moved.repository_id AND m.digest = previous
    JOIN documents ON documents.id = m.id
    WHERE moved.digest IS NULL AND at >= :deleted_since AND at <= :before
        AND (at < :before OR moved.id < :before_id)
        AND (name = :repository OR :repository IS NULL)
        AND (deleted_at IS NULL OR deleted_at <> at)
        AND NOT EXISTS (SELECT 1 FROM tag_history AS later
            WHERE later.repository_id = moved.repository_id AND later.tag = moved.tag
            AND later.id > moved.id)
    ORDER BY at DESC, moved.id DESC LIMIT :limit
"""
_STORED = """
    SELECT digest FROM manifests JOIN documents ON documents.id = manifests.id
    WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)
        AND digest IN (SELECT key FROM json_each(?))
"""


class Place(NamedTuple):
    """A place in a list of what was deleted, by time and number of the row, the last one first."""

    at: float
    id: int


FIRST = Place(math.inf, 0)
"""Before all that was ever deleted."""


def page(
    connection: SqlConnection,
    repository: RepositoryName | None,
    *,
    deleted_since: float,
) -> Sequence[TrashedManifest | TrashedTag]:
    """All that can be restored, in one repository or in all; what was deleted last comes first.

    A manifest is listed while it is stored, a tag if it was deleted since that time.
    """
    limit = batches.NO_LIMIT
    found: list[TrashedManifest | TrashedTag] = [
        *(item for _, item in manifests(connection, repository, FIRST, limit)),
        *(item for _, item in tags(connection, repository, FIRST, limit, deleted_since)),
    ]
    return sorted(found, key=lambda item: -item.deleted_at)


def manifests(
    connection: SqlConnection, repository: RepositoryName | None, place: Place, limit: int
) -> Sequence[tuple[Place, TrashedManifest]]:
    """Manifests in the trash, from a place on, each with its place."""
    rows = connection.execute(_MANIFESTS, _values(repository, place, limit)).fetchall()
    return [
        (
            Place(deleted_at, id_),
            TrashedManifest(
                RepositoryName(name),
                Digest(digest),
                media_type,
                size,
                deleted_at,
                actor,
                taken_with(connection, repository_id, digest, deleted_at),
            ),
        )
        for id_, repository_id, name, digest, media_type, size, deleted_at, actor in rows
    ]


def tags(
    connection: SqlConnection,
    repository: RepositoryName | None,
    place: Place,
    limit: int,
    deleted_since: float,
) -> Sequence[tuple[Place, TrashedTag]]:
    """Tags that were deleted by themselves, from a place on, each with its place."""
    values = _values(repository, place, limit) | {"deleted_since": deleted_since}
    return [
        (Place(at, id_), TrashedTag(RepositoryName(name), Tag(tag), Digest(digest), at, actor))
        for id_, name, tag, digest, at, actor in connection.execute(_TAGS, values)
    ]


def _values(
    repository: RepositoryName | None, place: Place, limit: int
) -> dict[str, str | float | None]:
    return {
        "repository": repository,
        "before": place.at,
        "before_id": place.id,
        "limit": limit,
    }


def stored(
    connection: SqlConnection, repository: RepositoryName, digests: Iterable[Digest]
) -> Set[Digest]:
    """The manifests among these that are there or in the trash: a tag can lead there again."""
    rows = connection.execute(_STORED, (repository, batches.keys(digests)))
    return {Digest(digest) for (digest,) in rows}


class Trash:
    """The trash: deleted manifests and tags, which can be restored."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.page = looking(database, page)
        self.manifests = scanning(database, manifests)
        self.tags = scanning(database, tags)
        self.stored = reading(database, stored)

    async def restore_manifest(
        self, repository: RepositoryName, digest: Digest, *, change: Change
    ) -> Restored:
        """Bring a deleted manifest back, with all it needs and the tags that went with it.

        Raises:
            NotRestorable: it is not deleted, or is gone for good.
        """
        return await self._restore(repository, change, lambda planner: planner.manifest(digest))

    async def restore_tag(
        self,
        repository: RepositoryName,
        tag: Tag,
        *,
        at: float | None,
        immutable: Sequence[ImmutableTags],
        expected: Expected | None = None,
        change: Change,
    ) -> Restored:
        """Bring a deleted tag back, or point a tag at what it pointed to at a time.

        Args:
            expected: see `lading.services.trash.restore`.

        Raises:
            NotRestorable: there is no such tag or time, or what it pointed to is gone for good.
            NotAsExpected: it is not what is expected.
            TagImmutable: it points to something else now, and cannot be moved.
        """
        return await self._restore(
            repository,
            change,
            lambda planner: (
                planner.tag(tag, expected)
                if at is None
                else planner.tag_at(tag, at, immutable, expected)
            ),
        )

    async def restore_all(
        self, repository: RepositoryName, *, deleted_since: float, change: Change
    ) -> Restored:
        """Bring everything back that `page` lists of the repository.

        Raises:
            NotRestorable: nothing is in the trash.
        """
        restored = await self._restore(
            repository,
            change,
            lambda planner: planner.everything(
                page(planner.connection, repository, deleted_since=deleted_since)
            ),
        )
        if not restored.manifests and not restored.tags:
            raise NotRestorable(f"nothing of {repository} is in the trash")
        return restored

    async def _restore(
        self, repository: RepositoryName, change: Change, plan: Planning
    ) -> Restored:
        planned = await self._database.scan(
            lambda connection: plan(Planner(connection, repository))
        )
        done = [
            await self._database.write(
                partial(take_steps, repository=repository, change=change, steps=steps)
            )
            for steps in batches.pieces(planned.steps)
        ]
        return Restored(
            tuple(digest for part in done for digest in part.manifests),
            tuple(tag for part in done for tag in part.tags),
            tuple(tag for part in done for tag in part.taken),
            tuple(planned.lost),
        )
