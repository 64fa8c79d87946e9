"""Files of users: what is read and what is refused, and what can be a password."""

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.auth.htpasswd import hash_password, parse_users
from lading.ports.logins import AuthUnusable

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()


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


@pytest.mark.parametrize(
    ("password", "message"), [("", "empty"), ("x" * 73, "72 bytes"), ("a\0b", "NUL")]
)
def test_what_is_no_password(password: str, message: str) -> None:
    """Nobody gets one that is not what it looks like."""
    with pytest.raises(ValueError, match=message):
        hash_password(password, 4)
