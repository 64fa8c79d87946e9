"""Tags that lead to a manifest: they point to it, or to an index that holds it.

While one of them is immutable, the manifest cannot be deleted. There may be any number of them, and
of indexes between; so they are looked for in a read, which holds up nobody. The transaction that
deletes looks for itself, as far as that is little work, and else at what was set since that read.
"""

from collections.abc import Iterable, Sequence

from lading.core.digest import Digest
from lading.core.errors import TagImmutable
from lading.core.immutability import ImmutableTags, is_immutable
from lading.core.manifest import Manifest
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, repositories
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
        The number of a move, for `may_be_deleted`: all of the repository up to it were seen.

    Raises:
        TagImmutable: see `Manifests.delete`.
    """
    repository_id = repositories.find(connection, repository)
    values = {"repository": repository_id, "overtaking": MOST_OVERTAKING}
    (last,) = connection.execute(_LAST_MOVE, values).fetchone()
    leading = connection.execute(_ALL, {"repository": repository, "digest": digest})
    check(repository, digest, (Tag(tag) for (tag,) in leading), immutable)
    return int(last)


def may_be_deleted(
    connection: SqlConnection,
    repository: RepositoryName,
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
    repository_id = repositories.find(connection, repository)
    assert repository_id is not None
    leading = _few(connection, repository_id, digest)
    if leading is not None:
        check(repository, digest, leading, immutable)
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


def check(
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
