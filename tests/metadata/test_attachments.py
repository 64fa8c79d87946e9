"""Attachments of images that were gone before the database knew what attachments are."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lading.core.digest import Digest
from lading.core.names import attachments_of
from lading.databases.schema import STEPS
from lading.databases.sqlite.connection import connect

HERE, TRASHED, COLLECTED, MOVED, NEVER = (
    Digest.of(name) for name in (b"here", b"trashed", b"collected", b"moved", b"never")
)


def first_step(path: Path) -> None:
    """A database as the first version made it, with images that stay and some that do not."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STEPS[0])
        connection.execute("INSERT INTO repositories (id, name) VALUES (1, 'hello'), (2, 'other')")
        connection.executemany(
            "INSERT INTO manifests (repository_id, digest, media_type, artifact_type, annotations,"
            " size, pushed_at, promised_at, body, deleted_at)"
            " VALUES (1, ?, '', '', '', 0, 1, 1, x'', ?)",
            [(HERE, None), (MOVED, None), (TRASHED, 2.0)],
        )
        connection.executemany(
            "INSERT INTO tag_history (repository_id, tag, digest, previous, actor, at)"
            " VALUES (1, 'latest', ?, ?, '', 1)",
            [(COLLECTED, None), (HERE, COLLECTED), (MOVED, HERE), (None, MOVED)],
        )
        connection.executemany(
            "INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (?, ?, ?, 1)",
            [
                (repository, tag, HERE)
                for repository in (1, 2)
                for digest in (HERE, TRASHED, COLLECTED, MOVED, NEVER)
                for tag in (*attachments_of(digest), f"{attachments_of(digest)[0]}.other")
            ],
        )
        connection.execute("PRAGMA user_version = 1")
        connection.commit()


def orphans(path: Path) -> Sequence[tuple[int, str]]:
    with closing(connect(path)) as connection:
        connection.migrate()
        return connection.execute("SELECT repository_id, tag FROM orphans ORDER BY tag").fetchall()


def test_they_are_orphans_if_their_image_is_known_to_have_been_there(tmp_path: Path) -> None:
    """In the same repository: it is in the trash, or the history of a tag tells of it."""
    path = tmp_path / "metadata.sqlite3"
    first_step(path)

    expected = sorted([*attachments_of(TRASHED), *attachments_of(COLLECTED)])
    assert orphans(path) == [(1, tag) for tag in expected]
