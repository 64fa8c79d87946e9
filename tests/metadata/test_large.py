"""Bodies of large manifests: off the event loop, once for all who ask, and never damaged ones."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lading.core.manifest import Manifest
from lading.metadata.large import CAPACITY, SMALL
from lading.metadata.sqlite import SqliteMetadata
from tests.support.contents import HELLO, index
from tests.support.rows import push


def large(mark: str, size: int = SMALL) -> Manifest:
    return index([], annotations={"mark": mark, "fill": "x" * size})


async def test_all_who_ask_at_once_get_the_same_bytes(tmp_path: Path) -> None:
    metadata = SqliteMetadata.open(tmp_path / "metadata.sqlite3")
    manifest = large("fleet")
    await push(metadata, manifest)

    found = await asyncio.gather(
        *(metadata.find_manifest(HELLO, manifest.digest) for _ in range(50))
    )

    assert {each.body for each in found if each} == {manifest.body}
    assert len({id(each.body) for each in found if each}) == 1
    await metadata.close()


async def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    metadata = SqliteMetadata.open(tmp_path / "metadata.sqlite3")
    for number in range(4):
        manifest = large(str(number), CAPACITY // 3)
        await push(metadata, manifest)
        await metadata.find_manifest(HELLO, manifest.digest)

    assert sum(map(len, metadata._large._bodies.values())) <= CAPACITY
    await metadata.close()


@pytest.mark.parametrize("damaged", [False, True])
async def test_it_says_whether_the_bytes_are_right(tmp_path: Path, damaged: bool) -> None:
    path = tmp_path / "metadata.sqlite3"
    metadata = SqliteMetadata.open(path)
    manifest = large("sound")
    await push(metadata, manifest)
    if damaged:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE documents SET body = zeroblob(length(body))")

    for _ in range(2):  # what is wrong is not kept
        found = await metadata.find_manifest(HELLO, manifest.digest)
        assert found is not None
        assert found.checked is not damaged
    await metadata.close()
