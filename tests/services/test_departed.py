"""What a registry leaves behind when its rows go elsewhere, and its bytes stay where they are."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lading.blobs.stores import Stores
from lading.core.damage import Finding
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.services import collect, verify
from lading.services.verify_blobs import Check
from tests.support.migrating import migrate
from tests.support.people import DAY, People
from tests.support.rows import open_metadata


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[tuple[People, People]]:
    """Two databases beside the same bytes."""
    stores = Stores.in_files(tmp_path / "data")
    old, new = (People(open_metadata(tmp_path / name), stores) for name in ("old", "new"))
    yield old, new
    stores.close()
    for people in (old, new):
        await people.metadata.close()


async def mended(people: People, *, delete_unknown: bool = False) -> list[Finding]:
    """All findings of a check with mending."""
    check = Check(people.registry, checksums=False, repair=True, delete_unknown=delete_unknown)
    return [finding async for finding in verify.run(check)]


async def test_what_was_pushed_to_the_new_place_is_no_garbage_of_the_old_one(
    places: tuple[People, People],
) -> None:
    old, new = places
    await old.push_image(b"one", "latest")
    await migrate(old.registry, new.registry)
    await new.metadata.migrations.serve()
    await new.push_image(b"two", "latest")
    old.now = new.now = time.time() + 2 * DAY

    found = await mended(old)

    assert all("migrated to another place" in finding.advice for finding in found)
    assert len(found) > 1
    assert await new.blobs.hash(Digest.of(b"two"), lambda _: None) == Digest.of(b"two")
    assert await mended(new) == []
    assert all(finding.mended for finding in await mended(old, delete_unknown=True)), "as was told"


async def test_a_collection_that_is_under_way_ends_when_the_registry_departs(
    places: tuple[People, People],
) -> None:
    """What it has found may have been pushed to the new place since."""
    old, new = places
    digest = await old.push_blob(b"one")
    old.now = new.now = time.time() + 2 * DAY
    plan = await collect.plan(old.registry, old.limits())
    await migrate(old.registry, new.registry)
    await new.metadata.migrations.serve()
    await new.push_image(b"one", "latest")

    with pytest.raises(Unavailable, match="migrated to another place"):
        assert [item async for item in collect.run(old.registry, plan)]

    assert await new.blobs.hash(digest, lambda _: None) == digest
    assert await mended(new) == []
