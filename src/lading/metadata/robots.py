"""Rows of robots: the logins of programs."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from lading.core.access import Action, Actions
from lading.core.globs import Glob
from lading.core.robots import Robot
from lading.metadata.noun import Noun
from lading.ports.database import SqlConnection

_COLUMNS = "name, hash, repositories, actions, created_at, created_by, expires_at, used_at"


def _add(connection: SqlConnection, robot: Robot) -> bool:
    added = connection.execute(
        f"INSERT INTO robots ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            robot.name,
            robot.hash,
            json.dumps(robot.repositories),
            json.dumps(sorted(robot.actions)),
            robot.created_at,
            robot.created_by,
            robot.expires_at,
            robot.used_at,
        ),
    )
    return added.rowcount > 0


def _find(connection: SqlConnection, name: str) -> Robot | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM robots WHERE name = ?", (name,)).fetchone()
    return None if row is None else _robot(row)


def _all(connection: SqlConnection) -> Sequence[Robot]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM robots ORDER BY name")
    return [_robot(row) for row in rows]


def _remove(connection: SqlConnection, name: str) -> bool:
    return connection.execute("DELETE FROM robots WHERE name = ?", (name,)).rowcount > 0


def _note_used(connection: SqlConnection, used: Mapping[str, float]) -> None:
    """Note when robots were last used; another worker may have seen a later use already."""
    connection.executemany(
        "UPDATE robots SET used_at = max(coalesce(used_at, 0), ?) WHERE name = ?",
        [(at, name) for name, at in used.items()],
    )


def _robot(row: tuple[Any, ...]) -> Robot:
    name, hash_, repositories, actions, created_at, created_by, expires_at, used_at = row
    return Robot(
        name=name,
        hash=hash_,
        repositories=_patterns(repositories),
        actions=_actions(actions),
        created_at=created_at,
        created_by=created_by,
        expires_at=expires_at,
        used_at=used_at,
    )


@lru_cache(maxsize=1024)
def _patterns(text: str) -> tuple[Glob, ...]:
    """A robot is read with each of its requests, and making patterns takes longer than that."""
    return tuple(Glob(pattern) for pattern in json.loads(text))


@lru_cache(maxsize=64)
def _actions(text: str) -> Actions:
    return frozenset(Action(action) for action in json.loads(text))


class Robots(Noun):
    """Robots: the logins of programs."""

    async def add(self, robot: Robot) -> bool:
        """Add a new robot; false if there is one of that name."""
        return await self._database.write(lambda connection: _add(connection, robot))

    async def find(self, name: str) -> Robot | None:
        """A robot, be its time over or not."""
        return await self._database.read(_find, name)

    async def all(self) -> Sequence[Robot]:
        """All robots, by name."""
        return await self._database.scan(_all)

    async def remove(self, name: str) -> bool:
        """Remove a robot for good; false if there is none."""
        return await self._database.write(lambda connection: _remove(connection, name))

    async def note_used(self, used: Mapping[str, float]) -> None:
        """Note when robots, by name, were last used; an earlier time than is known changes nothing.

        A power cut may forget it.
        """
        await self._database.write(lambda connection: _note_used(connection, used), durable=False)
