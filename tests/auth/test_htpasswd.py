"""Files of users: what is read, what is refused, and what happens when they change."""

import asyncio
import errno
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.auth import htpasswd as module
from lading.auth.htpasswd import UserFile, parse_users, usual_cost
from lading.ports.logins import AuthUnusable

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()


def write(path: Path, text: str, *, at: int) -> None:
    """Write a file, with a time of its own: two writes may fall into one tick of the clock."""
    path.write_text(text)
    os.utime(path, (at, at))


def test_users() -> None:
    """As `htpasswd -B` writes them, with what people add to such files."""
    text = f"# people\n\nalice:{HASH}\n  bob:{HASH.replace('$2b', '$2y')} \r\nålice:{HASH}"
    users = parse_users(text.encode(), "file")
    assert list(users) == ["alice", "bob", "ålice"]
    assert bcrypt.checkpw(b"secret", users["bob"])


@pytest.mark.parametrize(
    "hashed",
    [
        "$apr1$x$y",
        "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "plain",
        "",
        HASH[:-1],
        HASH.replace("$04$", "$31$"),
        HASH.replace("$2b", "$2x"),
    ],
    # Not by the hash, which is another one in each process of a parallel run.
    ids=["md5", "sha1", "plain", "empty", "short", "dear", "other"],
)
def test_only_bcrypt_counts(hashed: str, caplog: pytest.LogCaptureFixture) -> None:
    """Such a user cannot log in, as in Distribution; the others can."""
    users = parse_users(f"alice:{HASH}\nbob:{hashed}\n".encode(), "file")
    assert list(users) == ["alice"]
    assert "file:2: this user cannot log in" in caplog.text
    assert not hashed or hashed not in caplog.text


def test_a_robot_s_name_is_no_user_s(caplog: pytest.LogCaptureFixture) -> None:
    """Its login is looked for elsewhere, so the operator is told that this line is of no use."""
    users = parse_users(f"alice:{HASH}\nrobot+ci:{HASH}\nrobot:{HASH}\n".encode(), "file")
    assert list(users) == ["alice", "robot"]
    assert "file:2: this user cannot log in: names that begin with `robot+`" in caplog.text


def test_a_later_line_replaces_an_earlier_one() -> None:
    """Also if it locks the user out."""
    assert parse_users(f"alice:{HASH}\nalice:x\n".encode(), "file") == {}


@pytest.mark.parametrize(
    ("content", "line"), [(b"alice\n", ":1"), (b":hash\n", ":1"), (b"\n# x\nno colon", ":3")]
)
def test_what_is_no_such_file(content: bytes, line: str) -> None:
    """The message names the line."""
    with pytest.raises(AuthUnusable, match=f"file{line}: write"):
        parse_users(content, "file")


def test_what_is_no_text() -> None:
    """A file in another encoding would give users other names."""
    with pytest.raises(AuthUnusable, match="UTF-8"):
        parse_users(b"\xff:x", "file")


@given(st.binary(max_size=200))
def test_any_content(content: bytes) -> None:
    """Whatever is in the file: users with good hashes, or one clear error."""
    try:
        users = parse_users(content, "file")
    except AuthUnusable:
        return
    for hashed in users.values():
        bcrypt.checkpw(b"x", hashed)


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
    monkeypatch.setattr(module, "LOOK_EVERY", 0.1)
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
    parse = module.parse_users

    def take_long(content: bytes, name: str) -> module.Users:
        begun.set()
        assert go_on.wait(10), "the loop stands still meanwhile"
        return parse(content, name)

    monkeypatch.setattr(module, "parse_users", take_long)
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


def test_usual_cost() -> None:
    """What an unknown name is made to wait for."""
    cheap, dear = HASH.encode(), HASH.replace("$04$", "$12$").encode()
    assert usual_cost({"a": cheap, "b": dear, "c": dear}) == 12
    assert usual_cost({"a": cheap}) == 4
    assert usual_cost({}) == 12
