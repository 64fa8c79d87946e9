"""Changes of a file of users, one user at a time; all other lines stay as they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lading.auth import files
from lading.auth.htpasswd import parse_users, read_limited
from lading.auth.passwords import hash_password
from lading.auth.robots import PREFIX

# 2^10 rounds, a tenth of a second: bcrypt's own default, and what OWASP asks for at least.
COST = 10
MAX_NAME = 255


class UserError(Exception):
    """A change of a file of users that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class UserLine:
    """A line of a file of users.

    Attributes:
        usable: whether the user can log in: whether the password is hashed with bcrypt.
    """

    name: str
    usable: bool


def list_users(path: Path) -> Sequence[UserLine]:
    """All users of a file, in its order.

    Raises:
        HtpasswdInvalid: it cannot be used.
    """
    content = read_limited(path)
    usable = parse_users(content, str(path))
    names = dict.fromkeys(name for line in content.decode().splitlines() if (name := _name(line)))
    return [UserLine(name, name in usable) for name in names]


def add_user(path: Path, name: str, password: str) -> None:
    """Add a user; the file is made if it is not there.

    Raises:
        UserError: there is one of that name, or the name or the password cannot be used.
        HtpasswdInvalid, OSError: the file cannot be used or written.
    """
    _check_name(name)
    line = _line(name, password)

    def change(lines: list[str]) -> list[str]:
        if _has(lines, name):
            raise UserError(f"there is a user {name} already; `lading user passwd` changes it")
        return [*lines, line]

    _change(path, change, create=True)


def change_password(path: Path, name: str, password: str) -> None:
    """Give a user another password; its tokens end.

    Raises:
        UserError: there is no such user, or the password cannot be used.
        HtpasswdInvalid, OSError: the file cannot be used or written.
    """
    line = _line(name, password)

    def change(lines: list[str]) -> list[str]:
        _require(lines, name)
        return [line if _name(old) == name else old for old in lines]

    _change(path, change)


def remove_user(path: Path, name: str) -> None:
    """Remove a user; its tokens end.

    Raises:
        UserError: there is no such user.
        HtpasswdInvalid, OSError: the file cannot be used or written.
    """

    def change(lines: list[str]) -> list[str]:
        _require(lines, name)
        return [old for old in lines if _name(old) != name]

    _change(path, change)


def _change(path: Path, change: Callable[[list[str]], list[str]], *, create: bool = False) -> None:
    """Change the lines of a file; of two changes at once, one waits for the other."""
    with files.locked(path):
        content = b"" if create and not path.exists() else read_limited(path)
        parse_users(content, str(path))
        lines = change(content.decode().splitlines())
        files.replace(path, "".join(f"{line}\n" for line in lines).encode())


def _line(name: str, password: str) -> str:
    try:
        return f"{name}:{hash_password(password, COST).decode()}"
    except ValueError as error:
        raise UserError(str(error)) from error


def _check_name(name: str) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
        raise UserError("write a name without control characters or spaces around it")
    if ":" in name or name.startswith("#"):
        raise UserError("write a name without `:`, and without `#` at the start")
    if name.startswith(PREFIX):
        raise UserError(f"a name with `{PREFIX}` is a robot's; `lading token create` makes one")


def _name(line: str) -> str:
    """The name of the user that a line is about; empty if it is about none."""
    stripped = line.strip()
    return "" if stripped.startswith("#") else stripped.partition(":")[0]


def _has(lines: Sequence[str], name: str) -> bool:
    return any(_name(line) == name for line in lines)


def _require(lines: Sequence[str], name: str) -> None:
    if not name or not _has(lines, name):
        raise UserError(f"there is no user {name}; `lading user ls` shows all")
