"""Restoration of what was deleted: planned by a read, then done step by step.

What is little is done in one transaction; what is much in several, between which others write. Each
step leaves a state that clients could have made: what a manifest holds is there again before the
manifest is. So whatever comes between, the next attempt goes on where this one ended.
"""

from collections.abc import Sequence
from functools import partial

from lading.core.digest import Digest
from lading.core.errors import NotRestorable
from lading.core.expected import Expected
from lading.core.history import Change, Restored
from lading.core.immutability import ImmutableTags
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, trash
from lading.metadata.noun import looking, reading, scanning
from lading.metadata.restore_plans import Planner, Planning
from lading.metadata.restore_steps import Restoration, Step
from lading.ports.database import Database, SqlConnection


def _take(
    connection: SqlConnection, repository: RepositoryName, change: Change, steps: Sequence[Step]
) -> Restoration:
    restoration = Restoration(connection, repository, change)
    for step in steps:
        step(restoration)
    return restoration


class Trash:
    """The trash: deleted manifests and tags, which can be restored."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.page = looking(database, trash.page)
        self.manifests = scanning(database, trash.manifests)
        self.tags = scanning(database, trash.tags)
        self.stored = reading(database, trash.stored)

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
            repository, change, lambda planner: planner.everything(deleted_since)
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
                partial(_take, repository=repository, change=change, steps=steps)
            )
            for steps in batches.pieces(planned.steps)
        ]
        return Restored(
            tuple(digest for part in done for digest in part.manifests),
            tuple(tag for part in done for tag in part.tags),
            tuple(tag for part in done for tag in part.taken),
            tuple(planned.lost),
        )
