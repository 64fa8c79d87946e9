"""The contents of a registry's stores, read while it runs: to see that nothing has changed."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_WRITTEN_BY_ITSELF = ("jobs", "figures", "growth", "samples", "pulls", "refusals")


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

    Locks are left out, as they are empty, and what the server writes by itself at any time: leases
    of jobs, what it counts, and notes of pulls and refusals.
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
    opened = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    with closing(opened) as connection, closing(sqlite3.connect(":memory:")) as copy:
        connection.backup(copy)
        for table in _WRITTEN_BY_ITSELF:
            copy.execute(f"DELETE FROM {table}")
        copy.execute("UPDATE repositories SET recount = 0")
        return Contents(files, list(copy.iterdump()))
