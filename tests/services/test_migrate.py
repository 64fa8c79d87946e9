"""Migrating a registry while it is used, and what may come between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lading.blobs.stores import Stores
from lading.core.access import Action
from lading.core.digest import Digest
from lading.core.errors import ReadOnly, Unavailable
from lading.core.globs import Glob
from lading.core.history import Change
from lading.core.robots import Robot
from lading.core.typing import T
from lading.databases.sqlite.file import FileDatabase
from lading.metadata.documents import PIECE
from lading.metadata.metadata import Metadata
from lading.metadata.moving.table_rows import BroughtRows, Row
from lading.metadata.moving.tables import BLOBS, MovedTable
from lading.ports.database import Work
from lading.ports.objects import Upkeep
from lading.services import read_only, robots, unfinished
from lading.services.moving import migrate as migrating
from lading.services.moving.migrate_rows import RowCopies
from lading.services.moving.migration_work import CannotMigrate, Everything, MigrationStep
from tests.support.contents import OTHER, image, path_of
from tests.support.migrating import bytes_of, migrate, rows_of
from tests.support.people import ALICE, DAY, People
from tests.support.progress import Watched
from tests.support.rows import by_alice, open_metadata


class Killed(Exception):
    """The process is dead."""


class Dying(FileDatabase):
    """A database that is gone after so many writes."""

    left = 1_000_000

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        if self.left == 0:
            raise Killed
        self.left -= 1
        return await super().write(work, durable=durable, alone=alone)


@asynccontextmanager
async def registry_in(directory: Path) -> AsyncIterator[People]:
    """A registry whose database and bytes are in a directory."""
    metadata = Metadata(Dying(directory / "db"), read_only_hint=directory / "db.read-only")
    people = People(metadata, Stores.in_files(directory / "data"))
    yield people
    people.stores.close()
    await metadata.close()


# Its body is in pieces.
LARGE = image(b"one", annotations={"x": 3 * PIECE * "x"})


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[People]:
    """A registry with what there may be: images, tags that moved, trash, what is shared."""
    async with registry_in(tmp_path / "origin") as people:
        await fill(people)
        yield people


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[People]:
    """An empty registry."""
    async with registry_in(tmp_path / "target") as people:
        yield people


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make no pause between rounds, and have several pages of few rows."""
    monkeypatch.setattr(migrating, "PAUSE", 0)
    for module in ("lading.metadata.moving.table_rows", "lading.services.moving.migrate_rows"):
        monkeypatch.setattr(f"{module}.PAGE", 3)


async def fill(people: People) -> None:
    await people.push_image(b"one", "latest", shared=b"base")
    await people.push_image(b"two", "latest", "2", shared=b"base")
    await people.push_image(b"three", "3", repository=OTHER, shared=b"base")
    await people.push(LARGE, "large")
    gone = await people.push_image(b"gone", "gone")
    await people.delete(gone.digest)
    await people.push_blob(b"in no image")
    robot = Robot("ci", "hash", (Glob("**"),), frozenset({Action.PULL}), people.now, "alice", None)
    await people.metadata.robots.add(robot)


async def require_same(origin: People, target: People) -> None:
    assert await rows_of(target.metadata) == await rows_of(origin.metadata)
    there = await bytes_of(target)
    assert there == await bytes_of(origin)
    assert all(digest == hashed for digest, hashed in there.items())


async def test_a_push_whose_body_took_longer_than_that_is_refused(origin: People) -> None:
    """It was let in before the registry was read-only; nobody would bring what it pushes."""
    manifest = image(b"one", b"base")
    await read_only.switch_on(origin.registry, ALICE)

    with pytest.raises(ReadOnly):
        await origin.push(manifest, "late")


async def test_a_blob_whose_bytes_took_longer_than_that_is_refused(origin: People) -> None:
    """The same; who was told that it is there would not find it where the registry goes."""
    await read_only.switch_on(origin.registry, ALICE)

    with pytest.raises(ReadOnly):
        await origin.push_blob(b"late")
    assert await origin.metadata.inspection.known_blobs([Digest.of(b"late")]) == []


async def test_all_of_it_goes_along(origin: People, target: People) -> None:
    """Rows as they are, bytes by their digests; and the next push finds its place."""
    progress = Watched()
    migrated = await migrate(origin.registry, target.registry, progress)

    await require_same(origin, target)
    assert migrated.blobs == len(await bytes_of(origin))
    assert migrated.size == (await origin.metadata.inspection.totals()).size
    assert {step for step, _ in progress.begun} == set(MigrationStep)
    assert progress.done == [length for _, length in progress.begun]
    await target.push_image(b"four", "latest")
    assert await target.has("2")


async def test_what_was_left_stays_read_only(origin: People, target: People) -> None:
    """Who goes on pushing there is told so, and an operator who did it."""
    await migrate(origin.registry, target.registry)

    switched = await read_only.find(origin.registry)
    assert switched is not None
    assert switched.actor == "alice, who migrates it to elsewhere"
    assert await read_only.find(target.registry) is None
    assert (await origin.metadata.migrations.find()).has_departed


async def test_pushes_and_deletions_go_on_meanwhile(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is read-only; then what they did is there, too."""
    monkeypatch.setattr(migrating, "PAUSE", 0.1)  # for the collection
    count = 0

    async def use() -> None:
        nonlocal count
        while await read_only.find(origin.registry) is None:
            count += 1
            with suppress(ReadOnly):
                manifest = await origin.push_image(b"%d" % count, f"t{count % 4}", shared=b"base")
                if count % 3 == 0:
                    await origin.delete(manifest.digest)
            if count % 5 == 0:
                origin.now += DAY
                with suppress(Unavailable):  # it is gone before the collection is over
                    await origin.collect(by_hand=True, untagged=True)
            await asyncio.sleep(0)

    using = asyncio.ensure_future(use())
    try:
        await migrate(origin.registry, target.registry)
        await asyncio.wait_for(using, 60)
    finally:
        using.cancel()

    assert count > 1
    await require_same(origin, target)


async def test_a_collection_may_still_go_on_as_the_last_rows_are_compared(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had begun before: a blob may go when the links to it were compared, and not yet blobs."""
    blob = await origin.push_blob(b"soon gone")
    remove_others = RowCopies._remove_others

    async def wrapped(copies: RowCopies, table: MovedTable) -> int:
        if table is BLOBS and await origin.blobs.stat(blob) is not None:
            origin.now += 30 * DAY
            await origin.collect(by_hand=True)
            assert await origin.blobs.stat(blob) is None
        return await remove_others(copies, table)

    monkeypatch.setattr(RowCopies, "_remove_others", wrapped)
    await migrate(origin.registry, target.registry)

    await require_same(origin, target)


Meanwhile = Callable[[], Awaitable[object]]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Meanwhile], None]:
    """Have something happen once, after documents have been brought or their pieces have."""
    bring = RowCopies._bring

    def happen(meanwhile: Meanwhile) -> None:
        async def wrapped(copies: RowCopies, table: MovedTable) -> int:
            count = await bring(copies, table)
            if table.name in {"documents", "document_pieces"}:
                monkeypatch.setattr(RowCopies, "_bring", bring)
                await meanwhile()
            return count

        monkeypatch.setattr(RowCopies, "_bring", wrapped)

    return happen


async def test_a_large_manifest_that_is_pushed_meanwhile_is_not_taken_for_damaged(
    origin: People,
    target: People,
    between: Callable[[Meanwhile], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of its pieces is there when the rows are read, and the others are when they were."""
    write, writes = origin.metadata.database.write, 0
    is_half, may_end = asyncio.Event(), asyncio.Event()

    async def gated(work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        nonlocal writes
        writes += alone
        if alone and writes == 2:
            is_half.set()
            await may_end.wait()
        return await write(work, durable=durable, alone=alone)

    monkeypatch.setattr(origin.metadata.database, "write", gated)
    manifest = image(b"two", annotations={"y": 3 * PIECE * "y"})
    pushing = asyncio.ensure_future(origin.push(manifest, "pushed"))
    await is_half.wait()

    async def end() -> None:
        may_end.set()
        await pushing

    between(end)
    await migrate(origin.registry, target.registry)

    await require_same(origin, target)
    assert await target.has("pushed")


async def test_a_large_manifest_that_is_collected_meanwhile_is_not_taken_for_damaged(
    origin: People, target: People, between: Callable[[Meanwhile], None]
) -> None:
    async def collect() -> None:
        await origin.delete(LARGE.digest)
        origin.now += 30 * DAY
        await origin.collect(by_hand=True, untagged=True)

    between(collect)
    await migrate(origin.registry, target.registry)

    await require_same(origin, target)
    assert not await target.has("large")


@pytest.mark.parametrize("dies", ["origin", "target"])
async def test_a_migration_that_is_killed_goes_on(
    origin: People, target: People, dies: str
) -> None:
    """After whatever it has written last; and what it did before is not done again."""
    database = (origin if dies == "origin" else target).metadata.database
    assert isinstance(database, Dying)
    kills = 0
    while True:
        database.left = kills
        with suppress(Killed):
            await migrate(origin.registry, target.registry)
            break
        database.left = 1_000_000
        # Each of the first writes, and then some of the many.
        kills += 1 + kills // 8
        # Whoever uses the registry does so until it is read-only.
        if await read_only.find(origin.registry) is None:
            await origin.push_image(b"after %d" % kills, "latest", shared=b"base")
        assert kills < 1000

    database.left = 1_000_000
    assert kills > 3
    await require_same(origin, target)
    assert await target.registry.uploads.list_all() == []


async def test_bytes_whose_row_a_killed_migration_did_not_write_go_if_the_blob_has(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, put = await origin.push_blob(b"soon gone"), BroughtRows.put

    async def die(self: BroughtRows, table: MovedTable, rows: Sequence[Row]) -> None:
        if any(row[0] == gone for row in rows):
            raise Killed
        await put(self, table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(BroughtRows, "put", die)
        with pytest.raises(Killed):
            await migrate(origin.registry, target.registry)
    assert await target.blobs.stat(gone) is not None
    origin.now += 30 * DAY
    await origin.collect()
    assert await origin.blobs.stat(gone) is None

    await migrate(origin.registry, target.registry)

    assert await target.blobs.stat(gone) is None
    await require_same(origin, target)


async def test_a_run_that_another_one_has_overtaken_removes_no_blob_of_it(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stood still in its last step: what was collected by then may have come again."""
    gone, end = await origin.push_blob(b"soon gone"), migrating.last_step

    @asynccontextmanager
    async def overtaken(*args: Any) -> AsyncIterator[Change]:
        origin.now += 30 * DAY
        await origin.collect()
        async with end(*args) as change:
            yield change

    async def begin_another(**page: Any) -> Sequence[Digest]:
        await target.metadata.migrations.begin_arrival("registry", "another run", 0.0)
        return await ended_half_way(**page)

    ended_half_way = target.metadata.collection.ended_half_way
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "last_step", overtaken)
        patch.setattr(target.metadata.collection, "ended_half_way", begin_another)
        with pytest.raises((CannotMigrate, Unavailable), match="another migration"):
            await migrate(origin.registry, target.registry)
    assert await target.blobs.stat(gone) is not None


async def test_bytes_of_a_blob_that_is_collected_elsewhere_are_gone_when_the_registry_is_back(
    origin: People, target: People
) -> None:
    """Nobody has to collect before all is well there."""
    gone = await origin.push_blob(b"soon gone")
    await migrate(origin.registry, target.registry)
    target.now += 30 * DAY
    await target.collect()
    assert await origin.blobs.stat(gone) is not None

    await migrate(target.registry, origin.registry)

    assert await origin.blobs.stat(gone) is None
    assert await origin.metadata.collection.ended_half_way(after="", limit=1) == []
    await require_same(target, origin)


async def test_a_migration_that_fails_at_its_end_leaves_it_writable(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless somebody had made it read-only before."""
    monkeypatch.setattr(migrating, "MOST_LAST_ROUNDS", 0)

    with pytest.raises(CannotMigrate, match="changes all the same"):
        await migrate(origin.registry, target.registry)
    assert await read_only.find(origin.registry) is None

    await read_only.switch_on(origin.registry, ALICE)
    with pytest.raises(CannotMigrate):
        await migrate(origin.registry, target.registry)
    switched = await read_only.find(origin.registry)
    assert switched is not None
    assert switched.actor == "alice"


@pytest.mark.parametrize("takes_long", ["switch", "copying"])
async def test_a_migration_that_is_cancelled_at_its_end_leaves_it_writable(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch, takes_long: str
) -> None:
    """Be it that all workers are still to hear of it, or that the rest is copied."""
    switch, is_read_only = origin.metadata.read_only.set, asyncio.Event()

    async def set_switch(change: Change | None) -> None:
        await switch(change)
        is_read_only.set()
        await asyncio.sleep(10 if change and takes_long == "switch" else 0)

    monkeypatch.setattr(origin.metadata.read_only, "set", set_switch)
    if takes_long == "copying":
        monkeypatch.setattr(Everything, "equalise", lambda _: asyncio.sleep(10, 1))
    migrating_it = asyncio.ensure_future(migrate(origin.registry, target.registry))
    await is_read_only.wait()
    await asyncio.sleep(0.05)
    migrating_it.cancel()
    with pytest.raises(asyncio.CancelledError):
        await migrating_it
    assert await read_only.find(origin.registry) is None
    await origin.push_image(b"after", "latest")


async def test_a_registry_that_cannot_be_given_back_is_told_with_what_to_run(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database is gone by then, and so the migration fails, too."""

    async def fail(_: object) -> int:
        database = origin.metadata.database
        assert isinstance(database, Dying)
        database.left = 0
        raise Unavailable("the store is gone")

    monkeypatch.setattr(migrating, "_equalise", fail)
    with pytest.raises(CannotMigrate, match=r"store is gone.*Killed.*`lading read-only off`"):
        await migrate(origin.registry, target.registry)


async def test_what_a_killed_migration_has_left_is_told_if_the_next_one_fails(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not undone: that one may run yet, somewhere else."""
    by = replace(ALICE, name="bob, who migrates it to yesterday's place")
    await read_only.switch_on(origin.registry, by)
    monkeypatch.setattr(migrating, "MOST_LAST_ROUNDS", 0)

    with pytest.raises(CannotMigrate, match=r"by bob, who migrates.*`lading read-only off`"):
        await migrate(origin.registry, target.registry)
    assert await read_only.find(origin.registry) is not None


async def test_a_repeated_migration_copies_nothing(origin: People, target: People) -> None:
    await migrate(origin.registry, target.registry)
    again = await migrate(origin.registry, target.registry)

    assert (again.blobs, again.size) == (0, 0)
    await require_same(origin, target)


async def test_a_registry_comes_back(origin: People, target: People) -> None:
    """To where it was, as long as nothing was done to what stayed there."""
    await migrate(origin.registry, target.registry)
    await target.metadata.migrations.serve()
    later = await target.push_image(b"later", "latest", shared=b"base")
    await target.delete("2")

    back = await migrate(target.registry, origin.registry)

    assert back.blobs == 2
    await require_same(target, origin)
    assert await origin.has(later.digest)
    await origin.push_image(b"at home", "latest")


@pytest.mark.parametrize("killed", [False, True])
async def test_bytes_that_stayed_where_it_was_are_read_before_it_is_there_again(
    origin: People, target: People, killed: bool
) -> None:
    """Nobody has looked after them since; a run that was killed does not take them for right."""
    await migrate(origin.registry, target.registry)
    await target.metadata.migrations.serve()
    path_of(origin.stores, Digest.of(b"base")).write_bytes(b"case")
    path_of(origin.stores, Digest.of(b"one")).unlink()

    database = origin.metadata.database
    assert isinstance(database, Dying)
    for kills in range(1, 40 if killed else 0):
        database.left = kills
        with suppress(Killed):
            await migrate(target.registry, origin.registry)
        database.left = 1_000_000
    await migrate(target.registry, origin.registry)

    await require_same(target, origin)


async def test_a_second_migration_to_the_same_place_ends_the_first(
    origin: People, target: People, between: Callable[[Meanwhile], None]
) -> None:
    """Which might go on when the second has ended, and the registry is served there."""

    async def another() -> None:
        await migrate(origin.registry, target.registry)
        await target.metadata.migrations.serve()
        await target.push_image(b"served there", "latest")

    between(another)
    with pytest.raises((CannotMigrate, Unavailable), match="another migration"):
        await migrate(origin.registry, target.registry)

    assert await read_only.find(origin.registry) is not None
    assert await bytes_of(target) != await bytes_of(origin)
    assert all(digest == hashed for digest, hashed in (await bytes_of(target)).items())


async def test_bytes_that_another_migration_clears_away_before_their_row_are_brought_again(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stood still in its last step takes them for what a killed run has left."""
    put = BroughtRows.put

    async def clear_before(self: BroughtRows, table: MovedTable, rows: Sequence[Row]) -> None:
        if table is BLOBS:
            for commit in await unfinished.find_interrupted(target.registry):
                await unfinished.remove_interrupted(target.registry, commit)
        await put(self, table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(BroughtRows, "put", clear_before)
        with pytest.raises(Unavailable, match="another migration"):
            await migrate(origin.registry, target.registry)
    await migrate(origin.registry, target.registry)

    await require_same(origin, target)


async def test_what_was_changed_since_it_was_left_is_not_overwritten(
    origin: People, target: People
) -> None:
    await migrate(origin.registry, target.registry)
    await target.metadata.migrations.serve()
    await read_only.switch_off(origin.registry)
    await origin.push_image(b"a way of its own", "latest")

    with pytest.raises(CannotMigrate, match="was written to since"):
        await migrate(target.registry, origin.registry)
    with pytest.raises(CannotMigrate, match="was written to since"):
        await migrate(origin.registry, target.registry)


async def test_what_was_restored_is_not_overwritten_before_it_is_served(
    origin: People, target: People
) -> None:
    """Where it came from once has nothing of what was pushed to it since."""
    await migrate(origin.registry, target.registry)
    await target.metadata.migrations.serve()
    await target.push_image(b"pushed since", "latest")
    await target.metadata.strangers.begin_restored(by_alice())
    before = await rows_of(target.metadata)

    with pytest.raises(CannotMigrate, match="was written to since"):
        await migrate(origin.registry, target.registry)

    assert await rows_of(target.metadata) == before


async def test_another_registry_is_not_overwritten(origin: People, target: People) -> None:
    await target.push_image(b"another", "latest")
    before = await rows_of(target.metadata)

    with pytest.raises(CannotMigrate, match="it is not this one"):
        await migrate(origin.registry, target.registry)

    assert await rows_of(target.metadata) == before
    assert await read_only.find(origin.registry) is None


async def test_two_registries_do_not_go_to_one_place(
    origin: People, target: People, tmp_path: Path
) -> None:
    """The first one may have been interrupted."""
    database = target.metadata.database
    assert isinstance(database, Dying)
    database.left = 3
    with pytest.raises(Killed):
        await migrate(origin.registry, target.registry)
    database.left = 1_000_000
    async with registry_in(tmp_path / "other") as other:
        with pytest.raises(CannotMigrate, match="another registry has been on its way"):
            await migrate(other.registry, target.registry)
    with pytest.raises(CannotMigrate, match="is itself not all there"):
        await migrate(target.registry, origin.registry)


async def test_a_place_is_not_migrated_to_itself(origin: People, tmp_path: Path) -> None:
    metadata = open_metadata(tmp_path / "origin" / "db")
    same = People(metadata, origin.stores)

    with pytest.raises(CannotMigrate, match="the same database and the same place"):
        await migrate(origin.registry, same.registry)

    await metadata.close()
    assert await read_only.find(origin.registry) is None


async def test_bytes_alone_go_elsewhere(origin: People, target: People, tmp_path: Path) -> None:
    """The database stays where it is, and says the same."""
    metadata = open_metadata(tmp_path / "origin" / "db")
    arriving = People(metadata, target.stores)
    before = await rows_of(metadata)

    migrated = await migrate(origin.registry, arriving.registry)

    assert migrated.blobs == len(await bytes_of(origin))
    assert await bytes_of(arriving) == await bytes_of(origin)
    assert await rows_of(metadata) == before
    assert await read_only.find(origin.registry) is not None
    await metadata.close()


async def test_bytes_alone_do_not_go_to_another_bucket(
    origin: People, target: People, tmp_path: Path
) -> None:
    """The rows that say where objects are would name the other one, while this one is served."""
    metadata = open_metadata(tmp_path / "origin" / "db")
    arriving = People(metadata, target.stores)
    upkeep = cast("Upkeep", object())  # it is not asked anything

    with pytest.raises(CannotMigrate, match="knows its objects in one bucket"):
        await migrate(
            replace(origin.registry, upkeep=upkeep), replace(arriving.registry, upkeep=upkeep)
        )

    await metadata.close()
    assert await bytes_of(target) == {}
    assert await read_only.find(origin.registry) is None


async def test_rows_alone_go_elsewhere(origin: People, target: People) -> None:
    """Bytes that stay where they are, are hashed there."""
    moved = People(target.metadata, origin.stores)

    migrated = await migrate(origin.registry, moved.registry)

    assert migrated.blobs == 0
    await require_same(origin, moved)


async def test_bytes_that_are_gone_are_told_before_anything_is_read_only(
    origin: People, target: People
) -> None:
    """All else is there by then; once they count as lost, they are no obstacle."""
    base = Digest.of(b"base")
    path_of(origin.stores, base).unlink()

    with pytest.raises(CannotMigrate, match=f"{base} are gone or damaged.*--repair"):
        await migrate(origin.registry, target.registry)
    assert await read_only.find(origin.registry) is None

    await origin.metadata.damage.lose_blob(base, now=origin.now)
    await migrate(origin.registry, target.registry)
    await require_same(origin, target)


async def test_bytes_that_are_wrong_are_told(origin: People, target: People) -> None:
    base = Digest.of(b"base")
    path_of(origin.stores, base).write_bytes(b"case")

    with pytest.raises(CannotMigrate, match=f"{base} are gone or damaged"):
        await migrate(origin.registry, target.registry)
    assert await target.blobs.find(base) is None


async def test_what_was_lost_and_is_pushed_again_comes_along(
    origin: People, target: People
) -> None:
    """Its row is there already, its bytes are not."""
    base = Digest.of(b"base")
    await origin.metadata.damage.lose_blob(base, now=origin.now)
    await migrate(origin.registry, target.registry)
    await read_only.switch_off(origin.registry)
    await origin.push_blob(b"base")

    await migrate(origin.registry, target.registry)

    await require_same(origin, target)
    assert await target.blobs.find(base) is not None


async def test_a_manifest_that_is_damaged_is_told(origin: People, target: People) -> None:
    await origin.metadata.database.write(
        lambda connection: connection.execute("UPDATE documents SET body = CAST('?' AS BLOB)")
    )

    with pytest.raises(CannotMigrate, match="are gone or damaged"):
        await migrate(origin.registry, target.registry)
    assert await read_only.find(origin.registry) is None


async def test_a_store_that_does_not_keep_bytes_is_found_out(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(digest: Digest, on_read: Callable[[int], None]) -> Digest | None:
        return None

    monkeypatch.setattr(target.blobs, "hash", none)

    with pytest.raises(Unavailable, match="does not give back"):
        await migrate(origin.registry, target.registry)


async def test_numbers_that_went_to_other_rows_meanwhile(origin: People, target: People) -> None:
    """SQLite gives the id of the last manifest again once that one is collected."""
    first, second = image(b"one", b"A"), image(b"one", b"B")
    for layer in (b"A", b"B"):
        await origin.push_blob(layer)
    await origin.push(first)
    await origin.push(second)
    await migrate(origin.registry, target.registry)
    await read_only.switch_off(origin.registry)
    for manifest in (first, second):
        await origin.delete(manifest.digest)
    origin.now += 30 * DAY
    await origin.collect(by_hand=True)
    for layer in (b"one", b"A", b"B"):
        await origin.push_blob(layer)
    await origin.push(second, "b")
    await origin.push(first, "a")

    await migrate(origin.registry, target.registry)

    await require_same(origin, target)


async def test_a_login_that_ends_in_the_last_moments_does_not_come_back(
    origin: People, target: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compared by then: it ends a moment later, and is to be ended at both places."""
    refused: list[str] = []
    equalise = RowCopies.equalise

    async def late(copies: RowCopies) -> int:
        count = await equalise(copies)
        for change in (
            robots.revoke(origin.registry, "ci"),
            robots.create(origin.registry, "late", [], frozenset(), by="me", lifetime=None),
        ):
            try:
                await change
            except Unavailable as error:
                refused.append(error.message)
        return count

    everywhere = [Glob("**")]
    pull = frozenset({Action.PULL})
    await robots.create(origin.registry, "ci", everywhere, pull, by="me", lifetime=None)
    monkeypatch.setattr(RowCopies, "equalise", late)
    await migrate(origin.registry, target.registry)

    assert len(refused) >= 2
    assert all("being migrated" in message for message in refused)
    assert await rows_of(origin.metadata) == await rows_of(target.metadata)
    assert await robots.where_else(origin.registry) == "elsewhere"
    assert await robots.revoke(origin.registry, "ci")
    await read_only.switch_off(origin.registry)
    assert await robots.where_else(origin.registry) == ""
