"""What was deleted and is still stored: listing it, and bringing it back.

A manifest in the trash keeps its edges, so its blobs and children are stored as long as it is; what
of them was deleted as well is only hidden, and comes back with it.
"""

from collections.abc import Sequence
from sqlite3 import Connection

from lading.core import attachments as attached
from lading.core.digest import Digest
from lading.core.errors import NotRestorable
from lading.core.garbage import COLLECTOR
from lading.core.history import Change, Restored, TrashedManifest, TrashedTag
from lading.core.immutability import ImmutableTags
from lading.core.names import RepositoryName, Tag
from lading.metadata import attachments, loose, manifests, repositories, tags

# Tags taken away when a manifest was deleted carry the time of that.
_TAGS_TAKEN_WITH = """
    SELECT tag FROM tag_history
    WHERE digest IS NULL AND at = ? AND repository_id = ? AND previous = ? ORDER BY tag
"""
_MANIFESTS = """
    SELECT repository_id, name, digest, media_type, size, deleted_at, deleted_by
    FROM manifests JOIN repositories ON repositories.id = repository_id
    WHERE deleted_at IS NOT NULL AND (:repository IS NULL OR name = :repository)
    ORDER BY deleted_at DESC
"""
# The last move of a tag that is not there; what went with a manifest is listed with that.
_TAGS = """
    SELECT name, tag, previous, at, actor FROM tag_history AS moved
    JOIN repositories ON repositories.id = moved.repository_id
    JOIN manifests AS m ON m.repository_id = moved.repository_id AND m.digest = previous
    WHERE moved.digest IS NULL AND at >= :deleted_since
        AND (:repository IS NULL OR name = :repository)
        AND (deleted_at IS NULL OR deleted_at <> at)
        AND NOT EXISTS (SELECT 1 FROM tag_history AS later
            WHERE later.repository_id = moved.repository_id AND later.tag = moved.tag
            AND later.id > moved.id)
    ORDER BY at DESC
"""


def page(
    connection: Connection, repository: RepositoryName | None, deleted_since: float
) -> Sequence[TrashedManifest | TrashedTag]:
    """What can be restored, in one repository or in all; what was deleted last comes first."""
    found: list[TrashedManifest | TrashedTag] = [
        *_trashed_manifests(connection, repository),
        *_trashed_tags(connection, repository, deleted_since),
    ]
    return sorted(found, key=lambda item: -item.deleted_at)


def _trashed_manifests(
    connection: Connection, repository: RepositoryName | None
) -> list[TrashedManifest]:
    rows = connection.execute(_MANIFESTS, {"repository": repository}).fetchall()
    return [
        TrashedManifest(
            RepositoryName(name),
            Digest(digest),
            media_type,
            size,
            deleted_at,
            actor,
            _tags_taken_with(connection, repository_id, digest, deleted_at),
        )
        for repository_id, name, digest, media_type, size, deleted_at, actor in rows
    ]


def _trashed_tags(
    connection: Connection, repository: RepositoryName | None, deleted_since: float
) -> list[TrashedTag]:
    rows = connection.execute(_TAGS, {"repository": repository, "deleted_since": deleted_since})
    return [
        TrashedTag(RepositoryName(name), Tag(tag), Digest(digest), at, actor)
        for name, tag, digest, at, actor in rows
    ]


def _tags_taken_with(
    connection: Connection, repository_id: int, digest: str, deleted_at: float
) -> list[Tag]:
    rows = connection.execute(_TAGS_TAKEN_WITH, (deleted_at, repository_id, digest))
    return [Tag(tag) for (tag,) in rows]


class Restoration:
    """Brings things of one repository back, in one transaction.

    Raises:
        NotRestorable: from every method: there is nothing to bring back, or it is gone for good.
    """

    def __init__(self, connection: Connection, repository: RepositoryName, change: Change) -> None:
        found = repositories.find(connection, repository)
        if found is None:
            raise NotRestorable(f"nothing was ever pushed to {repository}")
        self._connection = connection
        self._repository = repository
        self._id = found
        self._change = change
        self._manifests: list[Digest] = []
        self._tags: list[tuple[Tag, Digest]] = []
        self._taken: list[Tag] = []
        self._lost: list[Tag] = []

    def manifest(self, digest: Digest) -> Restored:
        """A manifest that was deleted, with the tags that were taken away with it."""
        deleted_at = self._deleted_at(digest)
        self._revive(digest)
        if deleted_at is not None:
            self._set(_tags_taken_with(self._connection, self._id, digest, deleted_at), digest)
        return self._result(f"{self._repository}@{digest} is not deleted")

    def tag(self, tag: Tag) -> Restored:
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
        self._point(tag, moved.previous)
        return self._result("")

    def tag_at(self, tag: Tag, at: float, immutable: Sequence[ImmutableTags]) -> Restored:
        """A tag, as it was at that time."""
        moved = tags.last_move(self._connection, self._id, tag, not_after=at)
        if moved is None or moved.digest is None:
            raise NotRestorable(
                f"{self._repository} had no tag {tag} at that time; see `lading history`"
            )
        tags.check_movable(self._connection, self._repository, [tag], moved.digest, immutable)
        self._point(tag, moved.digest)
        return self._result(f"{self._repository}:{tag} points to {moved.digest} already")

    def everything(self, deleted_since: float) -> Restored:
        """All that can be restored; where two want the same tag, the one deleted last gets it."""
        for trashed in page(self._connection, self._repository, deleted_since):
            if isinstance(trashed, TrashedManifest):
                self._revive(trashed.digest)
                self._set(trashed.tags, trashed.digest)
            else:
                self._set([trashed.tag], trashed.digest)
        return self._result(f"nothing of {self._repository} is in the trash")

    def _set(self, wanted: Sequence[Tag], digest: Digest) -> None:
        """Give a manifest those of the tags that are free."""
        for tag in wanted:
            if tags.find(self._connection, self._repository, tag) is None:
                self._point(tag, digest)
            else:
                self._taken.append(tag)

    def _point(self, tag: Tag, digest: Digest) -> None:
        self._revive(digest)
        if tags.find(self._connection, self._repository, tag) != digest:
            tags.point(self._connection, self._id, tag, digest, self._change)
            loose.keep(self._connection, self._id, digest, self._change.at)
            self._tags.append((tag, digest))

    def _revive(self, digest: Digest) -> None:
        """Make a manifest whole and visible, with all that it holds.

        Who brings it back is promised that it is there, as who pushes it is.
        """
        if self._deleted_at(digest) is not None:
            self._undelete(digest)
            manifests.promise(self._connection, self._repository, digest, self._change.at)
        waiting, seen = [digest], {digest}
        while waiting:
            current = waiting.pop()
            if self._deleted_at(current) is not None:
                self._undelete(current)
            self._show_blobs(current)
            children = set(self._children(current)) - seen
            waiting += children
            seen |= children

    def _deleted_at(self, digest: Digest) -> float | None:
        row = self._connection.execute(
            "SELECT deleted_at FROM manifests WHERE repository_id = ? AND digest = ?",
            (self._id, digest),
        ).fetchone()
        if row is None:
            raise NotRestorable(
                f"{self._repository}@{digest} is not in the trash: it was collected, or never"
                " pushed; push it again"
            )
        (deleted_at,) = row
        return None if deleted_at is None else float(deleted_at)

    def _undelete(self, digest: Digest) -> None:
        self._connection.execute(
            "UPDATE manifests SET deleted_at = NULL, deleted_by = ''"
            " WHERE repository_id = ? AND digest = ?",
            (self._id, digest),
        )
        loose.release(self._connection, self._id, digest, self._change.at)
        attachments.keep(self._connection, self._id, digest)
        self._manifests.append(digest)

    def _show_blobs(self, digest: Digest) -> None:
        self._connection.execute(
            "UPDATE links SET deleted_at = NULL WHERE repository_id = ? AND digest IN"
            " (SELECT child FROM edges WHERE repository_id = ? AND parent = ?)",
            (self._id, self._id, digest),
        )

    def _children(self, digest: Digest) -> list[Digest]:
        rows = self._connection.execute(
            "SELECT child FROM edges JOIN manifests"
            " ON manifests.repository_id = edges.repository_id AND manifests.digest = child"
            " WHERE edges.repository_id = ? AND parent = ?",
            (self._id, digest),
        )
        return [Digest(child) for (child,) in rows]

    def _restore_attachments(self) -> None:
        """What collections put into the trash after a manifest comes back with it."""
        for digest in self._manifests:  # attachments may have attachments: this list grows
            for tag in attached.tags_of(digest):
                moved = tags.last_move(self._connection, self._id, tag)
                if moved is None or moved.digest is not None or moved.actor != COLLECTOR:
                    continue
                if moved.previous and loose.is_stored(self._connection, self._id, moved.previous):
                    self._point(tag, moved.previous)
                else:
                    self._lost.append(tag)

    def _result(self, nothing: str) -> Restored:
        self._restore_attachments()
        if not self._manifests and not self._tags:
            raise NotRestorable(nothing)
        return Restored(
            tuple(self._manifests), tuple(self._tags), tuple(self._taken), tuple(self._lost)
        )
