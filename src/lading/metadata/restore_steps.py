"""Steps of restorations: each is taken within a transaction, as far as it is still right.

What they leave is a state that clients could have made.
"""

from collections.abc import Callable, Sequence

from lading.core.digest import Digest
from lading.core.errors import NotRestorable
from lading.core.expected import Expected, require_expected
from lading.core.history import Change
from lading.core.immutability import ImmutableTags
from lading.core.names import RepositoryName, Tag
from lading.metadata import manifest_rows, references, repositories, tags
from lading.ports.database import SqlConnection

_STATE = """
    SELECT deleted_at FROM manifests JOIN documents ON documents.id = manifests.id
    WHERE repository_id = ? AND digest = ?
"""


class Restoration:
    """What is restored in a repository, within a transaction; each method is a step.

    Attributes:
        manifests: that were brought back.
        tags: with what each of them points to now.
        taken: tags that were not brought back, as they point to something newer.
    """

    def __init__(
        self, connection: SqlConnection, repository: RepositoryName, change: Change
    ) -> None:
        self._connection = connection
        self._repository = repository
        self._id = repositories.ensure_if_writable(connection, repository)
        repositories.mark_changed(connection, [repository])
        self._change = change
        self.manifests: list[Digest] = []
        self.tags: list[tuple[Tag, Digest]] = []
        self.taken: list[Tag] = []

    def show(self, blob: Digest) -> None:
        """Show a blob again that was deleted while something in the trash needed it."""
        self._connection.execute(
            "UPDATE links SET deleted_at = NULL WHERE repository_id = ? AND digest = ?",
            (self._id, blob),
        )

    def revive(self, digest: Digest, *, asked_for: bool) -> None:
        """Take a manifest out of the trash; one that was asked for is promised, as if pushed."""
        at = self._change.at
        if deleted_at(self._connection, self._repository, self._id, digest) is not None:
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

    def set(self, tag: Tag, digest: Digest) -> None:
        """Give a manifest a tag, if that is free."""
        if tags.find(self._connection, self._repository, tag) is None:
            self._point(tag, digest)
        else:
            self.taken.append(tag)

    def move(
        self,
        tag: Tag,
        digest: Digest,
        immutable: Sequence[ImmutableTags],
        expected: Expected | None,
    ) -> None:
        """Give a manifest a tag, if that can be moved, from what has it, or what is expected to."""
        current = tags.find(self._connection, self._repository, tag)
        require_expected(expected, tag, current)
        tags.check_movable(self._connection, self._repository, [tag], digest, immutable)
        self._point(tag, digest)

    def _point(self, tag: Tag, digest: Digest) -> None:
        at = self._change.at
        if not references.manifest_sizes(self._connection, self._id, [digest], used_at=at):
            raise _gone(self._repository, digest)
        tags.point(self._connection, self._id, tag, digest, self._change)
        self.tags.append((tag, digest))


Step = Callable[[Restoration], None]


def take_steps(
    connection: SqlConnection, repository: RepositoryName, change: Change, steps: Sequence[Step]
) -> Restoration:
    """Take steps of a restoration of a repository, within a transaction; what came of them."""
    restoration = Restoration(connection, repository, change)
    for step in steps:
        step(restoration)
    return restoration


def deleted_at(
    connection: SqlConnection, repository: RepositoryName, repository_id: int, digest: Digest
) -> float | None:
    """When a manifest was deleted; `None` if it was not, `NotRestorable` if it is gone for good."""
    row = connection.execute(_STATE, (repository_id, digest)).fetchone()
    if row is None:
        raise _gone(repository, digest)
    (deleted_at,) = row
    return None if deleted_at is None else float(deleted_at)


def is_stored(connection: SqlConnection, repository_id: int, digest: Digest) -> bool:
    """Whether a manifest is there, or in the trash, and can be restored."""
    return connection.execute(_STATE, (repository_id, digest)).fetchone() is not None


def _gone(repository: RepositoryName, digest: Digest) -> NotRestorable:
    return NotRestorable(
        f"{repository}@{digest} is not in the trash: it was collected, or never pushed; push it"
        " again"
    )
