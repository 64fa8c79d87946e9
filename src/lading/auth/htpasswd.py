"""Files of users, as `htpasswd -B` writes them.

On each line of a file are a name, a colon, a bcrypt hash. Only bcrypt counts, as in CNCF
Distribution: the other kinds of hash in such files are broken.
"""

import asyncio
import hashlib
import logging
import os
import re
import stat
import threading
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from lading.auth.authenticator import Authenticator, Login
from lading.auth.passwords import PasswordChecker, decoy
from lading.core import robots
from lading.core.access import Principal
from lading.core.command_lines import command_line
from lading.core.typing import override
from lading.ports.logins import AuthUnusable
from lading.system.watching import state_of

log = logging.getLogger(__name__)

Users = Mapping[str, bytes]
"""The bcrypt hash of each user's password."""

# A file of 100 000 users has half of this.
MAX_SIZE = 16 * 1024 * 1024
# Each step doubles the time: 12 takes a quarter of a second, 17 eight seconds.
MAX_COST = 16
DEFAULT_COST = 12
# Seconds between two looks whether the path of the file leads to another one.
LOOK_EVERY = 1.0

_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)


def parse_users(content: bytes, name: str) -> Users:
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


def usual_cost(users: Users) -> int:
    """The cost that most of the hashes have."""
    costs = Counter(int(hashed[4:6]) for hashed in users.values())
    return max(costs, key=lambda cost: (costs[cost], cost), default=DEFAULT_COST)


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

    async def current(self) -> Users:
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


def read_limited(path: Path) -> bytes:
    """The content of a file of users.

    Raises:
        AuthUnusable: it cannot be read, or is too large.
    """
    descriptor = _open(path)
    try:
        return _content(descriptor, path)
    finally:
        os.close(descriptor)


def _read(path: Path) -> tuple[int, object, Users]:
    """The open file, its state, and its users."""
    descriptor = _open(path)
    try:
        # The state is taken first: a file that changes while it is read is read once more.
        state = state_of(descriptor)
        return descriptor, state, parse_users(_content(descriptor, path), str(path))
    except BaseException:
        os.close(descriptor)
        raise


def _open(path: Path) -> int:
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


def _content(descriptor: int, path: Path) -> bytes:
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


class FileUsers(Authenticator):
    """Users of a file and their passwords; an unknown name takes as long as a wrong password."""

    def __init__(self, file: UserFile, checker: PasswordChecker) -> None:
        self._file = file
        self._checker = checker

    @override
    async def authenticate(self, name: str, password: str) -> Login | None:
        users = await self._file.current()
        hashed = users.get(name)
        if hashed is None:
            await self._checker.check(password, decoy(usual_cost(users)))
            return None
        return self._login(name, hashed) if await self._checker.check(password, hashed) else None

    @override
    async def recall(self, name: str) -> Login | None:
        hashed = (await self._file.current()).get(name)
        return None if hashed is None else self._login(name, hashed)

    def _login(self, name: str, hashed: bytes) -> Login:
        stamp = hashlib.sha256(hashed).hexdigest()
        return Login(Principal(name), stamp, stands=partial(self._file.still_has, name, hashed))
