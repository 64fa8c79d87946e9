"""The file that tells whether the read-only switch has to be looked at."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lading.core.errors import Unavailable
from lading.metadata.sqlite import SqliteMetadata
from tests.support.rows import by_alice


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "metadata.sqlite3"


@pytest.fixture
async def metadata(path: Path) -> AsyncIterator[SqliteMetadata]:
    """An open database."""
    metadata = SqliteMetadata.open(path)
    yield metadata
    await metadata.close()


def hint(path: Path) -> Path:
    """The file beside the database."""
    return path.with_name("metadata.sqlite3.read-only")


async def test_all_processes_see_it_at_once(metadata: SqliteMetadata, path: Path) -> None:
    """As often as it is switched; the first one who does is told."""
    other = SqliteMetadata.open(path)
    for at in (1.0, 2.0):
        assert await other.find_read_only() is None
        await metadata.set_read_only(by_alice(at))
        await other.set_read_only(by_alice(at + 0.5))
        assert await other.find_read_only() == await metadata.find_read_only() == by_alice(at)
        await metadata.set_read_only(None)
        assert await metadata.find_read_only() is None
        assert await other.find_read_only() is None
    await other.close()


async def test_nobody_reads_a_row_that_cannot_be_there(
    metadata: SqliteMetadata, path: Path
) -> None:
    """The file is gone when it is off."""
    assert not hint(path).exists()
    await metadata.set_read_only(by_alice())
    assert hint(path).exists()
    await metadata.set_read_only(None)
    assert not hint(path).exists()


async def test_a_file_that_a_crash_left_does_not_count(
    metadata: SqliteMetadata, path: Path
) -> None:
    """The row is what counts."""
    hint(path).touch()
    assert await metadata.find_read_only() is None
    await metadata.set_read_only(None)
    assert not hint(path).exists()


async def test_a_database_that_comes_without_the_file_gets_it(
    metadata: SqliteMetadata, path: Path
) -> None:
    """From a backup, or after a power cut."""
    await metadata.set_read_only(by_alice())
    hint(path).unlink()

    again = SqliteMetadata.open(path)

    assert await again.find_read_only() == await metadata.find_read_only() == by_alice()
    await again.close()


async def test_it_holds_where_the_file_cannot_be_made(
    metadata: SqliteMetadata, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the row is read; and nobody is told that it was switched on when it was not."""
    await metadata.set_read_only(by_alice())
    hint(path).unlink()

    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as broken:
        broken.setattr(Path, "touch", full)
        again = SqliteMetadata.open(path)
        assert await again.find_read_only() == by_alice()
        with pytest.raises(Unavailable, match="No space left"):
            await metadata.set_read_only(by_alice(2))
    await again.close()
