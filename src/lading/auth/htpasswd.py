"""Files of users, as `htpasswd -B` writes them.

On each line of a file are a name, a colon, a bcrypt hash. Only bcrypt counts, as in CNCF
Distribution: the other kinds of hash in such files are broken. One user at a time is changed, and
all other lines stay as they are.
"""

import logging
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import bcrypt

from lading.core import robots
from lading.core.command_lines import command_line
from lading.core.typing import override
from lading.ports.logins import AuthUnusable, UserError, UserLine, Users
from lading.system import durable, lock_files

log = logging.getLogger(__name__)

Hashes = Mapping[str, bytes]
"""The bcrypt hash of the password of each user."""

# A file of 100 000 users has half of this.
MAX_SIZE = 16 * 1024 * 1024
# Each step doubles the time: 12 takes a quarter of a second, 17 eight seconds.
MAX_COST = 16
# bcrypt looks at no more than this of a password; its other implementations cut it off, too.
MAX_BYTES = 72
# 2^10 rounds, a tenth of a second: bcrypt's own default, and what OWASP asks for at least.
COST = 10
MAX_NAME = 255

_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)


def parse_users(content: bytes, name: str) -> Hashes:
    """Read the content of a file of users.

    Lines that are empty or start with `#` are passed over; of two with the same name, the last
    counts. A user whose hash is not bcrypt, or whose name is that of a robot, cannot log in, and
    the log says so.

    Args:
        name: of the file, for messages.

    Raises:
        AuthUnusable: it is not such a file.
    """
    users: dict[str, bytes] = {}
    for number, line in enumerate(map(str.strip, lines_of(content, name)), start=1):
        if not line or line.startswith("#"):
            continue
        user, colon, hashed = line.partition(":")
        if not (user and colon):
            raise AuthUnusable(f"{name}:{number}: write `name:hash`, as `htpasswd -B` does")
        users.pop(user, None)
        if reason := _why_unusable(user, hashed):
            log.warning("%s:%d: this user cannot log in: %s", name, number, reason)
        else:
            users[user] = hashed.encode()
    return users


def _why_unusable(user: str, hashed: str) -> str:
    """Why a user of that name, whose password has that hash, cannot log in; empty if it can."""
    if user.startswith(robots.PREFIX):
        return (
            f"names that begin with `{robots.PREFIX}` are those of robots, which are asked for"
            " elsewhere (`lading token create`)"
        )
    match = _HASH.fullmatch(hashed)
    if match is None or not 4 <= int(match[1]) <= MAX_COST:
        return (
            "the password is not hashed with bcrypt (`lading user passwd`, `htpasswd -B`) of a cost"
            f" from 4 to {MAX_COST}"
        )
    return ""


def lines_of(content: bytes, name: str) -> list[str]:
    """The lines of a file of users; whoever reads or changes it takes the same for one.

    Raises:
        AuthUnusable: it is no text.
    """
    try:
        text = content.decode("utf-8-sig")  # some editors write a mark of that before all
    except UnicodeDecodeError as error:
        raise AuthUnusable(f"{name}: write it in UTF-8") from error
    return text.removesuffix("\n").split("\n") if text else []


def read_limited(path: Path) -> bytes:
    """The content of a file of users.

    Raises:
        AuthUnusable: it cannot be read, or is too large.
    """
    descriptor = open_file(path)
    try:
        return content_of(descriptor, path)
    finally:
        os.close(descriptor)


def open_file(path: Path) -> int:
    """The descriptor of a file of users.

    Raises:
        AuthUnusable: it cannot be opened.
    """
    try:
        # A pipe that nobody writes to would be waited for.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise AuthUnusable(
            f"{path}: there is no such file; make it with"
            f" `{command_line('lading', 'user', 'add', '--file', path, 'NAME')}`"
        ) from error
    except OSError as error:
        raise AuthUnusable(f"{path}: cannot be read: {error.strerror}") from error


def content_of(descriptor: int, path: Path) -> bytes:
    """The content of a file of users that is open.

    Raises:
        AuthUnusable: it cannot be read, or is too large.
    """
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            raise AuthUnusable(f"{path}: is a pipe; it must be a file, which can be read again")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise AuthUnusable(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_SIZE:
        raise AuthUnusable(f"{path}: larger than {MAX_SIZE} bytes")
    return content


def hash_password(password: str, cost: int) -> bytes:
    """A bcrypt hash.

    Raises:
        ValueError: bcrypt cannot tell this password from others.
    """
    secret = password.encode()
    if not secret:
        raise ValueError("the password is empty")
    if len(secret) > MAX_BYTES:
        raise ValueError(f"the password has more than {MAX_BYTES} bytes")
    if b"\0" in secret:
        raise ValueError("the password holds a character that cannot be typed (NUL)")
    return bcrypt.hashpw(secret, bcrypt.gensalt(cost))


class EditedUserFile(Users):
    """Users of a file, which is made when the first one is added; other lines stay as they are."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def all(self) -> Sequence[UserLine]:
        content = read_limited(self._path)
        usable = parse_users(content, str(self._path))
        lines = lines_of(content, str(self._path))
        names = dict.fromkeys(name for line in lines if (name := _name(line)))
        return [UserLine(name, name in usable) for name in names]

    @override
    def add(self, name: str, password: str) -> None:
        _check_name(name)
        self._write(name, _line(name, password), is_new=True)

    @override
    def change_password(self, name: str, password: str) -> None:
        self._write(name, _line(name, password))

    @override
    def remove(self, name: str) -> None:
        self._write(name, None)

    def _write(self, name: str, line: str | None, *, is_new: bool = False) -> None:
        """Write the line of a user, or none; of two changes at once, one waits for the other."""
        with lock_files.locked(self._path):
            is_missing = is_new and not self._path.exists()
            content = b"" if is_missing else read_limited(self._path)
            parse_users(content, str(self._path))
            lines = lines_of(content, str(self._path))
            is_known = bool(name) and any(_name(old) == name for old in lines)
            if is_new and is_known:
                raise UserError(f"there is a user {name} already; `lading user passwd` changes it")
            if not is_new and not is_known:
                raise UserError(f"there is no user {name}; `lading user ls` shows all")
            changed = [line if _name(old) == name else old for old in lines]
            kept = [*changed, line] if is_new else changed
            text = "".join(f"{each}\n" for each in kept if each is not None)
            durable.replace(self._path, text.encode())


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
    if name.startswith(robots.PREFIX):
        raise UserError(
            f"a name with `{robots.PREFIX}` is a robot's; `lading token create` makes one"
        )


def _name(line: str) -> str:
    """The name of the user that a line is about; empty if it is about none."""
    stripped = line.strip()
    return "" if stripped.startswith("#") else stripped.partition(":")[0]
