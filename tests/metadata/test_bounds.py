"""What one read or one transaction does is bounded, whatever is asked for and is there."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from lading.core.errors import ManifestBlobUnknown
from lading.metadata import manifests
from lading.metadata.database import FileDatabase
from lading.metadata.sqlite import FEW_EDGES, SqliteMetadata
from lading.metadata.writer import Work
from tests.support.contents import HELLO, image, index
from tests.support.rows import add, by_alice, delete, push

T = TypeVar("T")
NO_LIMIT = 10**9


class Watched(FileDatabase):
    """A database that counts transactions."""

    writes = 0

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        self.writes += 1
        return await super().write(work, durable=durable, alone=alone)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Watched]:
    """A database in a file."""
    opened = Watched(tmp_path / "db")
    yield opened
    opened.close()


@pytest.fixture
def metadata(database: Watched) -> SqliteMetadata:
    """What is in that database."""
    return SqliteMetadata(database, None)


async def test_many_blobs_that_are_missing_are_found_without_a_transaction(
    database: Watched, metadata: SqliteMetadata
) -> None:
    """For which others would wait. A few are looked for in it, which is as quick."""
    for count, writes in ((FEW_EDGES - 1, 1), (FEW_EDGES, 0)):
        database.writes = 0
        layers = [b"%d" % number for number in range(count)]
        with pytest.raises(ManifestBlobUnknown):
            await push(metadata, image(b"config", *layers))
        assert database.writes == writes


async def test_what_happens_to_large_manifests_costs_no_more_than_for_small_ones(
    metadata: SqliteMetadata, tmp_path: Path
) -> None:
    """To be asked for, listed, tagged, deleted, restored: none of that writes their bytes again."""
    await add(metadata, b"config", to=HELLO)
    large = [image(b"config", annotations={"x": c * 1024 * 1024}) for c in "abcdefgh"]
    for manifest in large:
        await push(metadata, manifest, "first")
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    for manifest in large:
        assert await metadata.promise_manifest(HELLO, manifest.digest, now=1e6, grace=1.0)
    await push(metadata, index(large), "all")
    for manifest in large:
        await push(metadata, manifest, "second")
        await delete(metadata, manifest.digest)
        await metadata.restore_manifest(HELLO, manifest.digest, change=by_alice())

    assert (tmp_path / "db-wal").stat().st_size < 1024 * 1024


async def test_only_so_many_referrers_are_looked_at_in_one_read(
    metadata: SqliteMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be they shown or not; the next read goes on where that one ended."""
    monkeypatch.setattr(manifests, "MAX_LOOKED_AT", 3)
    await add(metadata, b"config")
    subject = image(b"config")
    kinds = {
        await push(
            metadata,
            image(b"config", subject=subject, artifact_type=kind, annotations={"n": str(number)}),
        ): kind
        for number in range(4)
        for kind in ("application/a", "application/b")
    }
    found, after = [], ""
    for _ in range(3):
        some = await metadata.list_referrers(
            HELLO,
            subject.digest,
            artifact_type="application/a",
            after=after,
            limit=100,
            max_size=NO_LIMIT,
        )
        found += [referrer.digest for referrer in some.items]
        after = some.last or ""

    assert after == ""
    assert found == sorted(digest for digest, kind in kinds.items() if kind == "application/a")
