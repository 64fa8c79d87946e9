"""The record of logins that all replicas have together."""

import itertools
from typing import TypeVar

import pytest

from lading.auth.brake import GOOD_CLIENT, GOOD_LOGIN, Brake
from lading.auth.login_record import KnownLogins, rates_of
from lading.auth.shared_record import SharedRecord, shared_key
from lading.core.clocks import SLACK
from lading.core.errors import TooManyRequests, Unavailable
from lading.databases.sqlite.memory import MemoryDatabase
from lading.metadata.logins.secrets import SecretRow
from lading.metadata.metadata import Metadata
from lading.ports.database import Work

T = TypeVar("T")

RATES = rates_of(3)
HOME = "192.0.2.1"
YEARS = 10 * 365 * 24 * 3600.0
_numbers = itertools.count()


class Failing(MemoryDatabase):
    """A database that can be away, and counts what is written."""

    is_away = False
    writes = 0

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        if self.is_away:
            raise Unavailable
        self.writes += 1
        return await super().write(work, durable=durable, alone=alone)


class Replicas:
    """A database, and replicas of which each has memory of its own."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.database = Failing()
        self.metadata = Metadata(self.database)

    def replica(self, boot: float = 0.0) -> SharedRecord:
        """One more replica, whose machine started at that time."""
        return SharedRecord(
            b"the key of all",
            self.metadata.login_record,
            RATES,
            KnownLogins(),
            clock=lambda: self.now,
            steady=lambda: self.now - boot,
        )

    def brake(self, record: SharedRecord) -> Brake:
        return Brake(lambda: self.now, record, RATES)

    def rows(self, table: str) -> int:
        (count,) = self.database._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)


@pytest.fixture
def replicas() -> Replicas:
    return Replicas()


async def guess(brake: Brake, count: int, client: str) -> int:
    """Try different passwords at alice's; how many were checked."""
    checked = 0
    for _ in range(count):
        try:
            tried = await brake.begin(client, "alice", f"{next(_numbers)}")
        except TooManyRequests:
            continue
        assert tried is not None
        brake.failed(tried)
        checked += 1
    return checked


async def test_a_guesser_has_as_many_tries_at_all_replicas_as_at_one(replicas: Replicas) -> None:
    """However they take turns."""
    brakes = [replicas.brake(replicas.replica(boot)) for boot in (0.0, 5e5)]
    assert sum([await guess(brakes[number % 2], 1, HOME) for number in range(9)]) <= 3
    replicas.now += 20
    assert sum([await guess(brake, 5, HOME) for brake in brakes]) == 1


async def test_who_was_right_at_one_replica_is_known_at_the_others(replicas: Replicas) -> None:
    """For as long as it is anywhere, whatever their clocks count from."""
    one, two = replicas.replica(0.0), replicas.replica(9e5)
    login = one.fingerprint(HOME, "alice", "right")
    assert login == two.fingerprint(HOME, "alice", "right")
    assert not await two.known(login)
    await one.remember({login: GOOD_LOGIN})
    assert await two.known(login)
    replicas.now += GOOD_LOGIN - 1
    assert await one.known(login)
    assert await two.known(login)
    replicas.now += 1
    assert not await one.known(login)
    assert not await two.known(login)


async def test_what_is_known_is_not_written_each_time(replicas: Replicas) -> None:
    """But before it is over."""
    record = replicas.replica()
    login = record.fingerprint("login")
    for _ in range(9):
        await record.remember({login: 1000.0})
    assert replicas.database.writes == 1
    replicas.now += 200
    await record.remember({login: 1000.0})
    assert replicas.database.writes == 2


async def test_while_the_database_is_away_each_counts_by_itself(
    replicas: Replicas, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is let in without a limit, and nobody who knows the password is kept out."""
    record = replicas.replica()
    brake = replicas.brake(record)
    replicas.database.is_away = True
    assert await guess(brake, 9, HOME) == 3
    assert "counted by this worker alone" in caplog.text
    for number in range(9):
        right = await brake.begin(f"198.51.100.{number}", "bob", "right")
        assert right is not None
        await brake.succeeded(right)


async def test_rows_that_are_over_go(replicas: Replicas) -> None:
    """So there are never more than are of use."""
    record = replicas.replica()
    brake = replicas.brake(record)
    for number in range(50):
        await guess(brake, 1, f"198.51.100.{number}")
    await record.remember({record.fingerprint("old"): 1.0})
    assert replicas.rows("guesses") > 50
    replicas.now += 3600
    await guess(brake, 1, HOME)
    assert replicas.rows("guesses") == full_buckets(replicas)
    assert replicas.rows("right_logins") == 0


async def test_guesses_of_the_future_keep_nobody_out(replicas: Replicas) -> None:
    """The clock was ahead, and was set right: who guessed then waits for no years."""
    brake = replicas.brake(replicas.replica())
    replicas.now += YEARS
    assert await guess(brake, 9, HOME) == 3
    replicas.now -= YEARS
    await guess(brake, 1, HOME)
    replicas.now += 60  # strangers to the account have one a minute, for a day
    assert await guess(brake, 9, HOME) == 1
    replicas.now += SLACK
    assert await guess(brake, 9, HOME) == 3


async def test_a_right_login_of_the_future_is_forgotten(replicas: Replicas) -> None:
    """Nobody is known for years."""
    record, other = replicas.replica(), replicas.replica()
    login = record.fingerprint(HOME, "alice", "right")
    replicas.now += YEARS
    await record.remember({login: GOOD_CLIENT})
    replicas.now -= YEARS
    assert not await other.known(login)
    replicas.now += 61
    await guess(replicas.brake(record), 1, HOME)
    assert replicas.rows("right_logins") == 0
    await other.remember({login: GOOD_CLIENT})
    assert await replicas.replica().known(login)


def full_buckets(replicas: Replicas) -> int:
    """Count the buckets that are not empty."""
    (count,) = replicas.database._connection.execute(
        "SELECT count(*) FROM guesses WHERE empty_at > ?", (replicas.now,)
    ).fetchone()
    return int(count)


async def test_nothing_in_a_row_tells_who_it_is_of(replicas: Replicas) -> None:
    """Neither names nor addresses, nor passwords of course."""
    record = replicas.replica()
    brake = replicas.brake(record)
    await guess(brake, 2, HOME)
    right = await brake.begin(HOME, "alice", "right")
    assert right is not None
    await brake.succeeded(right)
    dump = "\n".join(replicas.database._connection.iterdump())
    assert "guesses" in dump
    for word in ("alice", HOME, "right'"):
        assert word not in dump


async def test_the_key_is_made_once(replicas: Replicas) -> None:
    """By whoever comes first."""

    def row() -> SecretRow:
        return SecretRow(replicas.metadata.secrets, "logins", lambda: 0.0)

    key = await shared_key(row())
    assert len(key) == 32
    assert await shared_key(row()) == key
