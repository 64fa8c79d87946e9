"""Connections to SQLite."""

import sqlite3
from uuid import UUID

import pytest

from lading.core.digest import Digest
from lading.core.names import Owner, RepositoryName, Tag, UploadId, UploadKey
from lading.databases.sqlite import connection

REPOSITORY = RepositoryName("team/app")
UPLOAD = UploadId.of(UUID(int=1), Owner.of("user ada"))


@pytest.mark.parametrize(
    "name", [Digest.of(b""), REPOSITORY, Tag("latest"), UploadKey.of(REPOSITORY, UPLOAD)], ids=type
)
def test_names_are_adapted_at_once(name: str) -> None:
    """Each is known to be plain text; else Python would first look for ways to adapt it."""
    with connection.connect(":memory:") as opened:
        assert opened.execute("SELECT ?", (name,)).fetchone() == (name,)
    assert type(sqlite3.adapt(name, sqlite3.PrepareProtocol)) is str
