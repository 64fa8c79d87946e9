"""Bodies of large manifests: off the event loop, once for all who ask, and never damaged ones."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lading.core.manifest import Manifest
from lading.databases.sqlite.file import FileDatabase
from lading.metadata.documents import MOST_ANNOTATIONS
from lading.metadata.manifest_rows import CAPACITY, SMALL
from lading.ports.database import Work
from tests.support.contents import HELLO, index
from tests.support.rows import open_metadata, push


def large(mark: str, size: int = SMALL) -> Manifest:
    return index([], annotations={"mark": mark, "fill": "x" * size})


async def test_all_who_ask_at_once_get_the_same_bytes(tmp_path: Path) -> None:
    metadata = open_metadata(tmp_path / "metadata.sqlite3")
    manifest = large("fleet")
    await push(metadata, manifest)

    found = await asyncio.gather(
        *(metadata.manifests.find(HELLO, manifest.digest) for _ in range(50))
    )

    assert {each.body for each in found if each} == {manifest.body}
    assert len({id(each.body) for each in found if each}) == 1
    await metadata.close()


async def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    metadata = open_metadata(tmp_path / "metadata.sqlite3")
    for number in range(4):
        manifest = large(str(number), CAPACITY // 3)
        await push(metadata, manifest)
        await metadata.manifests.find(HELLO, manifest.digest)

    assert sum(map(len, metadata.manifests._large._bodies._things.values())) <= CAPACITY
    await metadata.close()


@pytest.mark.parametrize("damaged", [False, True])
async def test_it_says_whether_the_bytes_are_right(tmp_path: Path, damaged: bool) -> None:
    path = tmp_path / "metadata.sqlite3"
    metadata = open_metadata(path)
    manifest = large("sound")
    await push(metadata, manifest)
    if damaged:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE documents SET body = zeroblob(length(body))")

    for _ in range(2):  # what is wrong is not kept
        found = await metadata.manifests.find(HELLO, manifest.digest)
        assert found is not None
        assert found.checked is not damaged
    await metadata.close()


async def test_many_annotations_are_read_off_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be it one that has them, or all together; and few are read on it, without a thread."""
    metadata = open_metadata(tmp_path / "metadata.sqlite3")
    few, many, large_one = (index([], annotations={"of": name}) for name in ("few", "many", "one"))
    for number in range(3):
        await push(metadata, _about(few, number, 100))
        await push(metadata, _about(many, number, SMALL - 100))
    await push(metadata, _about(large_one, 0, SMALL))
    scans: list[object] = []
    scan = FileDatabase.scan

    async def counted(database: FileDatabase, work: Work[Any]) -> Any:
        scans.append(work)
        return await scan(database, work)

    monkeypatch.setattr(FileDatabase, "scan", counted)
    for subject, count, expected in ((few, 3, 0), (many, 3, 1), (large_one, 1, 2)):
        found = await metadata.manifests.referrers(
            HELLO, subject.digest, artifact_type=None, after="", limit=10, max_size=CAPACITY
        )
        assert len(found.items) == count
        assert len(scans) == expected
    await metadata.close()


@pytest.mark.parametrize("damaged", [False, True])
async def test_many_annotations_are_stored_once_and_listed(tmp_path: Path, damaged: bool) -> None:
    """They are in the body; what is damaged is listed without."""
    path = tmp_path / "metadata.sqlite3"
    metadata = open_metadata(path)
    subject = index([])
    small, big = (_about(subject, 0, size) for size in (100, MOST_ANNOTATIONS))
    await push(metadata, small)
    await push(metadata, big)
    with closing(sqlite3.connect(path)) as connection, connection:
        lengths = connection.execute("SELECT length(annotations) FROM documents").fetchall()
        if damaged:
            connection.execute("UPDATE documents SET body = zeroblob(length(body))")

    found = await metadata.manifests.referrers(
        HELLO, subject.digest, artifact_type=None, after="", limit=10, max_size=CAPACITY
    )

    assert sorted(lengths) == [(0,), (len(small.annotations),)]
    listed = {referrer.digest: referrer.annotations for referrer in found.items}
    expected = b"{}" if damaged else big.annotations
    assert listed == {small.digest: small.annotations, big.digest: expected}
    await metadata.close()


def _about(subject: Manifest, number: int, size: int) -> Manifest:
    return index([], subject=subject, annotations={"number": str(number), "fill": "x" * size})
