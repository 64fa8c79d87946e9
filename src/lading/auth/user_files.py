"""Users of a file: their logins, read again when it changes; and changes of one user at a time."""

import asyncio
import hashlib
import logging
import os
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lading.auth import htpasswd
from lading.auth.authenticator import Authenticator, Login
from lading.core import robots
from lading.core.access import Principal
from lading.core.typing import override
from lading.ports.logins import AuthUnusable, UserError, UserLine, Users
from lading.system import durable, lock_files
from lading.system.watching import state_of

log = logging.getLogger(__name__)

# Seconds between two looks whether the path of the file leads to another one.
LOOK_EVERY = 1.0
# 2^10 rounds, a tenth of a second: bcrypt's own default, and what OWASP asks for at least.
COST = 10
MAX_NAME = 255


class UserFile:
    """A file of users that may change at any time.

    What cannot be read does not replace what could be read before: the users of then stay, and the
    log says why.

    Whether it has changed is asked at nearly each request, so the file is kept open: to look at it
    takes a microsecond, to find it by its path several. It shows by itself that it was written to,
    removed, renamed or replaced. That its path leads elsewhere because a link or a directory does
    is looked for now and then. Reading takes long where there are many users, so a thread does it.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            AuthUnusable: it cannot be used.
        """
        self._path = path
        self._descriptor, self._seen, self._users = _read(path)
        # What was at the path when that was last read, or could not be.
        self._tried: object = self._seen
        self._look_at = time.monotonic() + LOOK_EVERY
        self._looking = threading.Lock()

    def still_has(self, name: str, hashed: bytes) -> bool:
        """Whether a user has this hash; a microsecond tells, or it is false until it is read."""
        return (
            state_of(self._descriptor) == self._seen
            and time.monotonic() < self._look_at
            and self._users.get(name) == hashed
        )

    async def current(self) -> htpasswd.Users:
        """The users of now, read again if the file has changed."""
        if state_of(self._descriptor) != self._seen or time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_EVERY
            if state_of(self._path) != self._tried:
                await asyncio.to_thread(self._look)
        return self._users

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _look(self) -> None:
        """Read what is at the path, unless that was tried already. Blocks."""
        with self._looking:
            found = state_of(self._path)
            if found == self._tried:
                return
            try:
                descriptor, seen, users = _read(self._path)
            except AuthUnusable as error:
                log.error("%s; the users of before stay", error)  # noqa: TRY400 - no failure of ours
                self._tried = found
                return
            old, self._descriptor = self._descriptor, descriptor
            self._users = users
            self._seen = self._tried = seen
            os.close(old)
        log.info("read %s again: %d users", self._path, len(users))


def _read(path: Path) -> tuple[int, object, htpasswd.Users]:
    """The open file, its state, and its users."""
    descriptor = htpasswd.open_file(path)
    try:
        # The state is taken first: a file that changes while it is read is read once more.
        state = state_of(descriptor)
        content = htpasswd.content_of(descriptor, path)
        return descriptor, state, htpasswd.parse_users(content, str(path))
    except BaseException:
        os.close(descriptor)
        raise


class FileUsers(Authenticator):
    """Users of a file and their passwords; an unknown name takes as long as a wrong password."""

    def __init__(self, file: UserFile, checker: htpasswd.PasswordChecker) -> None:
        self._file = file
        self._checker = checker

    @override
    async def authenticate(self, name: str, password: str) -> Login | None:
        users = await self._file.current()
        hashed = users.get(name)
        if hashed is None:
            await self._checker.check(password, htpasswd.decoy(htpasswd.usual_cost(users)))
            return None
        return self._login(name, hashed) if await self._checker.check(password, hashed) else None

    @override
    async def recall(self, name: str) -> Login | None:
        hashed = (await self._file.current()).get(name)
        return None if hashed is None else self._login(name, hashed)

    def _login(self, name: str, hashed: bytes) -> Login:
        stamp = hashlib.sha256(hashed).hexdigest()
        return Login(Principal(name), stamp, stands=partial(self._file.still_has, name, hashed))


class EditedUserFile(Users):
    """Users of a file, which is made when the first one is added; other lines stay as they are."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def all(self) -> Sequence[UserLine]:
        content = htpasswd.read_limited(self._path)
        usable = htpasswd.parse_users(content, str(self._path))
        lines = htpasswd.lines_of(content, str(self._path))
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
            content = b"" if is_missing else htpasswd.read_limited(self._path)
            htpasswd.parse_users(content, str(self._path))
            lines = htpasswd.lines_of(content, str(self._path))
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
        return f"{name}:{htpasswd.hash_password(password, COST).decode()}"
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
