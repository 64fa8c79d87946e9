"""Rows of tags, and of their history: every move is recorded."""

from collections.abc import Sequence
from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.names import RepositoryName, Tag
from lading.ports import Change


def point(
    connection: Connection, repository_id: int, tag: Tag, digest: Digest, change: Change
) -> None:
    """Point a tag at a manifest; pushing the same again is no move."""
    row = connection.execute(
        "SELECT digest FROM tags WHERE repository_id = ? AND name = ?", (repository_id, tag)
    ).fetchone()
    previous = None if row is None else row[0]
    if previous == digest:
        return
    connection.execute(
        "INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (repository_id, name)"
        " DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at",
        (repository_id, tag, digest, change.at),
    )
    _record(connection, repository_id, tag, digest, previous, change)


def delete(connection: Connection, repository: RepositoryName, tag: Tag, change: Change) -> bool:
    """Take a tag away; false if there is none."""
    row = connection.execute(
        "DELETE FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)"
        " AND name = ? RETURNING repository_id, digest",
        (repository, tag),
    ).fetchone()
    if row is None:
        return False
    repository_id, previous = row
    _record(connection, repository_id, tag, None, previous, change)
    return True


def remove_all(connection: Connection, repository_id: int, digest: Digest, change: Change) -> None:
    """Take away all tags of a manifest."""
    rows = connection.execute(
        "DELETE FROM tags WHERE repository_id = ? AND digest = ? RETURNING name",
        (repository_id, digest),
    ).fetchall()
    for (tag,) in rows:
        _record(connection, repository_id, Tag(tag), None, digest, change)


def page(
    connection: Connection, repository: RepositoryName, after: str, limit: int
) -> Sequence[str]:
    """Tags greater than `after`, in byte order."""
    rows = connection.execute(
        "SELECT name FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)"
        " AND name > ? ORDER BY name LIMIT ?",
        (repository, after, limit),
    )
    return [name for (name,) in rows]


def _record(
    connection: Connection,
    repository_id: int,
    tag: Tag,
    digest: Digest | None,
    previous: str | None,
    change: Change,
) -> None:
    connection.execute(
        "INSERT INTO tag_history (repository_id, tag, digest, previous, actor, at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (repository_id, tag, digest, previous, change.actor, change.at),
    )
