"""Pulls of blobs from PostgreSQL and an object store: how often the database is asked."""

from pathlib import Path

import pytest

from lading.blobs.small_cache import LARGEST
from lading.core.digest import Digest
from lading.core.errors import BlobDamaged, BlobUnknown
from lading.core.names import Tag
from lading.ports.object_sources import Chunks
from lading.services import push_blob
from lading.services.pull import pull_blob, stat_blob, stat_manifest
from tests.support.asked import watched_commands
from tests.support.contents import HELLO, OTHER, fetch, index
from tests.support.object_places import OpenPlace, PlaceInS3
from tests.support.people import People
from tests.support.postgresql import PostgreSQL
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e

# One that is in no cache.
DATA = bytes(LARGEST + 1)
DIGEST = Digest.of(DATA)


@pytest.fixture
def place(s3: S3, tmp_path: Path, postgresql: PostgreSQL) -> PlaceInS3:
    return PlaceInS3(s3, tmp_path, url=postgresql.new_url())


@pytest.fixture
async def people(here: OpenPlace) -> People:
    """Who pull a blob, which was pushed a moment ago."""
    people = People(here.metadata, here.stores)
    await people.push_blob(DATA)
    return people


async def test_a_pull_asks_once_whether_a_blob_is_here_and_where_its_bytes_are(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = watched_commands(monkeypatch)
    pulled = await pull_blob(people.registry, people.may(), DIGEST)
    assert len(asked) == 1
    assert isinstance(pulled.source, Chunks)
    assert await fetch(pulled.source) == DATA
    assert await pulled.source.address(60) is not None
    assert len(asked) == 1


async def test_who_asks_for_a_blob_is_told_by_one_statement(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = watched_commands(monkeypatch)
    assert await stat_blob(people.registry, people.may(), DIGEST) == len(DATA)
    assert len(asked) == 1


async def test_a_promise_is_one_more_statement(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a transaction that the server makes by itself; the next ones need none."""
    manifest = await people.push(index([]), "latest")
    people.now += people.policy.grace
    asked = watched_commands(monkeypatch)
    for commands in (2, 1):
        await stat_blob(people.registry, people.may(), DIGEST)
        assert len(asked) == commands
        del asked[:]
        found = await stat_manifest(people.registry, people.may(), Tag("latest"))
        assert found.digest == manifest
        assert len(asked) == commands
        del asked[:]


async def test_what_is_not_here_is_told_by_one_statement(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = watched_commands(monkeypatch)
    with pytest.raises(BlobUnknown):
        await pull_blob(people.registry, people.may(OTHER), DIGEST)
    assert len(asked) == 1


async def test_a_pull_sees_what_has_become_of_a_blob_since_the_last_one(people: People) -> None:
    """Other objects after it was pushed again, and none after it was deleted."""
    pulled = [await pull_blob(people.registry, people.may(), DIGEST)]
    await people.push_blob(DATA)
    pulled += [await pull_blob(people.registry, people.may(), DIGEST)]
    first, second = (one.source for one in pulled)
    assert isinstance(first, Chunks)
    assert isinstance(second, Chunks)
    assert first.segments != second.segments
    await people.metadata.links.delete(HELLO, DIGEST, change=people.change())
    with pytest.raises(BlobUnknown):
        await pull_blob(people.registry, people.may(), DIGEST)


async def test_a_blob_whose_objects_no_row_names_is_damaged(people: People) -> None:
    """Whoever asks is told so, or is to push it; and mounts nothing."""
    await people.metadata.database.write(
        lambda connection: connection.execute("DELETE FROM objects WHERE digest = ?", (DIGEST,))
    )
    with pytest.raises(BlobDamaged):
        await pull_blob(people.registry, people.may(), DIGEST)
    with pytest.raises(BlobUnknown):
        await stat_blob(people.registry, people.may(), DIGEST)
    assert not await push_blob.mount(
        people.registry, people.may(OTHER), DIGEST, people.may(), change=people.change()
    )
