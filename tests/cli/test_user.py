"""`lading user`: what it does to the file, and that nobody sees a password."""

import json
import os
import pty
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import bcrypt
import pytest

from lading.auth.htpasswd import parse_users
from tests.support.lading import program

OTHER = f"# kept\nold:$apr1$x$y\nbob:{bcrypt.hashpw(b'b', bcrypt.gensalt(4)).decode()}\n"


def lading(*words: str | Path, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run `lading user`."""
    return subprocess.run(
        [program(), "user", *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
    )


def add(path: Path, name: str, password: str) -> None:
    """Add a user."""
    done = lading("add", "--file", path, "--password-stdin", name, stdin=password)
    assert done.returncode == 0, done.stderr


def knows(path: Path, name: str, password: str) -> bool:
    """Whether the file lets somebody in."""
    hashed = parse_users(path.read_bytes(), "file").get(name)
    return hashed is not None and bcrypt.checkpw(password.encode(), hashed)


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that failed says: one sentence."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_first_user_makes_the_file(tmp_path: Path) -> None:
    """Only its owner can read it."""
    path = tmp_path / "htpasswd"
    add(path, "alice", "secret\n")
    assert knows(path, "alice", "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["htpasswd"]


def test_everything_else_stays(tmp_path: Path) -> None:
    """Comments, other users, the order, the mode."""
    path = tmp_path / "htpasswd"
    path.write_text(OTHER)
    path.chmod(0o640)
    add(path, "alice", "one")
    assert path.read_text().startswith(OTHER)
    done = lading("passwd", "--file", path, "--password-stdin", "alice", stdin="two")
    assert done.returncode == 0
    assert knows(path, "alice", "two")
    assert path.read_text().startswith(OTHER)
    assert lading("rm", "--file", path, "alice").returncode == 0
    assert path.read_text() == OTHER
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_line_is_what_the_server_takes_for_one(tmp_path: Path) -> None:
    """It ends where LF says, whatever else ends lines elsewhere; a mark of the encoding is none."""
    path, kept = tmp_path / "htpasswd", "# one\x0cline\x85of\u2028all\r\n" + OTHER
    path.write_bytes(b"\xef\xbb\xbf" + kept.encode())
    add(path, "alice", "one")
    assert lading("rm", "--file", path, "alice").returncode == 0
    assert path.read_bytes() == kept.encode()
    path.write_bytes(b"\xef\xbb\xbf" + OTHER.partition("\n")[2].encode())
    assert lading("ls", "--file", path).stdout.startswith("old ")


def test_the_list(tmp_path: Path) -> None:
    """With those who cannot log in."""
    path = tmp_path / "htpasswd"
    *_, bob = OTHER.splitlines()
    path.write_text(f"{OTHER}robot+{bob}\n")
    done = lading("ls", "--file", path)
    assert done.stdout == (
        "old (cannot log in: not bcrypt)\nbob\nrobot+bob (cannot log in: the name is a robot's)\n"
    )
    assert json.loads(lading("ls", "--json", "--file", path).stdout) == [
        {"name": "old", "usable": False},
        {"name": "bob", "usable": True},
        {"name": "robot+bob", "usable": False},
    ]


def test_the_file_of_the_configuration(tmp_path: Path) -> None:
    """Named by a file, or by the variables."""
    path = tmp_path / "htpasswd"
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nauth: {{htpasswd: {{path: {path}}}}}\n")
    done = lading("add", "-c", config, "--password-stdin", "alice", stdin="secret")
    assert done.returncode == 0, done.stderr
    assert lading("ls", REGISTRY_AUTH_HTPASSWD_PATH=str(path)).stdout == "alice\n"
    assert "name the file with --file" in complaint(lading("ls"))


@pytest.mark.parametrize(
    ("words", "stdin", "message"),
    [
        (["add", "bob"], "x", "there is a user bob already"),
        (["add", "a:b"], "x", "without `:`"),
        (["add", "#a"], "x", "without `#`"),
        (["add", "robot+ci"], "x", "`lading token create` makes one"),
        (["add", ""], "x", "write a name"),
        (["add", "a\nb"], "x", "write a name"),
        (["add", "alice"], "", "the password is empty"),
        (["add", "alice"], "x" * 73, "more than 72 bytes"),
        (["passwd", "nobody"], "x", "there is no user nobody"),
        (["passwd", "# kept"], "x", "there is no user"),
        (["rm", "nobody"], "", "there is no user nobody"),
        (["rm", ""], "", "there is no user"),
    ],
)
def test_what_cannot_be_done(
    tmp_path: Path, words: Sequence[str], stdin: str, message: str
) -> None:
    """It is said in a sentence, and the file stays as it is."""
    path = tmp_path / "htpasswd"
    path.write_text(OTHER)
    how = [] if words[0] == "rm" else ["--password-stdin"]
    assert message in complaint(lading(*words, *how, "--file", path, stdin=stdin))
    assert path.read_text() == OTHER
    assert len(list(tmp_path.iterdir())) == 1


def test_a_password_that_is_not_in_utf_8_is_refused(tmp_path: Path) -> None:
    """Who types it elsewhere would send other bytes."""
    path = tmp_path / "htpasswd"
    command = [program(), "user", "add", "--password-stdin", "--file", str(path), "alice"]
    done = subprocess.run(command, input=b"s\xffcret\n", capture_output=True, check=False)
    assert done.returncode == 2
    assert b"Error: write the password in UTF-8" in done.stderr
    assert not path.exists()


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """It is not made worse."""
    path = tmp_path / "htpasswd"
    path.write_text("nonsense\n")
    said = complaint(lading("add", "--password-stdin", "--file", path, "alice", stdin="x"))
    assert f"{path}:1: write `name:hash`" in said
    assert "lading user add" in complaint(lading("ls", "--file", tmp_path / "none"))
    assert "directory must be writable" in complaint(
        lading("add", "--password-stdin", "--file", tmp_path / "no/x", "alice", stdin="x")
    )


def test_many_at_once(tmp_path: Path) -> None:
    """None is lost."""
    path = tmp_path / "htpasswd"
    names = [f"user{number}" for number in range(6)]
    command = [program(), "user", "add", "--password-stdin", "--file", str(path)]
    running = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for name in names
    ]
    for process in running:
        process.communicate(b"secret")
    assert sorted(parse_users(path.read_bytes(), "file")) == names


def test_a_password_that_is_typed(tmp_path: Path) -> None:
    """Twice, and not shown; and never a word of the command."""
    path = tmp_path / "htpasswd"
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [program(), "user", "add", "--file", str(path), "alice"],
        stdin=child,
        stdout=child,
        stderr=child,
        start_new_session=True,
        env={**os.environ, "TERM": "dumb"},
    )
    shown = b""
    for prompt in (b"Password: ", b"Repeat for confirmation: "):
        while prompt not in shown:
            shown += os.read(parent, 1000)
        assert b"secret" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        os.write(parent, b"secret\n")
    assert process.wait() == 0
    assert b"secret" not in shown
    assert knows(path, "alice", "secret")
    assert "--password " not in lading("add", "--help").stdout


@pytest.mark.parametrize(
    "words", [("user", "add", "--file", "users", "alice"), ("login", "x.test", "-u", "a")]
)
def test_a_password_is_asked_for_on_a_terminal_alone(tmp_path: Path, words: Sequence[str]) -> None:
    """In a script that forgot the option, this is said in a line."""
    done = subprocess.run(
        [program(), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        start_new_session=True,
    )
    assert done.returncode == 2
    assert "give it with --password-stdin" in done.stderr
    assert "Warning" not in done.stderr
    assert done.stdout == ""
