"""Robots: logins of programs, each with rights of its own and an end.

A robot's password is made here, shown once, and kept as a hash. It has 256 random bits, so a plain
hash keeps it, and checking it costs nothing; what follows from a person's choice of a password does
not apply. The name of the login starts with `robot+`, so that no user's can be the same.
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Awaitable, Callable, Sequence

from lading.auth.authenticator import Authenticator, Login, none
from lading.core.access import Actions, Principal, Right
from lading.core.globs import Glob
from lading.core.permissions import with_implied
from lading.core.typing import override
from lading.ports.robots import Robot, Robots

PREFIX = "robot+"
# Programs that look for secrets in the wrong places know them by such a word.
_SECRET_PREFIX = "lading_"  # noqa: S105 - not a secret
_SECRET_BYTES = 32

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def check_name(name: str) -> str:
    """The name, if it can be a robot's.

    Raises:
        ValueError: it cannot; the message says what can.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError("write up to 64 letters, digits, `.`, `_` and `-`, such as `ci`")
    return name


async def create_robot(
    robots: Robots,
    name: str,
    repositories: Sequence[Glob],
    actions: Actions,
    *,
    by: str,
    now: float,
    expires_at: float | None,
) -> tuple[Robot, str] | None:
    """Make a robot, and its password; `None` if there is one of that name."""
    secret = os.urandom(_SECRET_BYTES)
    password = _SECRET_PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")
    robot = Robot(
        name=check_name(name),
        hash=_hash(password),
        repositories=tuple(repositories),
        actions=with_implied(actions),
        created_at=now,
        created_by=by,
        expires_at=expires_at,
    )
    return (robot, password) if await robots.add_robot(robot) else None


def login_name(robot: str) -> str:
    """The name by which a robot logs in."""
    return PREFIX + robot


class RobotLogins(Authenticator):
    """Robots and their passwords; which were used is remembered until it is written down."""

    def __init__(self, robots: Robots, clock: Callable[[], float]) -> None:
        self._robots = robots
        self._clock = clock
        self._used: dict[str, float] = {}
        self._logins: dict[str, Login] = {}

    @override
    async def authenticate(self, name: str, password: str) -> Login | None:
        robot = await self._find(name)
        if robot is None or not hmac.compare_digest(_hash(password), robot.hash):
            return None
        return self._use(robot)

    @override
    def may_know(self, name: str) -> bool:
        return name.startswith(PREFIX)

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
            await self._robots.note_robots_used(used)
        except BaseException:
            self._used = used | self._used
            raise

    def _find(self, name: str) -> Awaitable[Robot | None]:
        """A robot by the name of its login."""
        return self._robots.find_robot(name.removeprefix(PREFIX)) if self.may_know(name) else none()

    def _use(self, robot: Robot) -> Login | None:
        """The login of a robot, if its time is not over.

        It is made once: of the same hash, it is the same robot with the same rights.
        """
        now = self._clock()
        if robot.expires_at is not None and robot.expires_at <= now:
            return None
        self._used[robot.name] = now
        login = self._logins.get(robot.name)
        if login is None or login.stamp != robot.hash:
            rights = tuple(Right(pattern, robot.actions) for pattern in robot.repositories)
            login = Login(Principal(login_name(robot.name), rights=rights), robot.hash)
            self._logins[robot.name] = login
        return login


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode(errors="replace")).hexdigest()
