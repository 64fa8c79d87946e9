"""Who sent a request: looked up once, remembered for a while, and forgotten when it changes."""

import asyncio
import math

import pytest

from lading.auth.authenticator import Login, VerifiedToken
from lading.auth.logins import Logins
from lading.auth.memory import REMEMBERED
from lading.core.access import ANYBODY, Action, Principal, Right
from lading.core.globs import EVERYTHING, Glob
from lading.core.names import RepositoryName
from lading.core.permissions import ALL_TO_USERS, EVERYDAY_ACTIONS, Permissions, Rule
from lading.edge import callers as module
from lading.edge.callers import Caller, Callers
from tests.auth.forge import Clock
from tests.edge.requests import basic, request

APP = RepositoryName("team/app")
PULL = frozenset({Action.PULL})


ALICE = basic("alice:secret")


async def find(callers: Callers, header: str) -> Caller | None:
    """Whose header it is, in a request that comes now."""
    return await callers.find(request("GET", "/v2/"), header)


class Place:
    """Knows alice and one token of hers, and counts how often it is asked."""

    def __init__(self) -> None:
        self.login: Login | None = Login(Principal("alice"), "1")
        self.password = "secret"
        self.until = math.inf
        self.asked = 0
        self.clock = Clock()
        logins = Logins(self, clock=self.clock, steady=self.clock)
        self.callers = Callers(logins, self, self.clock, self.clock)

    async def authenticate(self, name: str, password: str) -> Login | None:
        self.asked += 1
        return await self.recall(name) if password == self.password else None

    async def recall(self, name: str) -> Login | None:
        return self.login if name == "alice" else None

    async def verify(self, token: str) -> VerifiedToken | None:
        self.asked += 1
        if token != "good" or self.login is None:
            return None
        right = Right(EVERYTHING, PULL)
        return VerifiedToken(self.login.principal, (right,), False, self.until, self.login)  # noqa: FBT003


@pytest.mark.parametrize("header", [ALICE, "Bearer good"])
async def test_a_good_header_is_looked_up_once(header: str) -> None:
    """For some minutes; then anew."""
    place = Place()
    first = await find(place.callers, header)
    assert first is not None
    for _ in range(40):
        assert await find(place.callers, header) is first
    assert place.asked == 1
    place.clock.now += REMEMBERED
    assert await find(place.callers, header) is not None
    assert place.asked == 2


@pytest.mark.parametrize("header", ["Bearer bad", basic("alice:wrong"), basic("bob:secret"), "x"])
async def test_a_bad_header_is_nobody_s(header: str) -> None:
    """However often it comes, and whoever was let in before."""
    place = Place()
    assert await find(place.callers, ALICE) is not None
    for _ in range(2):
        assert await find(place.callers, header) is None


async def test_a_token_is_not_remembered_beyond_its_end() -> None:
    """Not by a second."""
    place = Place()
    place.until = place.clock.now + 10
    assert await find(place.callers, "Bearer good") is not None
    place.clock.now += 9
    await find(place.callers, "Bearer good")
    assert place.asked == 1
    place.clock.now += 1
    await find(place.callers, "Bearer good")
    assert place.asked == 2


@pytest.mark.parametrize("header", [ALICE, "Bearer good"])
async def test_a_login_that_changes_is_looked_up_anew(header: str) -> None:
    """At once, though no time has passed: other rights, a removed user, a changed password."""
    place = Place()
    assert await find(place.callers, header) is not None
    place.login = Login(Principal("alice", rights=()), "2")
    assert await find(place.callers, header) is not None
    assert place.asked == 2
    place.login = None
    assert await find(place.callers, header) is None
    place.login, place.password = Login(Principal("alice"), "3"), "other"
    assert await find(place.callers, ALICE) is None


async def test_a_login_is_looked_at_once_for_all_that_has_arrived() -> None:
    """And again for what comes after."""
    place, looks = Place(), 0

    def stands() -> bool:
        nonlocal looks
        looks += 1
        return place.login is not None

    place.login = Login(Principal("alice"), "1", stands=stands)
    assert await find(place.callers, ALICE) is not None
    for turn in (1, 2):
        arrived = [request("GET", "/v2/") for _ in range(3)]
        for each in arrived:
            assert await place.callers.find(each, ALICE) is not None
            assert await place.callers.find(each, basic("alice:wrong")) is None
        assert looks == turn
    place.login = None
    assert await find(place.callers, ALICE) is None


async def test_a_look_that_takes_long_counts_for_nobody_who_came_meanwhile() -> None:
    """What it saw may be over by then."""
    place = Place()
    assert await find(place.callers, ALICE) is not None
    seen, go_on = asyncio.Event(), asyncio.Event()

    async def recall(name: str) -> Login | None:
        login = place.login
        if not go_on.is_set():
            seen.set()
            await go_on.wait()
        return login

    place.recall = recall  # type: ignore[method-assign]
    first = asyncio.create_task(find(place.callers, ALICE))
    await seen.wait()
    place.login = None
    second = request("GET", "/v2/")
    await place.callers.find(second, basic("bob:wrong"))
    go_on.set()
    assert await first is not None
    assert await place.callers.find(second, ALICE) is None


async def test_what_a_caller_may_do_follows_the_rules() -> None:
    """Found out once for each repository, until the rules are others."""
    caller = await find(Place().callers, ALICE)
    assert caller is not None
    first = caller.admission(ALL_TO_USERS, APP)
    assert first.grant.actions == EVERYDAY_ACTIONS
    assert caller.admission(ALL_TO_USERS, APP) is first
    rule = Rule((Glob("team/*"),), PULL, users=frozenset({"alice"}))
    assert caller.admission(Permissions((rule,)), APP).grant.actions == PULL
    assert caller.admission(Permissions(()), APP).grant.actions == frozenset()
    for number in range(2 * module.MAX_GRANTS):
        name = RepositoryName(f"other/{number}")
        assert caller.admission(Permissions((rule,)), name).grant.actions == frozenset()
    assert len(caller._admissions) <= module.MAX_GRANTS


async def test_a_token_narrows() -> None:
    """What it is good for, and no more than its user may."""
    caller = await find(Place().callers, "Bearer good")
    assert caller is not None
    assert caller.has_token
    admitted = caller.admission(ALL_TO_USERS, APP)
    assert admitted.grant.actions == PULL
    assert not admitted.access.catalog


async def test_anybody() -> None:
    """Has what the rules give to all."""
    anybody = Place().callers.anybody
    assert anybody.admission(ALL_TO_USERS, APP).grant.actions == frozenset()
    assert not anybody.admission(ALL_TO_USERS, None).access.catalog
    rule = Rule((EVERYTHING,), PULL, anonymous=True)
    admitted = anybody.admission(Permissions((rule,)), APP)
    assert admitted.grant.actions == PULL
    assert admitted.grant.principal == ANYBODY
    assert admitted.access.catalog


async def test_what_is_remembered_is_so_of_one_address() -> None:
    """From any other, every guess has to pass the brake."""
    place = Place()
    for address, asked in (("192.0.2.1", 1), ("192.0.2.1", 1), ("192.0.2.2", 2)):
        coming = request("GET", "/v2/")
        coming.address = address
        assert await place.callers.find(coming, "Bearer good") is not None
        assert place.asked == asked


async def test_nothing_remembered_tells_a_secret() -> None:
    """Hashes, with a key that no other process has."""
    one, two = Place().callers, Place().callers
    for callers in (one, two):
        await find(callers, ALICE)
        await find(callers, "Bearer good")
    some, others = (set(callers._memory._entries._things) for callers in (one, two))
    assert len(some) == 2
    assert some.isdisjoint(others)
    assert b"secret" not in b"".join(some)
