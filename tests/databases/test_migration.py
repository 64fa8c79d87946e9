"""Migration of a database file: what fails says why."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lading.databases.sqlite.connection import connect


def test_that_there_is_no_room_is_said(tmp_path: Path) -> None:
    """And not that there is nothing to undo, as SQLite has done that by itself."""
    with closing(connect(tmp_path / "new.sqlite3")) as connection:
        connection.execute("PRAGMA max_page_count = 4")

        with pytest.raises(sqlite3.OperationalError, match="database or disk is full"):
            connection.migrate()

        assert not connection.in_transaction
