"""Logins of robots, each with rights of its own and an end."""

import hmac
import math
import time
from collections.abc import Callable

from lading.auth.authenticator import Login, MachineAuthenticator
from lading.core import robots
from lading.core.access import Principal, Right
from lading.core.recent import Recent
from lading.core.robots import Robot
from lading.core.secret_texts import hash_of
from lading.core.typing import override
from lading.metadata.logins.robots import Robots

# Rows of robots that are remembered for a moment.
_MOST = 10_000


class RobotLogins(MachineAuthenticator):
    """Robots and their passwords; which were used is remembered until it is written down.

    Args:
        clock: in seconds since the epoch.
        staleness: seconds for which a row that was read is good, where reading takes long; 0 for
            none. A robot that is revoked is out after so many.
        steady: in seconds; it only goes forward.
    """

    def __init__(
        self,
        robots: Robots,
        clock: Callable[[], float],
        staleness: float = 0.0,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._robots = robots
        self._clock = clock
        self._staleness = staleness
        self._steady = steady
        self._read: Recent[str, tuple[float, Robot]] = Recent(_MOST)
        self._used: dict[str, float] = {}

    @override
    async def authenticate(self, name: str, password: str) -> Login | None:
        robot = await self._find(name)
        if robot is None or not hmac.compare_digest(hash_of(password), robot.hash):
            return None
        return self._use(robot)

    @override
    def may_know(self, name: str) -> bool:
        return name.startswith(robots.PREFIX)

    @override
    def owns(self, name: str, password: str) -> bool:
        return self.may_know(name)

    @override
    async def recall(self, name: str) -> Login | None:
        robot = await self._find(name)
        return None if robot is None else self._use(robot)

    async def write_down(self) -> None:
        """Write down who was used since the last time; there are as many as there are robots.

        Raises:
            Unavailable, StorageFull: not now; it is remembered.
        """
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._robots.note_used(used)
        except BaseException:
            self._used = used | self._used
            raise

    async def _find(self, name: str) -> Robot | None:
        key = name.removeprefix(robots.PREFIX)
        if not (self.may_know(name) and robots.is_name(key)):
            return None
        if not self._staleness:
            return await self._robots.find(key)
        now = self._steady()
        read_at, robot = self._read.get(key) or (-math.inf, None)
        if robot is None or now - read_at >= self._staleness:
            robot = await self._robots.find(key)
            if robot is None:  # anybody can ask for one
                self._read.pop(key)
            else:
                self._read.put(key, (now, robot))
        return robot

    def _use(self, robot: Robot) -> Login | None:
        """The login of a robot, if its time is not over."""
        now = self._clock()
        if robot.expires_at is not None and robot.expires_at <= now:
            return None
        self._used[robot.name] = now
        rights = tuple(Right(pattern, robot.actions) for pattern in robot.repositories)
        return Login(Principal(robots.login_name(robot.name), rights=rights), robot.hash)
