"""Robots: an operator makes, lists and revokes the logins of programs."""

import os
from collections.abc import Sequence

from lading.core.access import Action, Actions
from lading.core.globs import Glob
from lading.core.permissions import with_implied
from lading.core.robots import Robot, check_name, is_name, login_name, password_of
from lading.core.secret_texts import SECRET_BYTES, hash_of
from lading.core.timestamps import utc
from lading.metadata.moving.migrations import MIGRATES
from lading.services.registry import Registry


async def create(
    registry: Registry,
    name: str,
    repositories: Sequence[Glob],
    actions: Actions,
    *,
    by: str,
    lifetime: float | None,
) -> tuple[Robot, str] | None:
    """Make a robot of a right name, and its password; `None` if there is one of that name."""
    password, now = password_of(os.urandom(SECRET_BYTES)), registry.clock()
    robot = Robot(
        name=check_name(name),
        hash=hash_of(password),
        repositories=tuple(repositories),
        actions=with_implied(actions),
        created_at=now,
        created_by=by,
        expires_at=None if lifetime is None else now + lifetime,
    )
    if not await registry.metadata.robots.add(robot):
        return None
    registry.note("robot.create", robot=login_name(name), rights=describe(robot))
    return robot, password


async def where_else(registry: Registry) -> str:
    """Where the registry is, for people, if it was migrated from here; else nothing."""
    switched = await registry.metadata.read_only.find()
    if switched is None or not (await registry.metadata.migrations.find()).has_departed:
        return ""
    return switched.actor.partition(MIGRATES)[2]


async def all_robots(registry: Registry) -> Sequence[Robot]:
    """All robots, by name."""
    return await registry.metadata.robots.all()


async def revoke(registry: Registry, name: str) -> bool:
    """Remove a robot, and with it all tokens that were issued to it; false if there is none."""
    removed = is_name(name) and await registry.metadata.robots.remove(name)
    if removed:
        registry.note("robot.revoke", robot=login_name(name))
    return removed


def describe(robot: Robot) -> str:
    """The rights of a robot, in words."""
    until = "for ever" if robot.expires_at is None else f"until {utc(robot.expires_at)}"
    what, where = ", ".join(in_order(robot.actions)), ", ".join(robot.repositories)
    return f"{login_name(robot.name)} may {what} in {where} {until}"


def in_order(actions: Actions) -> Sequence[str]:
    """Actions by name, the lesser ones first."""
    return [action.value for action in Action if action in actions]
