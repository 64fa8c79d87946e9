"""Pulling: what was pushed, or a word on what is missing."""

import pytest

from lading.core.digest import Digest
from lading.core.errors import (
    BlobDamaged,
    BlobUnknown,
    ManifestDamaged,
    ManifestUnknown,
    RepositoryUnknown,
    StorageFull,
    Unavailable,
)
from lading.core.names import Tag
from lading.metadata.attempts import Attempts
from lading.metadata.manifests import StoredManifest
from lading.services import damage
from lading.services.pull import pull_blob, pull_manifest, stat_blob, stat_manifest
from tests.support.contents import HELLO, OTHER, index
from tests.support.people import People
from tests.support.rows import by_alice


async def test_what_is_missing_is_told(people: People) -> None:
    """An unknown repository is told apart from an unknown manifest in a known one."""
    await people.push(index([]), "latest")
    for ask in (pull_manifest, stat_manifest):
        for reference in (Tag("v1"), Digest.of(b"another")):
            with pytest.raises(ManifestUnknown):
                await ask(people.registry, people.may(), reference)
            with pytest.raises(RepositoryUnknown):
                await ask(people.registry, people.may(OTHER), reference)


async def test_a_deleted_manifest_is_not_served(people: People) -> None:
    """From the moment it was deleted on."""
    digest = await people.push(index([]), "latest")
    await people.delete(digest)
    for ask in (pull_manifest, stat_manifest):
        for reference in (Tag("latest"), digest):
            with pytest.raises(ManifestUnknown):
                await ask(people.registry, people.may(), reference)


async def test_a_blob_whose_bytes_are_lost_is_not_there(people: People) -> None:
    """As far as a pull is concerned; the next push of it makes it whole."""
    digest = await people.push_blob(b"hello")
    await people.blobs.delete([digest])
    with pytest.raises(BlobUnknown):
        await pull_blob(people.registry, people.may(), digest)
    await people.push_blob(b"hello")

    assert (await pull_blob(people.registry, people.may(), digest)).size == 5


async def test_the_size_of_a_blob(people: People) -> None:
    """Is told in the repositories that have it."""
    digest = await people.push_blob(b"hello")

    assert await stat_blob(people.registry, people.may(), digest) == 5
    with pytest.raises(BlobUnknown):
        await stat_blob(people.registry, people.may(OTHER), digest)


async def test_what_is_there_is_told_though_the_promise_cannot_be_written(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk nobody can push what would rely on it, and those who pull ask this, too."""
    image = await people.push(index([]), "latest")
    digest = await people.push_blob(b"hello")

    async def fail(*_: object, **__: object) -> None:
        raise StorageFull

    monkeypatch.setattr(Attempts, "write", fail)
    assert await stat_blob(people.registry, people.may(), digest) == 5
    assert (await stat_manifest(people.registry, people.may(), image)).digest == image


async def test_what_cannot_be_read_is_asked_for_once(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever asks waits twice as long for a database that is away as others do."""
    image = await people.push(index([]), "latest")
    digest = await people.push_blob(b"hello")
    asked: list[str] = []

    async def fail(*_: object, **__: object) -> None:
        asked.append("again")
        raise Unavailable

    monkeypatch.setattr(people.metadata.manifests, "_find", fail)
    with pytest.raises(Unavailable):
        await stat_manifest(people.registry, people.may(), image)
    assert len(asked) == 1
    monkeypatch.setattr(people.metadata.links, "find_placed", fail)
    with pytest.raises(Unavailable):
        await stat_blob(people.registry, people.may(), digest)
    assert len(asked) == 2


async def test_what_a_collection_took_meanwhile_is_unknown_and_not_damaged(people: People) -> None:
    digest = await people.push_blob(b"hello")
    await people.metadata.links.delete(HELLO, digest, change=by_alice(people.now))
    await people.metadata.collection.remove_blobs([digest], now=people.now)
    await people.blobs.delete([digest])
    assert type(await damage.look_again(people.registry, digest)) is BlobUnknown


async def test_what_a_push_healed_meanwhile_is_not_lost(people: People) -> None:
    digest = await people.push_blob(b"hello")
    assert isinstance(await damage.look_again(people.registry, digest), Unavailable)
    assert await stat_blob(people.registry, people.may(), digest) == 5


async def test_what_is_damaged_is_told_though_that_cannot_be_written_down(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = await people.push_blob(b"hello")
    await people.blobs.delete([digest])

    async def fail(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(people.metadata.damage, "lose_blob", fail)
    with pytest.raises(BlobDamaged):
        await pull_blob(people.registry, people.may(), digest)
    with pytest.raises(BlobUnknown):
        await stat_blob(people.registry, people.may(), digest)


async def test_a_damaged_manifest_that_was_pushed_again_meanwhile_is_not_lost(
    people: People,
) -> None:
    digest = await people.push(index([]), "latest")
    damaged = StoredManifest(digest, index([]).media_type, b"what was there before the push")
    told = await damage.note_manifest(people.registry, HELLO, damaged)
    assert isinstance(told, ManifestDamaged)
    assert (await pull_manifest(people.registry, people.may(), digest)).body == index([]).body
