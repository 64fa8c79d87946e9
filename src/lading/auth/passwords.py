"""Passwords: checks against bcrypt, which alone is taken.

It takes a good part of a second by design, so it runs in a few threads, and holds nothing up.
"""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from lading.auth.logins import AT_ONCE

# Of the threads that check (nice(1)).
NICENESS = 10
# bcrypt looks at no more than this of a password; its other implementations cut it off, too.
MAX_BYTES = 72


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
