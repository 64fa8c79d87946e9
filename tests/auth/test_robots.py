"""Robots: logins of programs."""

import pytest

from lading.auth.robots import RobotLogins
from lading.blobs.stores import Stores
from lading.core.access import Action
from lading.core.errors import Unavailable
from lading.core.globs import Glob
from lading.core.robots import Robot
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata
from lading.services import robots
from tests.support.people import People

NOW = 1_000_000.0


class Operators(People):
    """Those who make robots for a registry, at a time that the test sets."""

    def __init__(self) -> None:
        super().__init__(Metadata(MemoryDatabase()), Stores.in_memory(), NOW)
        self.logins = RobotLogins(self.metadata.robots, lambda: self.now)

    async def create(self, name: str = "ci", expires_at: float | None = NOW + 100) -> str:
        """Make a robot; its password."""
        made = await robots.create(
            self.registry,
            name,
            [Glob("team/**")],
            frozenset({Action.PUSH}),
            by="root@host",
            lifetime=None if expires_at is None else expires_at - self.now,
        )
        assert made is not None
        return made[1]


@pytest.fixture
async def people() -> Operators:
    return Operators()


async def test_a_robot_logs_in_with_its_rights(people: Operators) -> None:
    """With a push comes a pull."""
    password = await people.create()
    login = await people.logins.authenticate("robot+ci", password)
    assert login is not None
    assert login.principal.name == "robot+ci"
    (right,) = login.principal.rights or ()
    assert right.pattern == Glob("team/**")
    assert right.actions == frozenset({Action.PULL, Action.PUSH})
    assert await people.logins.recall("robot+ci") == login


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("robot+ci", ""),
        ("robot+ci", "lading_"),
        ("robot+ci", "{}x"),
        ("ci", "{}"),
        ("robot+", "{}"),
        ("robot+other", "{}"),
        ("robot+robot+ci", "{}"),
        ("Robot+ci", "{}"),
    ],
)
async def test_what_is_wrong_does_not_log_in(people: Operators, name: str, password: str) -> None:
    good = await people.create()
    await people.create("other")
    assert await people.logins.authenticate(name, password.format(good)) is None


async def test_a_hash_is_no_password(people: Operators) -> None:
    """Whoever reads the database cannot log in; and no password is in it."""
    password = await people.create()
    robot = await people.metadata.robots.find("ci")
    assert robot is not None
    assert await people.logins.authenticate("robot+ci", robot.hash) is None
    assert password not in repr(robot)


async def test_passwords_differ(people: Operators) -> None:
    assert len({await people.create(f"ci{number}") for number in range(50)}) == 50


async def test_a_robot_ends(people: Operators) -> None:
    """By itself, or when it is removed; a login that was had before ends with it."""
    password = await people.create()
    for_ever = await people.create("ever", expires_at=None)
    people.now = NOW + 99
    assert await people.logins.authenticate("robot+ci", password)
    people.now = NOW + 100
    assert await people.logins.authenticate("robot+ci", password) is None
    assert await people.logins.recall("robot+ci") is None
    people.now = NOW * 10
    assert await people.logins.authenticate("robot+ever", for_ever)
    await people.metadata.robots.remove("ever")
    assert await people.logins.authenticate("robot+ever", for_ever) is None
    assert await people.logins.recall("robot+ever") is None


async def test_one_that_is_made_again_is_another(people: Operators) -> None:
    """What was issued to the old one is not good for the new one."""
    password = await people.create()
    old = await people.logins.recall("robot+ci")
    await people.metadata.robots.remove("ci")
    await people.create()
    new = await people.logins.recall("robot+ci")
    assert old is not None
    assert new is not None
    assert new.stamp != old.stamp
    assert await people.logins.authenticate("robot+ci", password) is None


async def test_the_last_use_is_written_down_later(people: Operators) -> None:
    """Not with each request, but before the end; only a use counts, not an attempt."""
    password = await people.create()
    await people.logins.authenticate("robot+ci", "wrong")
    await people.logins.write_down()
    assert await used_at(people) is None
    people.now += 10
    await people.logins.authenticate("robot+ci", password)
    assert await used_at(people) is None
    await people.logins.write_down()
    assert await used_at(people) == NOW + 10


async def test_a_use_that_cannot_be_written_down_is_remembered(
    people: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it can."""
    await people.logins.authenticate("robot+ci", await people.create())

    async def fail(_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(people.metadata.robots, "note_used", fail)
        with pytest.raises(Unavailable):
            await people.logins.write_down()
    await people.logins.write_down()
    assert await used_at(people) == NOW


async def used_at(people: Operators) -> float | None:
    robot = await people.metadata.robots.find("ci")
    assert robot is not None
    return robot.used_at


@pytest.mark.parametrize("name", ["", "a b", "a+b", "-a", "a" * 65, "ä", "a\n"])
async def test_what_is_no_name(people: Operators, name: str) -> None:
    with pytest.raises(ValueError, match="write up to 64"):
        await people.create(name)


async def test_where_a_read_takes_long_a_robot_is_looked_at_once_in_a_while(
    people: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is revoked is out after so long, and one that is new is in at once."""
    seconds = 0.0
    logins = RobotLogins(
        people.metadata.robots, lambda: people.now, staleness=1.0, steady=lambda: seconds
    )
    assert await logins.recall("robot+ci") is None
    password = await people.create()
    assert await logins.authenticate("robot+ci", password) is not None
    find, reads = people.metadata.robots.find, []

    async def counted(name: str) -> Robot | None:
        reads.append(name)
        return await find(name)

    monkeypatch.setattr(people.metadata.robots, "find", counted, raising=False)
    seconds = 0.9
    assert await logins.recall("robot+ci") is not None
    assert not reads
    await people.metadata.robots.remove("ci")
    seconds = 1.0
    assert await logins.recall("robot+ci") is None
    assert await logins.recall("robot+ci") is None
    assert len(reads) == 2


@pytest.mark.parametrize("name", ["robot+a\x00b", "robot+", "robot+" + "a" * 100_000])
async def test_what_no_robot_can_be_called_is_not_looked_for(people: Operators, name: str) -> None:
    """PostgreSQL refuses to look for a text with NUL in it."""
    await people.metadata.close()
    assert await people.logins.authenticate(name, "lading_x") is None
    assert await people.logins.recall(name) is None
    assert await robots.revoke(people.registry, name.removeprefix("robot+")) is False
