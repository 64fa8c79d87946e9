"""Checking passwords against bcrypt hashes, without holding anything up.

bcrypt takes a good part of a second by design. It runs in a few threads; who pushes forty layers
with the same password waits for it once, because a check that succeeded is remembered for some
minutes. What is remembered is a keyed hash: neither a password, nor anything from which one could
be guessed without the key, which is this process's own.
"""

import asyncio
import hmac
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from lading.auth.memory import Memory
from lading.core.errors import Unavailable

# Threads that check: enough to use the time while one waits, too few to starve the transfers.
THREADS = 2
# Of those threads (nice(1)).
NICENESS = 10
# Checks that wait or run; whoever comes then has to come again.
MAX_PENDING = 64
# Seconds that a check which succeeded is remembered.
REMEMBERED = 300.0
MAX_REMEMBERED = 4096
# bcrypt looks at no more than this of a password; its other implementations cut it off, too.
MAX_BYTES = 72


class PasswordChecker:
    """Checks passwords. It belongs to one event loop.

    Args:
        clock: in seconds; it only goes forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._threads = ThreadPoolExecutor(
            THREADS, thread_name_prefix="passwords", initializer=_stand_back
        )
        self._key = os.urandom(32)
        self._good: Memory[bool] = Memory(MAX_REMEMBERED, clock)
        self._pending: dict[bytes, asyncio.Future[bool]] = {}

    async def check(self, password: str, hashed: bytes) -> bool:
        """Whether a password belongs to a bcrypt hash.

        Raises:
            Unavailable: too many checks are waiting already.
        """
        secret = password.encode(errors="replace")[:MAX_BYTES]
        key = hmac.digest(self._key, hashed + secret, "sha256")
        if self._good.get(key):
            return True
        # Parallel requests with the same password share one check. It goes on if one is given up.
        running = self._pending.get(key)
        if running is None:
            running = self._start(key, secret, hashed)
        return await asyncio.shield(running)

    def _start(self, key: bytes, secret: bytes, hashed: bytes) -> asyncio.Future[bool]:
        if len(self._pending) >= MAX_PENDING:
            raise Unavailable("too many logins are being checked; try again soon")
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, bcrypt.checkpw, secret, hashed)
        self._pending[key] = running
        running.add_done_callback(lambda done: self._finish(key, done))
        return running

    def _finish(self, key: bytes, done: asyncio.Future[bool]) -> None:
        del self._pending[key]
        if not done.cancelled() and done.exception() is None and done.result():
            self._good.put(key, value=True, seconds=REMEMBERED)

    def close(self) -> None:
        """Let go of the threads, when what runs has ended; what waits is given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _stand_back() -> None:
    """Let all else go first: a flood of guesses may take what time there is, and no more.

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
