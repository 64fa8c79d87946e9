"""To which database a folder of an object store belongs."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from lading.blobs.s3 import ownership
from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.ownership import OWNER
from lading.core.errors import Unavailable
from lading.metadata import badges
from lading.ports.database import SqlConnection
from lading.ports.objects import READING, ForeignObjects, StoredObject
from lading.services import read_only
from tests.support.contents import fetch, store
from tests.support.object_places import Clock, OpenPlace, PlaceInS3
from tests.support.people import People
from tests.support.rows import by_alice
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e


class Held:
    """A call of a store that is held up before it is made."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._call = getattr(store, name)
        self.has_come, self.may_go = asyncio.Event(), asyncio.Event()
        setattr(store, name, self)

    async def __call__(self, *args: object) -> object:
        self.has_come.set()
        await self.may_go.wait()
        return await self._call(*args)


def ignore_conditions(one: OpenPlace) -> None:
    """Have its store put what is only to be put if it is the first."""
    one.store.put_first = one.store.put  # type: ignore[method-assign]


@pytest.fixture
def other(s3: S3, tmp_path: Path, place: PlaceInS3) -> PlaceInS3:
    """The same folder, with another database."""
    return PlaceInS3(s3, tmp_path / "other", folder=place.folder)


async def test_of_many_who_begin_in_a_folder_at_once_it_is_one_s(
    s3: S3, tmp_path: Path, place: PlaceInS3
) -> None:
    """All replicas of that one may use it; what they do not know is safe from the others."""
    folder = place.folder
    opened = [PlaceInS3(s3, tmp_path / str(n), folder=folder).open() for n in range(6)]
    outcomes = await asyncio.gather(
        *(one.upkeep.require_own() for one in opened), return_exceptions=True
    )
    (owner,) = [one for one, said in zip(opened, outcomes, strict=True) if said is None]
    assert {type(said) for said in outcomes} == {ForeignObjects, type(None)}
    digest = await store(owner.stores, b"of the owner")
    (stray,) = [StoredObject(key, 1, 0.0) for key in await owner.keys() if "/" in key][:1]
    for one in opened:
        if one is not owner:
            with pytest.raises(ForeignObjects):
                await one.upkeep.require_own()
            with pytest.raises(Unavailable, match="nothing was removed"):
                await one.upkeep.remove([stray])
    assert await fetch(await owner.stores.blobs.find(digest)) == b"of the owner"
    for one in opened:
        one.close()


async def test_who_comes_second_to_an_empty_folder_is_refused_by_the_store(
    here: OpenPlace, other: PlaceInS3
) -> None:
    """And has left nothing there: both had found it empty."""
    with other.opened() as stranger:
        taking = Held(stranger.store, "put_first")
        second = asyncio.ensure_future(stranger.upkeep.require_own())
        await taking.has_come.wait()
        await here.upkeep.require_own()
        taking.may_go.set()
        with pytest.raises(ForeignObjects):
            await second
    assert await here.all_keys() == await here.metadata.objects.badges()
    await here.upkeep.require_own()


async def test_replicas_of_one_database_begin_in_a_folder_together(
    here: OpenPlace, there: OpenPlace
) -> None:
    await asyncio.gather(here.upkeep.require_own(), there.upkeep.require_own())
    await there.upkeep.require_own()
    assert await here.all_keys() == await here.metadata.objects.badges()


async def test_a_replica_may_take_the_folder_while_another_one_asks_whose_it_is(
    here: OpenPlace, there: OpenPlace
) -> None:
    asking = Held(there.store, "content")
    second = asyncio.ensure_future(there.upkeep.require_own())
    await asking.has_come.wait()
    await here.upkeep.require_own()
    asking.may_go.set()
    await second


async def test_where_the_store_ignores_the_condition_the_second_one_is_found_all_the_same(
    here: OpenPlace, other: PlaceInS3
) -> None:
    """The first one may be named no more, and deletes nothing of which it is not sure."""
    with other.opened() as stranger:
        ignore_conditions(stranger)
        taking = Held(stranger.store, "put_first")
        second = asyncio.ensure_future(stranger.upkeep.require_own())
        await taking.has_come.wait()
        await here.upkeep.require_own()
        taking.may_go.set()
        with pytest.raises(ForeignObjects, match="the store has let both"):
            await second
    await here.store.put("objects/00/stray", b"whose?")
    with pytest.raises(Unavailable, match="nothing was removed"):
        await here.upkeep.remove([StoredObject("objects/00/stray", 6, 0.0)])
    await here.store.delete([OWNER])  # as the message says
    await here.upkeep.require_own()


async def test_where_the_store_ignores_the_condition_who_was_named_first_looks_for_badges(
    here: OpenPlace, other: PlaceInS3
) -> None:
    """It has read its own name as the owner's, and another one has put theirs there since."""
    with other.opened() as stranger:
        ignore_conditions(here)
        ignore_conditions(stranger)
        taking, ending = Held(here.store, "put_first"), Held(stranger.store, "put")
        first = asyncio.ensure_future(stranger.upkeep.require_own())
        second = asyncio.ensure_future(here.upkeep.require_own())
        await asyncio.gather(taking.has_come.wait(), ending.has_come.wait())
        taking.may_go.set()
        await second
        digest = await store(here.stores, b"of the second")
        ending.may_go.set()
        with pytest.raises(ForeignObjects, match="the store has let both"):
            await first
        (key,) = [segment.key for segment in await here.metadata.objects.find(digest)]
        with pytest.raises(Unavailable, match="nothing was removed"):
            await stranger.upkeep.remove([StoredObject(key, 13, 0.0)])
    assert await fetch(await here.stores.blobs.find(digest)) == b"of the second"


async def test_a_store_that_knows_no_conditions_is_asked_without_one(
    s3: S3, here: OpenPlace
) -> None:
    s3.proxy.fail("PUT", "501")
    await here.upkeep.require_own()
    (badge,) = await here.metadata.objects.badges()
    assert await here.store.content(OWNER) == badge.encode()


async def test_an_answer_that_was_lost_leaves_the_folder_to_who_asked(
    s3: S3, here: OpenPlace
) -> None:
    """The second try finds that there is an owner: it is the same."""
    s3.proxy.fail("PUT", "lost answer")
    await here.upkeep.require_own()
    await here.upkeep.require_own()


async def test_a_folder_whose_owner_has_changed_is_not_cleared(here: OpenPlace) -> None:
    """What the database does not know may be another one's by then."""
    await here.upkeep.require_own()
    await here.store.put("objects/00/stray", b"whose?")
    await here.store.put(OWNER, b"somebody else")
    with pytest.raises(Unavailable, match="nothing was removed"):
        await here.upkeep.remove([StoredObject("objects/00/stray", 6, 0.0)])
    assert "objects/00/stray" in await here.keys()


async def test_what_nothing_needs_stays_in_a_folder_whose_owner_has_changed(
    here: OpenPlace, clock: Clock
) -> None:
    """As where the database was restored: that one may need what this one has collected."""
    await here.upkeep.require_own()
    await here.stores.blobs.delete([await store(here.stores, b"needed there")])
    await here.store.put(OWNER, b"somebody else")
    clock.ahead += 2 * READING
    with pytest.raises(Unavailable, match="nothing was removed"):
        await here.stores.uploads.tidy(clock())
    assert len(await here.keys()) == 1


async def test_a_folder_with_objects_of_others_is_refused(
    s3: S3, tmp_path: Path, place: PlaceInS3, here: OpenPlace
) -> None:
    """A database that is new, or another, would take them for garbage."""
    await here.upkeep.require_own()
    await here.upkeep.require_own()
    await store(here.stores, b"hello")
    other = PlaceInS3(s3, tmp_path / "other", folder=place.folder)
    with other.opened() as stranger, pytest.raises(ForeignObjects, match="rootdirectory"):
        await stranger.upkeep.require_own()

    fresh = PlaceInS3(s3, tmp_path / "fresh")
    with fresh.opened() as one:
        await one.upkeep.require_own()
    await here.upkeep.require_own()


async def test_who_begins_beside_images_of_distribution_is_told_once(
    here: OpenPlace, caplog: pytest.LogCaptureFixture
) -> None:
    await here.store.put("docker/registry/v2/repositories/app/_manifests/tags/1/current/link", b"")
    await here.upkeep.require_own()
    await here.upkeep.require_own()

    assert caplog.text.count("lading cp") == 1


async def test_a_database_knows_its_folder_by_any_object(here: OpenPlace) -> None:
    """Those that are there for that may be lost as any other."""
    await here.upkeep.require_own()
    (badge,) = await here.all_keys()
    await store(here.stores, b"hello")
    await here.store.delete([badge, OWNER])

    await here.upkeep.require_own()

    assert badge in await here.all_keys()
    assert await here.store.content(OWNER) == badge.encode()


async def test_a_folder_that_has_lost_its_owner_is_not_taken_by_another_one(
    here: OpenPlace, other: PlaceInS3
) -> None:
    await here.upkeep.require_own()
    await here.store.delete([OWNER])
    with other.opened() as stranger, pytest.raises(ForeignObjects, match="rootdirectory"):
        await stranger.upkeep.require_own()


async def test_another_one_s_badge_is_found_on_any_page(
    here: OpenPlace, other: PlaceInS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the database knows most of what is there, and all of the first pages."""
    monkeypatch.setattr("lading.blobs.s3.object_store.PAGE", 2)
    await here.upkeep.require_own()
    for number in range(4):
        await store(here.stores, b"of this one %d" % number)
    with other.opened() as stranger:
        key = await stranger.metadata.objects.set_badge("objects/zz/last", 0.0)
        await stranger.store.put(key, ownership.BADGE)
    await here.store.delete([OWNER])
    with pytest.raises(ForeignObjects, match="rootdirectory"):
        await here.upkeep.require_own()


async def test_objects_beyond_the_first_page_tell_that_the_folder_is_its_own(
    here: OpenPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of them are unknown to a database that was restored to how it was before."""
    monkeypatch.setattr("lading.blobs.s3.object_store.PAGE", 2)
    await here.upkeep.require_own()
    (badge,) = await here.metadata.objects.badges()
    await store(here.stores, b"hello")
    for number in range(5):
        await here.store.put(f"objects/00/{number}", b"pushed since")
    await here.store.delete([OWNER, badge])
    await here.upkeep.require_own()


@pytest.fixture
async def moved(here: OpenPlace, other: PlaceInS3) -> AsyncIterator[OpenPlace]:
    """The folder with the database to which the registry was migrated, with its rows alone."""
    await here.upkeep.require_own()
    (badge,) = await here.metadata.objects.badges()
    with other.opened() as one:
        await one.metadata.objects.set_badge(badge, 1.0)
        migrations = one.metadata.migrations
        await migrations.begin_arrival("registry", "run", 1.0)
        await migrations.end_arrival("run", 2.0)
        await here.metadata.migrations.depart(by_alice())
        yield one


@pytest.mark.parametrize("first", ["here", "moved"])
async def test_of_a_registry_that_moved_the_first_place_that_goes_on_has_the_objects(
    here: OpenPlace, moved: OpenPlace, first: str
) -> None:
    """What only one of the two databases knows would be garbage for the other one."""
    owner, late = (here, moved) if first == "here" else (moved, here)
    await late.upkeep.require_own()
    await owner.upkeep.take_own()
    await owner.upkeep.take_own()
    digest = await store(owner.stores, b"of the owner")

    with pytest.raises(ForeignObjects, match="names the badge of another database"):
        await late.upkeep.take_own()
    (key,) = [segment.key for segment in await owner.metadata.objects.find(digest)]
    with pytest.raises(Unavailable, match="nothing was removed"):
        await late.upkeep.remove([StoredObject(key, 12, 0.0)])
    assert await fetch(await owner.stores.blobs.find(digest)) == b"of the owner"
    assert len(await owner.metadata.objects.badges()) == 1


async def test_a_registry_that_has_moved_stays_read_only_where_it_was(
    here: OpenPlace, moved: OpenPlace
) -> None:
    """Once it is served at its new place; until then it can be switched back, and the other not."""
    people = People(here.metadata, here.stores)
    await moved.upkeep.take_own()
    with pytest.raises(Unavailable, match="stays read-only"):
        await read_only.switch_off(people.registry)
    assert await read_only.find(people.registry) is not None


async def test_a_registry_that_is_switched_back_before_it_is_served_elsewhere_has_its_objects(
    here: OpenPlace, moved: OpenPlace
) -> None:
    people = People(here.metadata, here.stores)
    await read_only.switch_off(people.registry)
    assert await read_only.find(people.registry) is None
    await here.upkeep.require_own()
    with pytest.raises(ForeignObjects):
        await moved.upkeep.take_own()


async def test_replicas_that_go_on_at_once_take_the_folder_together(
    moved: OpenPlace, other: PlaceInS3
) -> None:
    with other.opened() as second, other.opened() as third:
        replicas = [moved, second, third]
        await asyncio.gather(*(one.upkeep.take_own() for one in replicas))
        for one in replicas:
            await one.upkeep.take_own()
    assert len(await moved.metadata.objects.badges()) == 1


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_who_is_killed_while_it_takes_the_folder_goes_on(
    here: OpenPlace, moved: OpenPlace, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the badge, before the owner, and before its rows say so."""

    async def die(*_: object) -> None:
        raise RuntimeError("killed")

    put = moved.store.put
    puts: list[str] = []

    async def count(key: str, data: bytes) -> None:
        if len(puts) == after:
            await die()
        puts.append(key)
        await put(key, data)

    with monkeypatch.context() as dying:
        dying.setattr(moved.store, "put", count)
        if after == 2:
            dying.setattr(moved.metadata.objects, "end_taking", die)
        with pytest.raises(RuntimeError, match="killed"):
            await moved.upkeep.take_own()
    await moved.upkeep.take_own()
    await moved.upkeep.require_own()
    assert len(await moved.metadata.objects.badges()) == 1
    with pytest.raises(ForeignObjects):
        await here.upkeep.take_own()


async def test_a_database_with_two_badges_keeps_the_one_that_the_folder_knows(
    here: OpenPlace,
) -> None:
    """Whichever it is: the newest counts where there is no owner."""
    await here.upkeep.require_own()
    (badge,) = await here.metadata.objects.badges()
    for later in (0.5, 4e9):
        await here.metadata.database.write(partial(add_badge, f"objects/00/{later}", later))
        assert len(await here.metadata.objects.badges()) == 2
        await here.upkeep.require_own()
        assert await here.metadata.objects.badges() == [badge]

    await here.metadata.database.write(partial(add_badge, "objects/00/newest", 4e9))
    await here.store.delete([OWNER])
    await here.upkeep.require_own()
    assert await here.store.content(OWNER) == b"objects/00/newest"
    await here.upkeep.require_own()
    assert await here.metadata.objects.badges() == ["objects/00/newest"]


def add_badge(key: str, at: float, connection: SqlConnection) -> None:
    connection.execute(badges._ADD, (key, at, badges._BADGE))


async def test_badges_of_others_are_named_and_what_to_do_about_them(
    here: OpenPlace, other: PlaceInS3
) -> None:
    """Once they are deleted, as is said, the folder is its own again."""
    await here.upkeep.require_own()
    with other.opened() as stranger:
        key = await stranger.metadata.objects.set_badge("objects/zz/other", 0.0)
        await stranger.store.put(key, ownership.BADGE)
    await here.store.put(OWNER, key.encode())
    with pytest.raises(ForeignObjects, match=f"`{key}`.*delete `{OWNER}` and that badge"):
        await here.upkeep.require_own()

    await here.store.delete([OWNER])
    with pytest.raises(ForeignObjects, match=f"badges of other databases: {key}"):
        await here.upkeep.require_own()

    await here.store.delete([key])
    await here.upkeep.require_own()
