"""`Robots`: logins of programs."""

from collections.abc import Callable
from dataclasses import replace

from lading.core.access import Action
from lading.core.globs import Glob
from lading.core.robots import Robot
from lading.metadata.metadata import Metadata

CI = Robot(
    name="ci",
    hash="h1",
    repositories=(Glob("team/**"), Glob("tools")),
    actions=frozenset({Action.PULL, Action.PUSH}),
    created_at=1000.0,
    created_by="root@host",
    expires_at=2000.0,
)
MIRROR = replace(CI, name="Mirror", hash="h2", expires_at=None, actions=frozenset({Action.PULL}))


async def test_a_robot_is_found_as_it_was_added(metadata: Metadata) -> None:
    assert await metadata.robots.find("ci") is None
    assert await metadata.robots.add(CI)
    found = await metadata.robots.find("ci")
    assert found == CI
    assert found is not None
    assert found.repositories[0].matches("team/app")
    assert await metadata.robots.find("CI") is None


async def test_a_name_is_taken_until_it_is_free_again(metadata: Metadata) -> None:
    """The one that has it stays as it is."""
    await metadata.robots.add(CI)
    other = replace(CI, hash="h3")
    assert not await metadata.robots.add(other)
    assert await metadata.robots.find("ci") == CI
    assert await metadata.robots.remove("ci")
    assert not await metadata.robots.remove("ci")
    assert await metadata.robots.find("ci") is None
    assert await metadata.robots.add(other)
    assert await metadata.robots.find("ci") == other


async def test_robots_are_listed_by_name(metadata: Metadata) -> None:
    assert await metadata.robots.all() == []
    for robot in (CI, MIRROR):
        await metadata.robots.add(robot)
    assert await metadata.robots.all() == [MIRROR, CI]


async def test_the_last_use_is_the_latest_that_anybody_saw(
    open_metadata: Callable[[], Metadata],
) -> None:
    """Workers write down what they saw, late; a robot that is gone is passed over."""
    one, two = open_metadata(), open_metadata()
    await one.robots.add(CI)
    await one.robots.note_used({"ci": 1500.0, "gone": 1500.0})
    await two.robots.note_used({"ci": 1400.0})
    assert await one.robots.find("ci") == replace(CI, used_at=1500.0)
    assert [robot.name for robot in await two.robots.all()] == ["ci"]
    await one.close()
    if two is not one:
        await two.close()
