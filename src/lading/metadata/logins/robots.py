"""Rows of robots: the logins of programs."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from lading.core.access import Action, Actions
from lading.core.globs import Glob
from lading.core.robots import Robot
from lading.metadata.moving.migrations import require_staying
from lading.metadata.noun import looking, reading, writing
from lading.ports.database import Database, SqlConnection

_COLUMNS = "name, hash, repositories, actions, created_at, created_by, expires_at, used_at"


def add(connection: SqlConnection, robot: Robot) -> bool:
    """Add a new robot; false if there is one of that name."""
    require_staying(connection)
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


def find(connection: SqlConnection, name: str) -> Robot | None:
    """A robot, be its time over or not."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM robots WHERE name = ?", (name,)).fetchone()
    return None if row is None else _robot(row)


def all_(connection: SqlConnection) -> Sequence[Robot]:
    """All robots, by name."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM robots ORDER BY name")
    return [_robot(row) for row in rows]


def remove(connection: SqlConnection, name: str) -> bool:
    """Remove a robot for good; false if there is none."""
    require_staying(connection)
    return connection.execute("DELETE FROM robots WHERE name = ?", (name,)).rowcount > 0


def note_used(connection: SqlConnection, used: Mapping[str, float]) -> None:
    """Note when robots, by name, were last used; another worker may have seen a later use."""
    connection.executemany(
        "UPDATE robots SET used_at = :at WHERE name = :name AND (used_at IS NULL OR used_at < :at)",
        [{"name": name, "at": at} for name, at in sorted(used.items())],
    )


def _robot(row: tuple[Any, ...]) -> Robot:
    name, hash_, repositories, actions, *rest = row  # in the order of `_COLUMNS`
    return Robot(name, hash_, _patterns(repositories), _actions(actions), *rest)


@lru_cache(maxsize=1024)
def _patterns(text: str) -> tuple[Glob, ...]:
    """A robot is read with each of its requests, and making patterns takes longer than that."""
    return tuple(Glob(pattern) for pattern in json.loads(text))


@lru_cache(maxsize=64)
def _actions(text: str) -> Actions:
    return frozenset(Action(action) for action in json.loads(text))


class Robots:
    """Robots: the logins of programs."""

    def __init__(self, database: Database) -> None:
        self.add = writing(database, add)
        self.find = reading(database, find)
        self.all = looking(database, all_)
        self.remove = writing(database, remove)
        self.note_used = writing(database, note_used, durable=False)
