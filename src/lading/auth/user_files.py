"""Users of a file, which is read again when it changes: their logins with a password.

To check one takes a good part of a second by design, so that is done in a few threads, and holds
nothing up.
"""

import asyncio
import hashlib
import logging
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import bcrypt

from lading.auth import htpasswd
from lading.auth.authenticator import Authenticator, Login
from lading.auth.logins import AT_ONCE
from lading.core.access import Principal
from lading.core.typing import override
from lading.ports.logins import AuthUnusable
from lading.system.watching import state_of

log = logging.getLogger(__name__)

# Seconds between two looks whether the path of the file leads to another one.
LOOK_EVERY = 1.0
# Of the threads that check passwords (nice(1)).
NICENESS = 10
# Of hashes, where there are none.
DEFAULT_COST = 12


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

    async def current(self) -> htpasswd.Hashes:
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


def _read(path: Path) -> tuple[int, object, htpasswd.Hashes]:
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


class PasswordChecker:
    """Threads that check passwords."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(
            AT_ONCE, thread_name_prefix="passwords", initializer=_stand_back
        )

    async def check(self, password: str, hashed: bytes) -> bool:
        """Whether a password belongs to a bcrypt hash."""
        secret = password.encode(errors="replace")[: htpasswd.MAX_BYTES]
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


def usual_cost(users: htpasswd.Hashes) -> int:
    """The cost that most of the hashes have."""
    costs = Counter(int(hashed[4:6]) for hashed in users.values())
    return max(costs, key=lambda cost: (costs[cost], cost), default=DEFAULT_COST)


def decoy(cost: int) -> bytes:
    """A hash that no password belongs to, and that takes as long to find out as any other."""
    return b"$2b$%02d$" % cost + b"." * 53
