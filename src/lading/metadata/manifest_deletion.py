"""Deletion of manifests, unless an immutable tag leads there: to one, or to an index that holds it.

There may be any number of tags, and of indexes between; so they are looked for in a read, which
holds up nobody. The transaction that deletes looks for itself, as far as that is little work, and
else at what was set since that read.
"""

from collections.abc import Iterable, Sequence

from lading.core.digest import Digest
from lading.core.errors import TagImmutable
from lading.core.expected import require_expected_tags
from lading.core.history import Change
from lading.core.immutability import ImmutableTags, is_immutable
from lading.core.manifest import Manifest
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, references, repositories, tags
from lading.ports.database import SqlConnection

_ALL = """
    WITH RECURSIVE here (id) AS (SELECT id FROM repositories WHERE name = :repository),
    holders (digest) AS (
        SELECT digest FROM manifests
        WHERE repository_id = (SELECT id FROM here) AND digest = :digest
        UNION
        SELECT manifests.digest FROM holders CROSS JOIN edges
        JOIN manifests ON manifests.repository_id = edges.repository_id
            AND manifests.digest = parent AND deleted_at IS NULL
        WHERE edges.repository_id = (SELECT id FROM here) AND child = holders.digest
    )
    SELECT name FROM holders
    JOIN tags ON repository_id = (SELECT id FROM here) AND tags.digest = holders.digest
"""
_TAGS = "SELECT name FROM tags WHERE repository_id = ? AND digest = ? LIMIT ?"
_HOLDERS = """
    SELECT parent FROM edges JOIN manifests AS m
        ON m.repository_id = edges.repository_id AND m.digest = parent AND deleted_at IS NULL
    WHERE edges.repository_id = ? AND child = ? LIMIT ?
"""
# Moves of one repository are committed in the order of their numbers, as each locks it; those of
# all are not, where several write at once. Before a move there are fewer greater numbers than so
# many, or its transaction would take longer than it may; so none is looked for further back: there
# may be any number of moves, of one repository, too.
MOST_OVERTAKING = 50_000
_LAST_MOVE = """
    SELECT coalesce(
        (SELECT id FROM tag_history
            WHERE id > newest - :overtaking AND repository_id + 0 = :repository
            ORDER BY id DESC LIMIT 1),
        newest - :overtaking)
    FROM (SELECT coalesce(max(id), 0) AS newest FROM tag_history) AS found
"""
_SET_SINCE = """
    SELECT tag FROM tag_history
    WHERE id > ? AND repository_id + 0 = ? AND digest IS NOT NULL LIMIT ?
"""


def require_deletable(
    connection: SqlConnection,
    repository: RepositoryName,
    digest: Digest,
    immutable: Sequence[ImmutableTags],
) -> int:
    """Refuse at once what would be refused later; a read.

    Returns:
        The number of a move, for `_may_be_deleted`: all of the repository up to it were seen.

    Raises:
        TagImmutable: see `Manifests.delete`.
    """
    repository_id = repositories.find(connection, repository)
    values = {"repository": repository_id, "overtaking": MOST_OVERTAKING}
    (last,) = connection.execute(_LAST_MOVE, values).fetchone()
    leading = connection.execute(_ALL, {"repository": repository, "digest": digest})
    _check(repository, digest, (Tag(tag) for (tag,) in leading), immutable)
    return int(last)


def delete(
    connection: SqlConnection,
    repository: RepositoryName,
    digest: Digest,
    immutable: Sequence[ImmutableTags],
    change: Change,
    seen: int = 0,
    expected_tags: frozenset[Tag] | None = None,
) -> bool | None:
    """Take away some tags of a manifest; if these were all, hide it. False if there is none.

    `None` if there are more tags, or what leads to it has to be read again. Each time the state is
    one that clients could have made.

    Args:
        seen: what `require_deletable` said; nothing is asked of it if no tag is immutable.

    Raises:
        TagImmutable, NotAsExpected: see `Manifests.delete`.
    """
    repository_id = repositories.lock(connection, repository)
    row = connection.execute(
        "SELECT id FROM manifests WHERE repository_id = ? AND digest = ? AND deleted_at IS NULL",
        (repository_id, digest),
    ).fetchone()
    if row is None or repository_id is None:
        return False
    names, are_all = tags.some_of(connection, repository_id, digest)
    require_expected_tags(expected_tags, names)
    _check(repository, digest, names, immutable)
    tags.remove(connection, repository_id, names, digest, change)
    if not are_all:
        return None
    # Once, when none is left but those of what holds it.
    if immutable and not _may_be_deleted(
        connection, repository, repository_id, digest, immutable, seen
    ):
        return None
    connection.execute(
        "UPDATE manifests SET deleted_at = ?, deleted_by = ?, loose_at = NULL WHERE id = ?",
        (change.at, change.actor, row[0]),
    )
    references.mark_orphans(connection, repository_id, digest, change.at)
    repositories.mark_changed(connection, [repository])
    return True


def _may_be_deleted(
    connection: SqlConnection,
    repository: RepositoryName,
    repository_id: int,
    digest: Digest,
    immutable: Sequence[ImmutableTags],
    seen: int,
) -> bool:
    """Whether no immutable tag leads to a manifest; in the transaction that deletes it.

    False if that cannot be told without much work, as such a tag was set since what was seen: then
    it has to be read again.

    Raises:
        TagImmutable: see `Manifests.delete`.
    """
    leading = _few(connection, repository_id, digest)
    if leading is not None:
        _check(repository, digest, leading, immutable)
        return True
    most = batches.MOST_ROWS + 1
    found = connection.execute(_SET_SINCE, (seen, repository_id, most)).fetchall()
    return len(found) < most and not any(
        is_immutable(immutable, repository, Tag(tag)) for (tag,) in found
    )


def _few(connection: SqlConnection, repository_id: int, digest: Digest) -> Sequence[Tag] | None:
    """The tags that lead to a manifest; `None` if more rows than a write changes tell of them."""
    left = batches.MOST_ROWS
    waiting, known, found = [str(digest)], {str(digest)}, list[str]()
    while waiting:
        values = (repository_id, waiting.pop(), left + 1)
        names = [name for (name,) in connection.execute(_TAGS, values)]
        holders = {parent for (parent,) in connection.execute(_HOLDERS, values)}
        left -= len(names) + len(holders)
        if left < 0:
            return None
        found += names
        waiting += holders - known
        known |= holders
    return [Tag(tag) for tag in found]


def require_type(
    connection: SqlConnection,
    repository: RepositoryName,
    manifest: Manifest,
    immutable: Sequence[ImmutableTags],
) -> None:
    """Refuse to store a manifest once more as another type than an immutable tag leads to.

    Where the document itself does not say its type, `Content-Type` does; and by it clients decide
    whether they read a manifest at all.

    Raises:
        TagImmutable: such a tag leads to it; or so much does that nobody looks whether one does.
    """
    repository_id = repositories.find(connection, repository)
    row = connection.execute(
        "SELECT media_type FROM manifests"
        " WHERE repository_id = ? AND digest = ? AND deleted_at IS NULL",
        (repository_id, manifest.digest),
    ).fetchone()
    if repository_id is None or row is None or row[0] == manifest.media_type:
        return
    leading = _few(connection, repository_id, manifest.digest)
    if leading is None or any(is_immutable(immutable, repository, tag) for tag in leading):
        raise TagImmutable(
            f"an immutable tag may lead to this manifest, which is stored as {row[0]}, and would"
            " be another type then; push it as that",
            {"digest": manifest.digest, "mediaType": row[0]},
        )


def _check(
    repository: RepositoryName,
    digest: Digest,
    leading: Iterable[Tag],
    immutable: Sequence[ImmutableTags],
) -> None:
    """Raise `TagImmutable` if an immutable tag would lead nowhere, or to a part of an index."""
    for tag in leading:
        if is_immutable(immutable, repository, tag):
            raise TagImmutable(
                f"the tag {tag} is immutable and leads to this manifest, so it cannot be deleted",
                {"tag": tag, "digest": digest},
            )
