"""Connections to SQLite: Python's own, which know their dialect."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lading.core.digest import Digest
from lading.core.names import RepositoryName, Tag, UploadKey
from lading.ports.database import COUNTED
from lading.ports.dialect import Dialect

SQLITE = Dialect(
    now="(julianday('now') - 2440587.5) * 86400.0",
    schema_version="SELECT user_version FROM pragma_user_version",
    takes_changes="SELECT 1",
    all_names="group_concat(name)",
    go_on_numbering="",
)

# Of a subclass of text Python's module first asks how it is to be adapted; where nothing is said it
# makes, and drops, two exceptions for each value of each statement.
for _text in (Digest, RepositoryName, Tag, UploadKey):
    sqlite3.register_adapter(_text, str)


class SqliteConnection(sqlite3.Connection):
    """A connection to SQLite."""

    dialect = SQLITE

    def execute_together(
        self, statements: Mapping[str, str], parameters: Mapping[str, Any], /
    ) -> Mapping[str, Sequence[Any]]:
        """Run statements one after the other: there is no journey to save."""
        returned: dict[str, Sequence[Any]] = {}
        for name, statement in statements.items():
            rows = self.execute(statement, parameters)
            if rows.description is not None:
                returned[name] = [value for (value,) in rows]
            elif statement.endswith(COUNTED):
                returned[name] = range(rows.rowcount)
        return returned


def connect(database: Path | str, *, timeout: float = 5.0, uri: bool = False) -> SqliteConnection:
    """Open a database; a transaction begins where the program says so."""
    return sqlite3.connect(
        database, timeout=timeout, isolation_level=None, factory=SqliteConnection, uri=uri
    )
