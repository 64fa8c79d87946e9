"""The part of `Metadata` that knows the logins of programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lading.core.access import Actions
from lading.core.globs import Glob


@dataclass(frozen=True, slots=True)
class Robot:
    """The login of a program.

    Attributes:
        hash: of its password; the password itself is kept nowhere.
        repositories: where it may do something.
        actions: what it may do there.
        created_by: who made it.
        expires_at: when it ends, if it does.
        used_at: when it was last used, give or take a minute; `None` if it never was.
    """

    name: str
    hash: str
    repositories: Sequence[Glob]
    actions: Actions
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None = None


class Robots(Protocol):
    """Logins of programs."""

    async def add_robot(self, robot: Robot) -> bool:
        """Keep a new robot; false if there is one of that name."""

    async def find_robot(self, name: str) -> Robot | None:
        """A robot, be its time over or not."""

    async def list_robots(self) -> Sequence[Robot]:
        """All robots, by name."""

    async def remove_robot(self, name: str) -> bool:
        """Remove a robot for good; false if there is none."""

    async def note_robots_used(self, used: Mapping[str, float]) -> None:
        """Note when robots, by name, were last used; an earlier time than is known changes nothing.

        A power cut may forget it.
        """
