"""Checking passwords: off the loop, remembered for a while, bounded."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from lading.auth import passwords
from lading.auth.authenticator import Login
from lading.auth.htpasswd import UserFile
from lading.auth.passwords import PasswordChecker, decoy, hash_password
from lading.auth.users import FileUsers
from lading.core.access import Principal
from lading.core.errors import Unavailable

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))
SLOW = bcrypt.hashpw(b"secret", bcrypt.gensalt(10))
VERY_SLOW = decoy(12)


class Clock:
    """A time that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def checker(clock: Clock) -> Iterator[PasswordChecker]:
    checker = PasswordChecker(clock)
    yield checker
    checker.close()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords that bcrypt was asked about."""
    asked: list[bytes] = []
    real = bcrypt.checkpw

    def check(password: bytes, hashed: bytes) -> bool:
        asked.append(password)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", check)
    return asked


async def test_a_good_password_is_remembered_for_minutes(
    checker: PasswordChecker, clock: Clock, checks: list[bytes]
) -> None:
    """Forty layers cost one check."""
    for _ in range(40):
        assert await checker.check("secret", HASH)
    assert len(checks) == 1
    clock.now += passwords.REMEMBERED + 1
    assert await checker.check("secret", HASH)
    assert len(checks) == 2


async def test_a_bad_password_is_not_remembered(
    checker: PasswordChecker, checks: list[bytes]
) -> None:
    """Nor does a good one make a bad one good, or another user's."""
    assert await checker.check("secret", HASH)
    for _ in range(2):
        assert not await checker.check("Secret", HASH)
    assert not await checker.check("secret", decoy(4))
    assert len(checks) == 4


async def test_a_changed_password_is_checked_anew(
    checker: PasswordChecker, checks: list[bytes]
) -> None:
    """What was remembered belongs to the hash of then."""
    assert await checker.check("secret", HASH)
    assert not await checker.check("secret", bcrypt.hashpw(b"new", bcrypt.gensalt(4)))
    assert len(checks) == 2


async def test_parallel_requests_share_a_check(
    checker: PasswordChecker, checks: list[bytes]
) -> None:
    """Docker pushes five layers at once; and one that is given up does not end it for the rest."""
    first = asyncio.create_task(checker.check("secret", SLOW))
    others = [asyncio.create_task(checker.check("secret", SLOW)) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == [True] * 20
    assert checks == [b"secret"]


async def test_the_loop_goes_on_meanwhile(checker: PasswordChecker) -> None:
    """A check takes long; nobody else waits for it."""
    running = asyncio.create_task(checker.check("wrong", VERY_SLOW))
    turns = 0
    while not running.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10


async def test_too_many_at_once(checker: PasswordChecker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of guesses is turned away; it does not pile up."""
    monkeypatch.setattr(passwords, "MAX_PENDING", 3)
    guesses = [asyncio.create_task(checker.check(f"guess {n}", SLOW)) for n in range(5)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert results[:3] == [False] * 3
    assert all(isinstance(result, Unavailable) for result in results[3:])
    assert await checker.check("secret", HASH), "afterwards all is as before"


@pytest.mark.parametrize("password", ["", "\0", "a\0b", "x" * 10_000, "\ud800", "å" * 72])
async def test_strange_passwords(checker: PasswordChecker, password: str) -> None:
    """They are wrong, and nothing else happens."""
    assert not await checker.check(password, HASH)


async def test_long_passwords_as_elsewhere(checker: PasswordChecker) -> None:
    """`htpasswd` looks at 72 bytes; who chose more there can log in here."""
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))
    assert await checker.check("x" * 100, hashed)


@pytest.mark.parametrize(
    ("password", "message"), [("", "empty"), ("x" * 73, "72 bytes"), ("a\0b", "NUL")]
)
def test_what_is_no_password(password: str, message: str) -> None:
    """Nobody gets one that is not what it looks like."""
    with pytest.raises(ValueError, match=message):
        hash_password(password, 4)


async def test_nothing_remembered_tells_a_password(checker: PasswordChecker) -> None:
    """What is kept is made with a key that no other process has."""
    await checker.check("secret", HASH)
    other = PasswordChecker(Clock())
    await other.check("secret", HASH)
    assert b"secret" not in b"".join(checker._good._entries)
    assert set(checker._good._entries).isdisjoint(other._good._entries)
    other.close()


async def test_users_of_a_file(
    tmp_path: Path, checker: PasswordChecker, checks: list[bytes]
) -> None:
    """A login has a stamp that changes with the password; an unknown name costs a check."""
    path = tmp_path / "htpasswd"
    path.write_bytes(b"alice:" + HASH + b"\n")
    users = FileUsers(UserFile(path), checker)

    login = await users.authenticate("alice", "secret")
    assert login is not None
    assert login.principal == Principal("alice")
    assert await users.recall("alice") == login
    assert await users.authenticate("alice", "wrong") is None
    assert await users.recall("bob") is None

    before = len(checks)
    assert await users.authenticate("bob", "secret") is None
    assert len(checks) == before + 1

    path.write_bytes(b"alice:" + hash_password("other", 5) + b"\n")
    assert await users.authenticate("alice", "secret") is None
    changed = await users.authenticate("alice", "other")
    assert isinstance(changed, Login)
    assert changed.stamp != login.stamp
