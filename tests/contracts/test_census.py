"""What every `Metadata` promises of its census."""

from lading.core.garbage import Criteria
from lading.databases.schema import STEPS
from lading.metadata.metadata import Metadata
from tests.support.contents import image
from tests.support.rows import add, delete, push

CONFIG, LAYER = b"config", b"layer!"
IMAGE = image(CONFIG, LAYER)
GRACE, TRASH = 100.0, 500.0


def at(now: float, *, untagged: bool = False) -> Criteria:
    """What a collection at a time may take."""
    return Criteria(now, GRACE, now - TRASH, untagged)


async def test_of_an_empty_registry_there_is_nothing(metadata: Metadata) -> None:
    counted = await metadata.census.count(at(1000.0))
    assert (counted.repositories, counted.tags) == (0, 0)
    amounts = (counted.referenced, counted.deleted, counted.linked, counted.lost)
    assert {(amount.number, amount.size) for amount in amounts} == {(0, 0)}
    assert counted.garbage is None


async def test_rows_are_counted_by_what_becomes_of_them(metadata: Metadata) -> None:
    await add(metadata, CONFIG, LAYER)
    await push(metadata, IMAGE, "latest")
    counted = await metadata.census.count(at(1000.0))
    assert (counted.repositories, counted.tags) == (1, 1)
    assert (counted.referenced.number, counted.unreferenced.number) == (1, 0)
    assert (counted.linked.number, counted.linked.size) == (2, len(CONFIG) + len(LAYER))
    assert counted.garbage is None
    await delete(metadata, "latest", at=1)
    counted = await metadata.census.count(at(1000.0))
    assert (counted.referenced.number, counted.unreferenced.number) == (0, 1)
    assert counted.tags == 0


async def test_garbage_is_as_old_as_the_first_of_it_that_a_collection_would_take(
    metadata: Metadata,
) -> None:
    """A link that no manifest uses is garbage when what was promised of it is over."""
    await add(metadata, LAYER)
    assert (await metadata.census.count(at(50.0))).garbage is None
    garbage = (await metadata.census.count(at(1000.0))).garbage
    assert garbage is not None
    assert garbage.since == 0.0
    assert garbage.due_at == GRACE


async def test_what_is_in_the_trash_is_due_when_it_may_leave_it(metadata: Metadata) -> None:
    await add(metadata, CONFIG, LAYER)
    digest = await push(metadata, IMAGE)
    await delete(metadata, digest, at=200.0)
    assert (await metadata.census.count(at(200.0 + TRASH - 1))).garbage is None
    counted = await metadata.census.count(at(200.0 + TRASH + 1))
    assert counted.deleted.number == 1
    assert counted.garbage is not None
    assert (counted.garbage.since, counted.garbage.due_at) == (200.0, 200.0 + TRASH)


async def test_the_tables_say_how_many_steps_have_built_them(metadata: Metadata) -> None:
    assert await metadata.census.schema_version() == len(STEPS)
