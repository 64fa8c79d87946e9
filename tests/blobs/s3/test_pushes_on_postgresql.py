"""Pushes of small blobs to PostgreSQL and an object store: how often the database is asked."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lading.core.digest import Digest
from lading.core.errors import DigestMismatch, UploadOutOfOrder
from lading.core.names import UploadId, UploadKey
from lading.databases.postgresql.transactions import PostgresqlConnection
from lading.services import push_blob
from lading.services.chunks import Chunk
from tests.support.asked import watched_commands
from tests.support.contents import HELLO, fetch
from tests.support.object_places import OpenPlace, PlaceInS3
from tests.support.people import People, pieces
from tests.support.postgresql import PostgreSQL
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e

DATA = b"a blob"
DIGEST = Digest.of(DATA)


@pytest.fixture
def place(s3: S3, tmp_path: Path, postgresql: PostgreSQL) -> PlaceInS3:
    return PlaceInS3(s3, tmp_path, url=postgresql.new_url())


@pytest.fixture
async def people(here: OpenPlace) -> People:
    """Who push, into a repository that has something already."""
    people = People(here.metadata, here.stores)
    await people.push_blob(b"first")
    return people


@pytest.fixture
def asked(people: People, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands that were sent to PostgreSQL, each of which is waited for."""
    del people  # which has pushed by now
    return watched_commands(monkeypatch)


def break_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each fail when all its changes were made, before the transaction ends."""
    execute_together = PostgresqlConnection.execute_together

    def fail(
        self: PostgresqlConnection, statements: Mapping[str, str], values: Mapping[str, Any]
    ) -> Mapping[str, Sequence[Any]]:
        returned = execute_together(self, statements, values)
        if "committed" in statements:
            raise RuntimeError
        return returned

    monkeypatch.setattr(PostgresqlConnection, "execute_together", fail)


async def push(people: People) -> None:
    """By a POST, a PATCH and a PUT, as Docker does."""
    registry, grant = people.registry, people.may()
    upload = await push_blob.start(registry, grant)
    await push_blob.append(registry, grant, upload, Chunk(pieces(DATA), length=len(DATA)))
    last = Chunk(pieces(b""), length=0)
    await push_blob.commit(registry, grant, upload, DIGEST, last, change=people.change())


async def test_a_small_blob_is_pushed_in_three_transactions(
    people: People, asked: list[str]
) -> None:
    """It begins; its bytes are saved; it becomes a blob. Nothing is left to do.

    Two of them are a statement each.
    """
    await push(people)
    assert sum(command.startswith("BEGIN") for command in asked) == 1
    assert len(asked) <= 5
    del asked[:]
    await people.uploads.list_all()
    assert not any("DELETE" in command for command in asked)
    assert await people.metadata.links.find(HELLO, DIGEST) == len(DATA)


@pytest.mark.parametrize("length", [len(DATA), None])
async def test_a_small_blob_that_comes_with_its_digest_is_pushed_in_two_transactions(
    people: People, asked: list[str], length: int | None
) -> None:
    """It begins; and it becomes a blob, unless the registry is read-only by then."""
    upload = await push_blob.start(people.registry, people.may())
    chunk = Chunk(pieces(DATA), length=length)
    await push_blob.commit(
        people.registry, people.may(), upload, DIGEST, chunk, change=people.change()
    )
    assert sum(command.startswith("BEGIN") for command in asked) == 1
    assert len(asked) <= 4
    assert await people.metadata.links.find(HELLO, DIGEST) == len(DATA)


async def test_larger_blobs_are_pushed_in_four_transactions(
    people: People, asked: list[str]
) -> None:
    """It begins; it is taken, and saved; it becomes a blob."""
    data = bytes(people.uploads.small + 1)
    upload = await push_blob.start(people.registry, people.may())
    chunk = Chunk(pieces(data), length=len(data))
    await push_blob.append(people.registry, people.may(), upload, chunk)
    await _commit(people, upload, Digest.of(data))
    assert len(asked) <= 6
    assert await people.metadata.links.find(HELLO, Digest.of(data)) == len(data)


@pytest.mark.parametrize("data", [b"a", b"x" * 100_000])
async def test_more_bytes_and_then_a_digest_are_a_blob(people: People, data: bytes) -> None:
    """Whether what comes first is opened or not; each as an object of its own."""
    upload = await push_blob.start(people.registry, people.may())
    for part in (data, b"b"):
        chunk = Chunk(pieces(part), length=len(part))
        await push_blob.append(people.registry, people.may(), upload, chunk)
    digest = Digest.of(data + b"bc")
    await push_blob.commit(
        people.registry,
        people.may(),
        upload,
        digest,
        Chunk(pieces(b"c"), length=1),
        change=people.change(),
    )
    assert await people.metadata.links.find(HELLO, digest) == len(data) + 2
    found = await people.registry.blobs.find(digest)
    assert found is not None
    assert await fetch(found) == data + b"bc"


async def test_a_digest_that_somebody_has_locked_is_waited_for(people: People) -> None:
    """And so it is without a thread that waits."""
    async with people.locks.lock(DIGEST):
        pushing = asyncio.create_task(push(people))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pushing), 1.0)
        assert not pushing.done()
        assert await people.metadata.links.find(HELLO, DIGEST) is None
    await pushing
    assert await people.metadata.links.find(HELLO, DIGEST) == len(DATA)


async def test_a_blob_that_cannot_be_made_known_leaves_its_upload_as_it_was(
    people: People, here: OpenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its objects are still those of the upload, which the client commits again."""
    registry, grant = people.registry, people.may()
    upload = await push_blob.start(registry, grant)

    async def commit(data: bytes) -> None:
        chunk = Chunk(pieces(data), length=len(data))
        await push_blob.commit(registry, grant, upload, DIGEST, chunk, change=people.change())

    with monkeypatch.context() as broken:
        break_commits(broken)
        with pytest.raises(RuntimeError):
            await commit(DATA)
    assert await here.metadata.objects.find(DIGEST) == []
    assert await push_blob.status(registry, grant, upload) == 0
    await commit(DATA)
    assert await people.metadata.links.find(HELLO, DIGEST) == len(DATA)


async def _complete(people: People) -> UploadId:
    upload = await push_blob.start(people.registry, people.may())
    chunk = Chunk(pieces(DATA), length=len(DATA))
    await push_blob.append(people.registry, people.may(), upload, chunk)
    return upload


async def _commit(people: People, upload: UploadId, digest: Digest) -> None:
    nothing_more, change = Chunk(pieces(b""), length=0), people.change()
    await push_blob.commit(
        people.registry, people.may(), upload, digest, nothing_more, change=change
    )


async def test_a_complete_upload_stays_as_it_was_whatever_its_commit_fails_by(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a wrong digest, or half-way; it is committed after that, and once more."""
    upload = await _complete(people)

    with pytest.raises(DigestMismatch):
        await _commit(people, upload, Digest.of(b"another"))
    with monkeypatch.context() as broken:
        break_commits(broken)
        with pytest.raises(RuntimeError):
            await _commit(people, upload, DIGEST)
    assert await people.metadata.links.find(HELLO, DIGEST) is None
    assert await push_blob.status(people.registry, people.may(), upload) == len(DATA)
    for _ in range(2):
        await _commit(people, upload, DIGEST)
    assert await people.metadata.links.find(HELLO, DIGEST) == len(DATA)


async def test_an_upload_that_somebody_writes_to_is_not_committed(people: People) -> None:
    upload = await _complete(people)
    async with people.uploads.stage(UploadKey.of(HELLO, upload)):
        with pytest.raises(UploadOutOfOrder):
            await _commit(people, upload, DIGEST)
    assert await people.metadata.links.find(HELLO, DIGEST) is None
    await _commit(people, upload, DIGEST)


async def test_an_upload_without_bytes_is_committed_as_an_empty_blob(people: People) -> None:
    upload = await push_blob.start(people.registry, people.may())
    await _commit(people, upload, Digest.of(b""))
    assert await people.metadata.links.find(HELLO, Digest.of(b"")) == 0
