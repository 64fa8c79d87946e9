"""Files of users, as `htpasswd -B` writes them.

On each line of a file are a name, a colon, a bcrypt hash. Only bcrypt counts, as in CNCF
Distribution: the other kinds of hash in such files are broken. To check one takes a good part of a
second by design, so that is done in a few threads, and holds nothing up.
"""

import asyncio
import logging
import os
import re
import stat
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt

from lading.auth.logins import AT_ONCE
from lading.core import robots
from lading.core.command_lines import command_line
from lading.ports.logins import AuthUnusable

log = logging.getLogger(__name__)

Users = Mapping[str, bytes]
"""The bcrypt hash of each user's password."""

# A file of 100 000 users has half of this.
MAX_SIZE = 16 * 1024 * 1024
# Each step doubles the time: 12 takes a quarter of a second, 17 eight seconds.
MAX_COST = 16
DEFAULT_COST = 12
# bcrypt looks at no more than this of a password; its other implementations cut it off, too.
MAX_BYTES = 72
# Of the threads that check (nice(1)).
NICENESS = 10

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


class PasswordChecker:
    """Threads that check passwords."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(
            AT_ONCE, thread_name_prefix="passwords", initializer=_stand_back
        )

    async def check(self, password: str, hashed: bytes) -> bool:
        """Whether a password belongs to a bcrypt hash."""
        secret = password.encode(errors="replace")[:MAX_BYTES]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, bcrypt.checkpw, secret, hashed)

    def close(self) -> None:
        """End the threads once running checks are done; those that wait are given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _stand_back() -> None:
    """Give the thread the lowest priority: a flood of guesses may take idle time, and no more.

    "Under the current Linux/NPTL implementation of POSIX threads, the nice value is a per-thread
    attribute" (setpriority(2)).
    """
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


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


def decoy(cost: int) -> bytes:
    """A hash that no password belongs to, and that takes as long to find out as any other."""
    return b"$2b$%02d$" % cost + b"." * 53
