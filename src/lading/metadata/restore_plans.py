"""Plans of restorations: what is to be done to bring back what was deleted, step by step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from lading.core.digest import Digest
from lading.core.errors import NotRestorable
from lading.core.expected import Expected, require_expected
from lading.core.garbage import COLLECTOR
from lading.core.history import TrashedManifest, TrashedTag
from lading.core.immutability import ImmutableTags
from lading.core.names import RepositoryName, Tag, attachments_of
from lading.metadata import repositories, tags
from lading.metadata.restore_steps import Restoration, Step, deleted_at, is_stored
from lading.ports.database import SqlConnection

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
class RestorePlan:
    """A plan of what is to be restored, and tags of attachments that are lost for good."""

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
        self.connection = connection
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
            self._set(tags.taken_with(self.connection, self._id, digest, deleted_at), digest)
        return self._plan(f"{self._repository}@{digest} is not deleted")

    def tag(self, tag: Tag, expected: Expected | None) -> RestorePlan:
        """A tag that was deleted, or whose manifest was, if it led to what is expected."""
        current = tags.find(self.connection, self._repository, tag)
        if current is not None:
            raise NotRestorable(
                f"{self._repository}:{tag} is there, and points to {current}; to bring back what"
                " it was before, add --at and a time (`lading history` tells them)"
            )
        moved = tags.last_move(self.connection, self._id, tag)
        if moved is None or moved.previous is None:
            raise NotRestorable(f"{self._repository} never had a tag {tag}")
        require_expected(expected, tag, moved.previous)
        self._revive(moved.previous)
        self._set([tag], moved.previous)
        return self._plan("")

    def tag_at(
        self,
        tag: Tag,
        at: float,
        immutable: Sequence[ImmutableTags],
        expected: Expected | None,
    ) -> RestorePlan:
        """A tag, as it was at that time.

        Raises:
            NotAsExpected: it leads to something else now.
            TagImmutable: it cannot be moved.
        """
        current = tags.find(self.connection, self._repository, tag)
        require_expected(expected, tag, current)
        moved = tags.last_move(self.connection, self._id, tag, not_after=at)
        if moved is None or moved.digest is None:
            raise NotRestorable(
                f"{self._repository} had no tag {tag} at that time; see `lading history`"
            )
        digest = moved.digest
        tags.check_movable(self.connection, self._repository, [tag], digest, immutable)
        self._revive(digest)
        if current != digest:
            self._steps.append(lambda one: one.move(tag, digest, immutable, expected))
        return self._plan(f"{self._repository}:{tag} points to {digest} already")

    def everything(self, found: Sequence[TrashedManifest | TrashedTag]) -> RestorePlan:
        """All in a list of the trash; where two want the same tag, the one deleted last gets it."""
        for trashed in found:
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
        """Plan to restore what collections put into the trash after a manifest."""
        moved = tags.last_move(self.connection, self._id, tag)
        if tag in self._tags or moved is None or moved.digest or moved.actor != COLLECTOR:
            return
        if moved.previous and is_stored(self.connection, self._id, moved.previous):
            self._revive(moved.previous)
            self._set([tag], moved.previous)
        elif tag not in self._lost:
            self._lost.append(tag)

    def _set(self, wanted: Sequence[Tag], digest: Digest) -> None:
        self._steps += [partial(Restoration.set, tag=tag, digest=digest) for tag in wanted]
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
            hidden = self.connection.execute(_HIDDEN_BLOBS, (self._id, digest))
            self._steps += [partial(Restoration.show, blob=Digest(blob)) for (blob,) in hidden]
            if self._deleted_at(digest) is not None:
                asked_for = digest == root
                self._steps.append(partial(Restoration.revive, digest=digest, asked_for=asked_for))
                self._revived.append(digest)

    def _unseen_children(self, digest: Digest) -> Iterator[Digest]:
        """Children that are manifests; each is looked at once."""
        rows = self.connection.execute(_CHILDREN, (self._id, digest)).fetchall()
        for (text,) in rows:
            child = Digest(text)
            if child not in self._seen:
                self._seen.add(child)
                yield child

    def _deleted_at(self, digest: Digest) -> float | None:
        return deleted_at(self.connection, self._repository, self._id, digest)
