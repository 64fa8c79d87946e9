"""Checks of passwords: off the loop, and what they take for one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from lading.auth.authenticator import Login
from lading.auth.htpasswd import FileUsers, UserFile
from lading.auth.passwords import PasswordChecker, decoy, hash_password
from lading.core.access import Principal

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))
VERY_SLOW = decoy(12)


@pytest.fixture
def checker() -> Iterator[PasswordChecker]:
    checker = PasswordChecker()
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


async def test_the_loop_goes_on_meanwhile(checker: PasswordChecker) -> None:
    """A check takes long; nobody else waits for it."""
    running = asyncio.create_task(checker.check("wrong", VERY_SLOW))
    turns = 0
    while not running.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10


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
