"""Users of a file: their logins, checked off the loop, and what happens when the file changes."""

import asyncio
import errno
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from lading.auth import htpasswd, user_files
from lading.auth.authenticator import Login
from lading.auth.htpasswd import Hashes, hash_password
from lading.auth.user_files import FileUsers, PasswordChecker, UserFile, decoy, usual_cost
from lading.core.access import Principal
from lading.ports.logins import AuthUnusable

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
VERY_SLOW = decoy(12)


def write(path: Path, text: str, *, at: int) -> None:
    """Write a file, with a time of its own: two writes may fall into one tick of the clock."""
    path.write_text(text)
    os.utime(path, (at, at))


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


def test_missing_file(tmp_path: Path) -> None:
    """The message says how to make one."""
    with pytest.raises(AuthUnusable, match="lading user add"):
        UserFile(tmp_path / "none")


async def test_a_file_that_changes_is_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At once; and what cannot be read does not throw anybody out."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "htpasswd"
    write(path, f"alice:{HASH}\n", at=1)
    file = UserFile(path)
    assert list(await file.current()) == ["alice"]

    write(path, f"bob:{HASH}\n", at=2)
    assert list(await file.current()) == ["bob"]
    assert "again: 1 users" in caplog.text

    write(path, "nonsense\n", at=3)
    assert list(await file.current()) == ["bob"]
    assert "the users of before stay" in caplog.text
    caplog.clear()
    assert list(await file.current()) == ["bob"]
    assert caplog.text == "", "the same file is complained of once"

    path.unlink()
    assert list(await file.current()) == ["bob"]

    write(path, f"carol:{HASH}\n", at=4)
    assert list(await file.current()) == ["carol"]


async def test_a_file_that_is_replaced_is_read_at_once(tmp_path: Path) -> None:
    """In all the ways of editors and programs; the new one has the size and the time of the old."""
    path, new, old = (tmp_path / name for name in ("htpasswd", "new", "old"))
    write(path, f"alice:{HASH}\n", at=1)
    file = UserFile(path)
    for name in ("bobby", "carol"):
        write(new, f"{name}:{HASH}\n", at=1)
        if name == "carol":
            path.rename(old)
            assert list(await file.current()) == ["bobby"], "there is none for a moment"
        new.replace(path)
        assert list(await file.current()) == [name]
    path.unlink()
    write(path, f"david:{HASH}\n", at=1)
    assert list(await file.current()) == ["david"]
    file.close()


async def test_a_path_that_leads_elsewhere_is_noticed_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has happened to the file that was read, which is still there."""
    monkeypatch.setattr(user_files, "LOOK_EVERY", 0.1)
    path, new = tmp_path / "htpasswd", tmp_path / "new"
    for name in ("alice", "carol"):
        write(tmp_path / name, f"{name}:{HASH}\n", at=1)
    path.symlink_to(tmp_path / "alice")
    file = UserFile(path)
    assert list(await file.current()) == ["alice"]
    new.symlink_to(tmp_path / "carol")
    new.replace(path)
    time.sleep(0.2)
    assert list(await file.current()) == ["carol"]
    file.close()


async def test_a_file_that_is_removed_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network file system says of the open one that it is stale."""
    path, new = tmp_path / "htpasswd", tmp_path / "new"
    write(path, f"alice:{HASH}\n", at=1)
    file = UserFile(path)
    old, look = file._descriptor, os.stat

    def fail(found: Path | int, **how: Any) -> os.stat_result:
        if found == old:
            raise OSError(errno.ESTALE, "stale")
        return look(found, **how)

    monkeypatch.setattr(os, "stat", fail)
    assert list(await file.current()) == ["alice"]
    write(new, f"carol:{HASH}\n", at=1)
    # So that the number of the old one is not given to the new one.
    with path.open():
        new.replace(path)
        assert list(await file.current()) == ["carol"]
    file.close()


async def test_a_file_of_many_users_is_read_beside_the_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes meanwhile waits for the users of now, and nobody else for anything."""
    path = tmp_path / "htpasswd"
    write(path, f"alice:{HASH}\n", at=1)
    file = UserFile(path)
    begun, go_on = threading.Event(), threading.Event()
    parse = htpasswd.parse_users

    def take_long(content: bytes, name: str) -> Hashes:
        begun.set()
        assert go_on.wait(10), "the loop stands still meanwhile"
        return parse(content, name)

    monkeypatch.setattr(htpasswd, "parse_users", take_long)
    write(path, f"bob:{HASH}\n", at=2)
    asking = [asyncio.create_task(file.current()) for _ in range(3)]
    await asyncio.to_thread(begun.wait)
    assert not any(task.done() for task in asking)
    go_on.set()
    assert [list(users) for users in await asyncio.gather(*asking)] == [["bob"]] * 3
    file.close()


async def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """It would be waited for, and could not be read again."""
    os.mkfifo(tmp_path / "htpasswd")
    with pytest.raises(AuthUnusable, match="is a pipe"):
        UserFile(tmp_path / "htpasswd")


async def test_users_of_a_file(
    tmp_path: Path, checker: PasswordChecker, checks: list[bytes]
) -> None:
    """A login has a stamp that changes with the password; an unknown name costs a check."""
    path = tmp_path / "htpasswd"
    path.write_bytes(f"alice:{HASH}\n".encode())
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
    assert not await checker.check(password, HASH.encode())


async def test_long_passwords_as_elsewhere(checker: PasswordChecker) -> None:
    """`htpasswd` looks at 72 bytes; who chose more there can log in here."""
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))
    assert await checker.check("x" * 100, hashed)


def test_usual_cost() -> None:
    """What an unknown name is made to wait for."""
    cheap, dear = HASH.encode(), HASH.replace("$04$", "$12$").encode()
    assert usual_cost({"a": cheap, "b": dear, "c": dear}) == 12
    assert usual_cost({"a": cheap}) == 4
    assert usual_cost({}) == 12
