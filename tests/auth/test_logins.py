"""The brake for those who guess passwords."""

import asyncio
from collections import Counter

import pytest

from lading.auth.authenticator import Authenticators, Login
from lading.auth.logins import SAME_GUESS, Brake, Logins
from lading.core.access import Principal
from lading.core.errors import TooManyRequests, Unavailable

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.1"


class Users:
    """Alice and Bob, with the same password; counts what it is asked."""

    def __init__(self) -> None:
        self.checks: Counter[str] = Counter()
        self.fails = False
        self.password = "right"

    async def authenticate(self, name: str, password: str) -> Login | None:
        self.checks[password] += 1
        await asyncio.sleep(0)
        if self.fails:
            raise Unavailable
        good = name in {"alice", "bob"} and password == self.password
        return Login(Principal(name), "stamp") if good else None

    def may_know(self, name: str) -> bool:
        return True

    async def recall(self, name: str) -> Login | None:
        return Login(Principal(name), "stamp")


class People:
    """Whoever logs in, at a time that the test sets; five guesses a minute are allowed."""

    def __init__(self) -> None:
        self.now = 0.0
        self.users = Users()
        self.logins = Logins(Authenticators([self.users]), Brake(5, lambda: self.now))

    async def log_in(self, password: str, name: str = "alice", client: str = HOME) -> bool:
        return await self.logins.log_in(name, password, client) is not None

    async def guess(self, count: int, name: str = "alice", client: str = ELSEWHERE) -> int:
        """Try different passwords; how many were checked."""
        checked = 0
        for number in range(count):
            try:
                assert not await self.log_in(f"{self.now} {number}", name, client)
                checked += 1
            except TooManyRequests:
                pass
        return checked


@pytest.fixture
def people() -> People:
    return People()


async def test_a_client_that_guesses_has_to_wait(people: People) -> None:
    """At one account, or at one after the other; then one guess every twelve seconds."""
    assert await people.guess(3) == 3
    assert sum([await people.guess(1, name=f"user{n}") for n in range(9)]) == 2
    with pytest.raises(TooManyRequests) as refused:
        await people.log_in("right", "bob", ELSEWHERE)
    assert refused.value.wait == pytest.approx(12)
    people.now += 12
    assert await people.guess(3) == 1


async def test_an_account_that_is_guessed_at_from_everywhere_is_closed_for_strangers(
    people: People,
) -> None:
    """Those who have logged in to it before come in as ever, with a new password too."""
    assert await people.log_in("right")
    assert sum([await people.guess(1, client=f"203.0.113.{n}") for n in range(9)]) == 5
    with pytest.raises(TooManyRequests):
        await people.log_in("right", client="203.0.113.99")
    assert await people.log_in("right")
    people.now += 3600
    assert sum([await people.guess(1, client=f"203.0.113.{n}") for n in range(9)]) == 5
    assert not await people.log_in("wrong")
    assert await people.log_in("right")


async def test_a_login_that_succeeded_passes_whatever_the_client_does(people: People) -> None:
    """A build server is not locked out by the one with an old password beside it."""
    assert await people.log_in("right", client=ELSEWHERE)
    assert await people.guess(9, name="bob") == 5
    assert await people.log_in("right", client=ELSEWHERE)


async def test_the_same_wrong_password_is_one_guess(people: People) -> None:
    """And is checked once, for some seconds; so a login that is tried in two ways costs one."""
    for _ in range(50):
        assert not await people.log_in("old")
    assert people.users.checks["old"] == 1
    people.now += SAME_GUESS
    assert not await people.log_in("old")
    assert people.users.checks["old"] == 2
    assert await people.guess(9, client=HOME) == 3


async def test_guesses_at_the_same_time_are_counted_before_they_are_checked(
    people: People,
) -> None:
    """Otherwise all of them would get through before the first has failed."""
    results = await asyncio.gather(
        *(people.log_in(f"guess {n}") for n in range(50)), return_exceptions=True
    )
    assert sum(isinstance(result, TooManyRequests) for result in results) == 45
    assert people.users.checks.total() == 5


async def test_many_requests_with_one_good_password_are_no_guesses(people: People) -> None:
    """A push of many layers begins so."""
    assert all(await asyncio.gather(*(people.log_in("right") for _ in range(50))))
    assert people.users.checks["right"] == 1
    assert await people.guess(9, client=HOME) == 5


async def test_what_could_not_be_checked_is_no_guess(people: People) -> None:
    """The client is told to come again, and does."""
    people.users.fails = True
    for _ in range(50):
        with pytest.raises(Unavailable):
            await people.log_in("right")
    people.users.fails = False
    assert await people.log_in("right")


async def test_a_password_that_was_changed_is_wrong_at_once(people: People) -> None:
    """That it was good is no reason to let it pass."""
    assert await people.log_in("right")
    people.users.password = "new"
    assert not await people.log_in("right")


async def test_without_a_brake_everything_is_checked() -> None:
    """`limits.failedlogins: 0`."""
    users = Users()
    logins = Logins(Authenticators([users]))
    for _ in range(50):
        assert await logins.log_in("alice", "wrong", HOME) is None
    assert users.checks["wrong"] == 50
