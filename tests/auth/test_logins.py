"""The brake for those who guess passwords."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from lading.auth.authenticator import Login, MachineAuthenticator
from lading.auth.brake import SAME_GUESS, Brake
from lading.auth.login_record import STRANGERS_PAUSE, KnownLogins, LoginRecord, OwnRecord, rates_of
from lading.auth.logins import AT_ONCE, MAX_PENDING, Logins
from lading.auth.memory import REMEMBERED
from lading.auth.shared_record import SharedRecord
from lading.core.access import Principal
from lading.core.errors import TooManyRequests, Unavailable
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.metadata import Metadata

RATES = rates_of(5)
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
        return Login(Principal(name), self.password) if good else None

    async def recall(self, name: str) -> Login | None:
        return Login(Principal(name), self.password)


class People:
    """Whoever logs in, at a time that the test sets; five guesses a minute are allowed.

    Args:
        replicas: whether workers share a database, and not the memory of a machine.
    """

    def __init__(self, *, replicas: bool = False) -> None:
        self.now = 0.0
        self.users = Users()
        self.known = KnownLogins()
        self.metadata = Metadata(MemoryDatabase()) if replicas else None
        self.logins = self.worker()

    def worker(self, machines: Sequence[MachineAuthenticator] = ()) -> Logins:
        """Another process, which shares what is known."""
        brake = Brake(self.clock, self.record(), RATES)
        return Logins(self.users, machines, brake, self.clock, self.clock)

    def record(self) -> LoginRecord:
        """What it counts in."""
        if self.metadata is None:
            return OwnRecord(self.clock, self.known, RATES)
        return SharedRecord(
            b"the key of all",
            self.metadata.login_record,
            RATES,
            KnownLogins(),
            self.clock,
            self.clock,
        )

    def clock(self) -> float:
        """What time it is."""
        return self.now

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


@pytest.fixture(params=["workers", "replicas"])
def people(request: pytest.FixtureRequest) -> People:
    return People(replicas=request.param == "replicas")


async def test_a_client_that_guesses_has_to_wait(people: People) -> None:
    """At one account, or at one after the other; then one guess every twelve seconds."""
    assert await people.guess(3) == 3
    assert sum([await people.guess(1, name=f"user{n}") for n in range(9)]) == 2
    with pytest.raises(TooManyRequests) as refused:
        await people.log_in("right", "bob", ELSEWHERE)
    assert refused.value.wait == pytest.approx(12)
    people.now += 12
    assert await people.guess(3) == 1


async def attack(people: People, count: int = 60) -> None:
    """Guess at alice's password from many addresses, until no more of it is checked."""
    for number in range(count):
        await people.guess(1, client=f"203.0.113.{number % 4}")


async def test_an_account_that_is_guessed_at_from_everywhere_is_open_for_who_knows_it(
    people: People,
) -> None:
    """Those who have logged in from there before, and strangers, too."""
    assert await people.log_in("right")
    await attack(people)
    assert await people.log_in("right")
    assert await people.log_in("right", client=ELSEWHERE)
    people.now += 3600
    await attack(people)
    assert not await people.log_in("wrong")
    assert await people.log_in("right")
    assert await people.log_in("right", client="192.0.2.99")


async def test_while_an_account_is_guessed_at_a_stranger_has_one_guess_a_minute(
    people: People,
) -> None:
    """So many addresses together do not get far; and it is for this account alone."""
    assert sum([await people.guess(1, client=f"198.51.100.{n}") for n in range(5)]) == 5
    assert [await people.guess(9, client=f"203.0.113.{n}") for n in range(9)] == [1] * 9
    assert await people.guess(9, client="203.0.113.99", name="bob") == 5
    people.now += STRANGERS_PAUSE / 2
    await attack(people)
    assert await people.guess(9, client="203.0.113.1") == 0
    people.now += STRANGERS_PAUSE
    await attack(people)
    assert await people.guess(9, client="203.0.113.8") == 1


async def test_who_is_known_to_one_worker_is_known_to_all(people: People) -> None:
    """With guesses of their own, and with what was right before."""
    assert await people.log_in("right")
    people.logins = people.worker()
    await attack(people)
    assert [await people.log_in(f"typo {n}") for n in range(4)] == [False] * 4
    people.logins = people.worker()
    await people.guess(20, client=HOME)
    assert await people.log_in("right")


async def test_what_was_right_is_no_answer_to_guesses_from_elsewhere(people: People) -> None:
    """An address that has guessed too often learns nothing, be it right or wrong."""
    assert await people.log_in("right")
    assert await people.guess(9) == 5
    for password in ("right", "wrong"):
        with pytest.raises(TooManyRequests):
            await people.log_in(password, client=ELSEWHERE)


async def test_an_office_behind_one_address_is_not_held_up_by_one_of_its_own(
    people: People,
) -> None:
    """Who has logged in there does so again, with a new password, too."""
    assert await people.log_in("right", client=ELSEWHERE)
    for name in ("bob", "carol", "dora"):
        await people.guess(20, name=name)
    people.users.password = "new"
    assert not await people.log_in("right", client=ELSEWHERE)
    assert await people.log_in("new", client=ELSEWHERE)


async def test_whoever_is_known_is_checked_before_a_crowd_of_strangers(people: People) -> None:
    """Checking takes long; and who was wrong before comes last."""
    assert await people.log_in("right")
    assert not await people.log_in("wrong", client="203.0.113.1")
    order: list[str] = []
    gate = asyncio.Event()

    async def authenticate(name: str, password: str) -> Login | None:
        await gate.wait()
        order.append(password)
        return None

    people.users.authenticate = authenticate  # type: ignore[method-assign]
    asking = [
        asyncio.ensure_future(people.log_in(password, client=client))
        for password, client in (
            *((f"busy {n}", f"198.51.100.{n}") for n in range(AT_ONCE)),
            ("suspect", "203.0.113.1"),
            ("stranger", "203.0.113.2"),
            ("known", HOME),
        )
    ]
    for _ in range(10):  # until each waits for its turn
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*asking)
    assert order[AT_ONCE:] == ["known", "stranger", "suspect"]


async def test_a_crowd_of_strangers_leaves_room_for_who_is_known(people: People) -> None:
    """It is turned away when it is too large; nobody else is."""
    assert await people.log_in("right")
    people.users.password = "new"
    crowd = [
        asyncio.ensure_future(people.log_in("guess", f"user{n}", f"203.0.{n // 200}.{n % 200}"))
        for n in range(3 * MAX_PENDING)
    ]
    await asyncio.sleep(0)
    assert await people.log_in("new")
    results = await asyncio.gather(*crowd, return_exceptions=True)
    refused = sum(isinstance(result, Unavailable) for result in results)
    assert refused == 2 * MAX_PENDING - AT_ONCE


class Machines:
    """Has secrets that nobody can guess."""

    async def authenticate(self, name: str, password: str) -> Login | None:
        return Login(Principal(name), "stamp") if password == "right" else None

    def may_know(self, name: str) -> bool:
        return name == "machine"

    def owns(self, name: str, password: str) -> bool:
        return self.may_know(name)

    async def recall(self, name: str) -> Login | None:
        return None


async def test_secrets_that_cannot_be_guessed_have_no_brake(people: People) -> None:
    """Wrong ones count for nothing: neither for the machine, nor for people at that address."""
    people.logins = people.worker([Machines()])
    assert await people.guess(60, name="machine") == 60
    assert await people.log_in("right", name="machine", client=ELSEWHERE)
    assert await people.log_in("right", client=ELSEWHERE)


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
    logins = Logins(users)
    for _ in range(50):
        assert await logins.log_in("alice", "wrong", HOME) is None
    assert users.checks["wrong"] == 50


async def test_a_good_password_is_checked_once_for_some_minutes(people: People) -> None:
    """Whichever address it comes from: a whole fleet begins so."""
    for number in range(40):
        assert await people.log_in("right", client=f"198.51.100.{number}")
    assert people.users.checks["right"] == 1
    people.now += REMEMBERED
    assert await people.log_in("right")
    assert people.users.checks["right"] == 2


async def test_a_bad_password_is_not_remembered(people: People) -> None:
    """Nor does a good one make a bad one good, or that of somebody else."""
    people.logins = Logins(people.users)
    assert await people.log_in("right")
    for _ in range(2):
        assert not await people.log_in("Right")
    assert not await people.log_in("right", name="carol")
    assert people.users.checks == {"right": 2, "Right": 2}


async def test_a_check_goes_on_if_a_request_is_given_up(people: People) -> None:
    """Docker pushes five layers at once."""
    first = asyncio.create_task(people.log_in("right"))
    others = [asyncio.create_task(people.log_in("right")) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == [True] * 20
    assert people.users.checks["right"] == 1
