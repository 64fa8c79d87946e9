"""Restoration of what was deleted: planned by a read, then done step by step.

What is little is done in one transaction; what is much in several, between which others write. Each
step leaves a state that clients could have made: what a manifest holds is there again before the
manifest is. So whatever comes between, the next attempt goes on where this one ended.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from lading.core.digest import Digest
from lading.core.errors import NotRestorable
from lading.core.garbage import COLLECTOR
from lading.core.history import Change, Restored, TrashedManifest
from lading.core.immutability import ImmutableTags
from lading.core.names import RepositoryName, Tag, attachments_of
from lading.metadata import batches, manifest_rows, references, repositories, tags, trash
from lading.metadata.noun import Noun, reading, scanning
from lading.ports.database import Database, SqlConnection

_STATE = """
    SELECT deleted_at FROM manifests JOIN documents ON documents.id = manifests.id
    WHERE repository_id = ? AND digest = ?
"""
_CHILDREN = """
    SELECT child FROM edges JOIN manifests
    ON manifests.repository_id = edges.repository_id AND manifests.digest = child
    JOIN documents ON documents.id = manifests.id
    WHERE edges.repository_id = ? AND parent = ?
"""
_HIDDEN_BLOBS = """
    SELECT child FROM edges JOIN links
    ON links.repository_id = edges.repository_id AND links.digest = child
    WHERE edges.repository_id = ? AND parent = ? AND links.deleted_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Show:
    """Show a blob again that was deleted while something in the trash needed it."""

    blob: Digest


@dataclass(frozen=True, slots=True)
class Revive:
    """Take a manifest out of the trash.

    Attributes:
        asked_for: whether it was, so that it is promised as to one who pushes it.
    """

    manifest: Digest
    asked_for: bool


@dataclass(frozen=True, slots=True)
class Set:
    """Give a manifest a tag, if that is free."""

    tag: Tag
    manifest: Digest


@dataclass(frozen=True, slots=True)
class Move:
    """Give a manifest a tag, whatever has it, if it can be moved."""

    tag: Tag
    manifest: Digest
    immutable: Sequence[ImmutableTags]


Step = Show | Revive | Set | Move


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """A plan of what is to be restored.

    Attributes:
        lost: tags of attachments that cannot come back, as they were collected.
    """

    steps: Sequence[Step]
    lost: Sequence[Tag]


Planning = Callable[["Planner"], RestorePlan]


class Planner:
    """Says what is to be done in a repository; it only reads.

    Raises:
        NotRestorable: from every method: there is nothing to bring back, or it is gone for good.
    """

    def __init__(self, connection: SqlConnection, repository: RepositoryName) -> None:
        found = repositories.find(connection, repository)
        if found is None:
            raise NotRestorable(f"nothing was ever pushed to {repository}")
        self._connection = connection
        self._repository = repository
        self._id = found
        self._seen: set[Digest] = set()
        self._steps: list[Step] = []
        self._revived: list[Digest] = []
        self._tags: set[Tag] = set()
        self._lost: list[Tag] = []

    def manifest(self, digest: Digest) -> RestorePlan:
        """A manifest that was deleted, with the tags that were taken away with it."""
        deleted_at = self._deleted_at(digest)
        self._revive(digest)
        if deleted_at is not None:
            self._set(trash.tags_taken_with(self._connection, self._id, digest, deleted_at), digest)
        return self._plan(f"{self._repository}@{digest} is not deleted")

    def tag(self, tag: Tag) -> RestorePlan:
        """A tag that was deleted, or whose manifest was."""
        current = tags.find(self._connection, self._repository, tag)
        if current is not None:
            raise NotRestorable(
                f"{self._repository}:{tag} is there, and points to {current}; to bring back what"
                " it was before, add --at and a time (`lading history` tells them)"
            )
        moved = tags.last_move(self._connection, self._id, tag)
        if moved is None or moved.previous is None:
            raise NotRestorable(f"{self._repository} never had a tag {tag}")
        self._revive(moved.previous)
        self._set([tag], moved.previous)
        return self._plan("")

    def tag_at(self, tag: Tag, at: float, immutable: Sequence[ImmutableTags]) -> RestorePlan:
        """A tag, as it was at that time."""
        moved = tags.last_move(self._connection, self._id, tag, not_after=at)
        if moved is None or moved.digest is None:
            raise NotRestorable(
                f"{self._repository} had no tag {tag} at that time; see `lading history`"
            )
        digest = moved.digest
        tags.check_movable(self._connection, self._repository, [tag], digest, immutable)
        self._revive(digest)
        if tags.find(self._connection, self._repository, tag) != digest:
            self._steps.append(Move(tag, digest, immutable))
        return self._plan(f"{self._repository}:{tag} points to {digest} already")

    def everything(self, deleted_since: float) -> RestorePlan:
        """All that can be restored; where two want the same tag, the one deleted last gets it."""
        for trashed in trash.page(self._connection, self._repository, deleted_since=deleted_since):
            self._revive(trashed.digest)
            wanted = trashed.tags if isinstance(trashed, TrashedManifest) else [trashed.tag]
            self._set(wanted, trashed.digest)
        return self._plan(f"nothing of {self._repository} is in the trash")

    def _plan(self, nothing: str) -> RestorePlan:
        for digest in self._revived:  # attachments may have attachments: this list grows
            for tag in attachments_of(digest):
                self._bring_back(tag)
        if not self._steps:
            raise NotRestorable(nothing)
        return RestorePlan(self._steps, self._lost)

    def _bring_back(self, tag: Tag) -> None:
        """What collections put into the trash after a manifest comes back with it."""
        moved = tags.last_move(self._connection, self._id, tag)
        if tag in self._tags or moved is None or moved.digest or moved.actor != COLLECTOR:
            return
        if moved.previous and self._is_stored(moved.previous):
            self._revive(moved.previous)
            self._set([tag], moved.previous)
        elif tag not in self._lost:
            self._lost.append(tag)

    def _set(self, wanted: Sequence[Tag], digest: Digest) -> None:
        self._steps += [Set(tag, digest) for tag in wanted]
        self._tags.update(wanted)

    def _revive(self, root: Digest) -> None:
        """Make a manifest whole and visible, with all that it holds; what it holds comes first."""
        self._deleted_at(root)
        waiting = [(root, self._unseen_children(root))]
        while waiting:
            digest, children = waiting[-1]
            child = next(children, None)
            if child is not None:
                waiting.append((child, self._unseen_children(child)))
                continue
            waiting.pop()
            hidden = self._connection.execute(_HIDDEN_BLOBS, (self._id, digest))
            self._steps += [Show(Digest(blob)) for (blob,) in hidden]
            if self._deleted_at(digest) is not None:
                self._steps.append(Revive(digest, asked_for=digest == root))
                self._revived.append(digest)

    def _unseen_children(self, digest: Digest) -> Iterator[Digest]:
        """Children that are manifests; each is looked at once."""
        rows = self._connection.execute(_CHILDREN, (self._id, digest)).fetchall()
        for (text,) in rows:
            child = Digest(text)
            if child not in self._seen:
                self._seen.add(child)
                yield child

    def _is_stored(self, digest: Digest) -> bool:
        return self._connection.execute(_STATE, (self._id, digest)).fetchone() is not None

    def _deleted_at(self, digest: Digest) -> float | None:
        return _deleted_at(self._connection, self._repository, self._id, digest)


class Restoration:
    """Takes steps in a repository, within a transaction.

    Attributes:
        tags: with what each of them points to now.
        taken: tags that were not brought back, as they point to something newer.
    """

    def __init__(
        self, connection: SqlConnection, repository: RepositoryName, change: Change
    ) -> None:
        self._connection = connection
        self._repository = repository
        self._id = repositories.ensure(connection, repository)
        repositories.mark_changed(connection, [repository])
        self._change = change
        self.manifests: list[Digest] = []
        self.tags: list[tuple[Tag, Digest]] = []
        self.taken: list[Tag] = []

    def take(self, step: Step) -> None:
        """Do what was planned, as far as it is still right.

        Raises:
            NotRestorable, TagImmutable: it is not, as something came between.
        """
        match step:
            case Show(blob):
                self._connection.execute(
                    "UPDATE links SET deleted_at = NULL WHERE repository_id = ? AND digest = ?",
                    (self._id, blob),
                )
            case Revive(digest, asked_for):
                self._revive(digest, asked_for=asked_for)
            case Set(tag, digest):
                if tags.find(self._connection, self._repository, tag) is None:
                    self._point(tag, digest)
                else:
                    self.taken.append(tag)
            case Move(tag, digest, immutable):
                tags.check_movable(self._connection, self._repository, [tag], digest, immutable)
                self._point(tag, digest)

    def _revive(self, digest: Digest, *, asked_for: bool) -> None:
        at = self._change.at
        if _deleted_at(self._connection, self._repository, self._id, digest) is not None:
            self._connection.execute(
                "UPDATE manifests SET deleted_at = NULL, deleted_by = ''"
                " WHERE repository_id = ? AND digest = ?",
                (self._id, digest),
            )
            references.mark_unreferenced(self._connection, self._id, digest, at)
            references.unmark_orphans(self._connection, self._id, digest)
            self.manifests.append(digest)
        if asked_for:
            manifest_rows.promise(self._connection, self._repository, digest, at)

    def _point(self, tag: Tag, digest: Digest) -> None:
        if not references.manifest_sizes(
            self._connection, self._id, [digest], used_at=self._change.at
        ):
            raise _gone(self._repository, digest)
        tags.point(self._connection, self._id, tag, digest, self._change)
        self.tags.append((tag, digest))


def _deleted_at(
    connection: SqlConnection, repository: RepositoryName, repository_id: int, digest: Digest
) -> float | None:
    row = connection.execute(_STATE, (repository_id, digest)).fetchone()
    if row is None:
        raise _gone(repository, digest)
    (deleted_at,) = row
    return None if deleted_at is None else float(deleted_at)


def _gone(repository: RepositoryName, digest: Digest) -> NotRestorable:
    return NotRestorable(
        f"{repository}@{digest} is not in the trash: it was collected, or never pushed; push it"
        " again"
    )


def _take(
    connection: SqlConnection, repository: RepositoryName, change: Change, steps: Sequence[Step]
) -> Restoration:
    restoration = Restoration(connection, repository, change)
    for step in steps:
        restoration.take(step)
    return restoration


class Trash(Noun):
    """The trash: deleted manifests and tags, which can be restored."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.page = scanning(database, trash.page)
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
        change: Change,
    ) -> Restored:
        """Bring a deleted tag back, or point a tag at what it pointed to at a time.

        Raises:
            NotRestorable: there is no such tag or time, or what it pointed to is gone for good.
            TagImmutable: it points to something else now, and cannot be moved.
        """
        return await self._restore(
            repository,
            change,
            lambda planner: planner.tag(tag) if at is None else planner.tag_at(tag, at, immutable),
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
