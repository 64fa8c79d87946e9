"""Rows of tags, and of their history: every move is recorded."""

import math
from collections.abc import Sequence

from lading.core.digest import Digest
from lading.core.errors import TagImmutable
from lading.core.expected import Expected, require_expected
from lading.core.history import Change, TagMove
from lading.core.immutability import ImmutableTags, is_immutable
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, references, repositories
from lading.metadata.noun import looking, reading, writing
from lading.metadata.read_only import if_writable
from lading.metadata.shown import columns, tag_lists
from lading.ports.database import Database, SqlConnection

POINT = """
    INSERT INTO tags (repository_id, name, digest, updated_at)
    VALUES (:repository, :tag, :digest, :at)
    ON CONFLICT (repository_id, name)
    DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at
"""
RECORD = """
    INSERT INTO tag_history (repository_id, tag, digest, previous, actor, at)
    VALUES (:repository, :tag, :digest, :previous, :actor, :at)
"""
# PostgreSQL would go through all moves by their numbers until it finds one of the tag, which may be
# the first of a million; it is told to sort those of the tag, as SQLite has them in order anyway.
_NEWEST_FIRST = "ORDER BY id /*! + 0 */ DESC"
_LAST_MOVE = f"""
    SELECT at, actor, previous, digest FROM tag_history
    WHERE repository_id = ? AND tag = ? AND at <= ? {_NEWEST_FIRST} LIMIT 1
"""
_HISTORY = f"""
    SELECT at, actor, previous, digest FROM tag_history
    WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND tag = ?
    {_NEWEST_FIRST} LIMIT ?
"""
# Tags taken away when a manifest was deleted carry the time of that, by which they are found: of a
# repository there may be any number of moves.
_TAKEN_WITH = """
    SELECT tag FROM tag_history
    WHERE digest IS NULL AND at = ? AND repository_id + 0 = ? AND previous = ? ORDER BY tag
"""
_REMOVE = """
    DELETE FROM tags
    WHERE repository_id = :repository AND name IN (SELECT key FROM json_each(:tags))
"""
_RECORD_REMOVED = """
    INSERT INTO tag_history (repository_id, tag, digest, previous, actor, at)
    SELECT :repository, key, NULL, :digest, :actor, :at FROM json_each(:tags)
"""


def point(
    connection: SqlConnection, repository_id: int, tag: Tag, digest: Digest, change: Change
) -> None:
    """Point a tag at a manifest; pushing the same again is no move."""
    row = connection.execute(
        "SELECT digest FROM tags WHERE repository_id = ? AND name = ?", (repository_id, tag)
    ).fetchone()
    previous = None if row is None else row[0]
    references.unmark_tags(connection, repository_id, [tag])
    if previous == digest:
        return
    values = {"repository": repository_id, "tag": tag, "digest": digest, "previous": previous}
    values |= {"actor": change.actor, "at": change.at}
    connection.execute(POINT, values)
    connection.execute(RECORD, values)
    if previous is not None:
        references.mark_unreferenced(connection, repository_id, Digest(previous), change.at)


def check_movable(
    connection: SqlConnection,
    repository: RepositoryName,
    new_tags: Sequence[Tag],
    digest: Digest,
    immutable: Sequence[ImmutableTags],
) -> None:
    """Raise `TagImmutable` if one of the tags leads to something else, and must not be moved."""
    for tag in new_tags:
        if is_immutable(immutable, repository, tag):
            current = find(connection, repository, tag)
            if current not in {None, digest}:
                raise TagImmutable(
                    f"the tag {tag} is immutable and points to {current}; push another tag",
                    {"tag": tag, "digest": current},
                )


def delete(
    connection: SqlConnection,
    repository: RepositoryName,
    tag: Tag,
    *,
    immutable: Sequence[ImmutableTags],
    expected: Expected | None = None,
    change: Change,
) -> bool:
    """Delete a tag; false if there is none.

    Args:
        expected: what it must point to, if that matters.

    Raises:
        TagImmutable: it is there, and one of `immutable`.
        NotAsExpected: it points to something else, or is not there.
    """
    repository_id = repositories.lock(connection, repository)
    if repository_id is None:
        return False
    current = find(connection, repository, tag)
    require_expected(expected, tag, current)
    if current is None:
        return False
    if is_immutable(immutable, repository, tag):
        raise TagImmutable(f"the tag {tag} is immutable, so it cannot be deleted", {"tag": tag})
    remove(connection, repository_id, [tag], current, change)
    references.mark_unreferenced(connection, repository_id, Digest(current), change.at)
    repositories.mark_changed(connection, [repository])
    return True


def find(connection: SqlConnection, repository: RepositoryName, tag: Tag) -> str | None:
    """The digest that a tag points to."""
    row = connection.execute(
        "SELECT digest FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)"
        " AND name = ?",
        (repository, tag),
    ).fetchone()
    return None if row is None else str(row[0])


def some_of(
    connection: SqlConnection, repository_id: int, digest: Digest
) -> tuple[Sequence[Tag], bool]:
    """Tags of a manifest, as many as a write changes, and whether these are all."""
    rows = connection.execute(
        "SELECT name FROM tags WHERE repository_id = ? AND digest = ? LIMIT ?",
        (repository_id, digest, batches.MOST_ROWS + 1),
    ).fetchall()
    names = [Tag(tag) for (tag,) in rows[: batches.MOST_ROWS]]
    return names, len(rows) == len(names)


def remove(
    connection: SqlConnection,
    repository_id: int,
    names: Sequence[Tag],
    digest: str,
    change: Change,
) -> None:
    """Take away tags of a manifest."""
    if not names:
        return
    values = {"repository": repository_id, "tags": batches.keys(names), "digest": digest}
    connection.execute(_REMOVE, values)
    references.unmark_tags(connection, repository_id, names)
    connection.execute(_RECORD_REMOVED, values | {"actor": change.actor, "at": change.at})


def taken_with(
    connection: SqlConnection, repository_id: int, digest: str, deleted_at: float
) -> list[Tag]:
    """Tags that were taken away when a manifest was deleted."""
    rows = connection.execute(_TAKEN_WITH, (deleted_at, repository_id, digest))
    return [Tag(tag) for (tag,) in rows]


def last_move(
    connection: SqlConnection, repository_id: int, tag: Tag, *, not_after: float = math.inf
) -> TagMove | None:
    """How a tag came to be what it was at a time, or is now."""
    row = connection.execute(_LAST_MOVE, (repository_id, tag, not_after)).fetchone()
    return None if row is None else _move(row)


def history(
    connection: SqlConnection, repository: RepositoryName, tag: Tag, *, limit: int
) -> Sequence[TagMove]:
    """The moves of a tag, the last one first."""
    return [_move(row) for row in connection.execute(_HISTORY, (repository, tag, limit))]


def _move(row: tuple[float, str, str | None, str | None]) -> TagMove:
    at, actor, previous, digest = row
    return TagMove(
        at,
        actor,
        None if previous is None else Digest(previous),
        None if digest is None else Digest(digest),
    )


def page(
    connection: SqlConnection, repository: RepositoryName, *, after: str, limit: int
) -> Sequence[str]:
    """Tags in byte order, from the first one greater than `after`."""
    return columns.names(
        connection,
        "SELECT name FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)"
        " AND name > ? ORDER BY name LIMIT ?",
        (repository, after, limit),
    )


class Tags:
    """Tags, and where they led before."""

    def __init__(self, database: Database) -> None:
        self.page = reading(database, page)
        self.of_repository = looking(database, tag_lists.of_repository)
        self.latest = looking(database, tag_lists.latest)
        self.of_manifest = looking(database, tag_lists.of_manifest)
        self.traces = reading(database, tag_lists.traces)
        self.search = looking(database, tag_lists.search)
        self.delete = writing(database, if_writable(delete))
        self.history = looking(database, history)
