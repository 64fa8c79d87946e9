"""The contents of a registry's stores, read while it runs: to see that nothing has changed."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Contents:
    """All contents of a registry's stores.

    Attributes:
        files: blobs and uploads, each with the hash of its bytes.
        rows: the database, as the statements that would make it again.
    """

    files: Mapping[str, str]
    rows: Sequence[str]


def contents(root: Path) -> Contents:
    """The contents of the stores below `root` now.

    Locks are left out, as they are empty, and leases of jobs, which the server renews by itself.
    """
    found = [
        path
        for directory in (root / "docker", root / "lading" / "uploads")
        for path in directory.rglob("*")
        if path.is_file()
    ]
    files = {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found
    }
    database = root / "lading" / "metadata.sqlite3"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = [row for row in connection.iterdump() if not row.startswith('INSERT INTO "jobs"')]
        return Contents(files, rows)
