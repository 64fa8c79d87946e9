"""Robots: logins of programs, made, shown once and revoked by those who run the registry."""

from collections.abc import Sequence
from typing import NamedTuple

from lading.core.access import Action
from lading.core.errors import Denied
from lading.core.globs import Glob
from lading.core.permissions import EVERYDAY_ACTIONS
from lading.core.robots import Robot, login_name
from lading.edge.response import Response
from lading.services import robots
from lading.ui.address import address_of
from lading.ui.context import Visit
from lading.ui.forms import Form, FormInvalid
from lading.ui.rendering import page, see_other

DAY = 86400.0
# Days that a form offers; the last one is for ever.
LIFETIMES = ("30", "90", "365", "")
_REPOSITORIES = 20
# Whoever comes by could keep a key to what will be locked later.
_NOBODY_LOGS_IN = (
    "robots are made once somebody has to log in; until then, by `lading token create`"
)


class ShownRobot(NamedTuple):
    """A robot, as the list shows it, with the name by which it logs in."""

    robot: Robot
    login: str
    actions: Sequence[str]
    is_over: bool


async def show(visit: Visit) -> Response:
    """All robots, and the form for a new one."""
    require_admin(visit)
    return await _list(visit)


async def create(visit: Visit, form: Form) -> Response:
    """Make a robot; its password is on the answer, and nowhere else."""
    require_admin(visit)
    if visit.parts.is_open:
        raise Denied(_NOBODY_LOGS_IN)
    name = form.get("name").strip()
    try:
        made = await robots.create(
            visit.registry,
            name,
            _patterns(form.get("repositories")),
            _actions(form),
            by=visit.access.principal.name or "anybody",
            lifetime=_lifetime(form.get("days")),
        )
    except ValueError as error:
        return await _list(visit, form=form, mistake=str(error), status=400)
    if made is None:
        mistake = f"{login_name(name)} exists; take another name, or revoke it first"
        return await _list(visit, form=form, mistake=mistake, status=409)
    robot, password = made
    return page(
        visit,
        "robot-made.html",
        login=login_name(robot.name),
        password=password,
        rights=robots.describe(robot),
        host=address_of(visit).server,
    )


async def revoke(visit: Visit, form: Form) -> Response:
    """End a robot, with all tokens that were issued to it."""
    require_admin(visit)
    if not await robots.revoke(visit.registry, form.get("name")):
        raise FormInvalid("there is no such robot any more")
    return see_other(visit, "/-/robots", done="robot-revoked")


def require_admin(visit: Visit) -> None:
    """Go on only if the visitor may do everything in every repository.

    Raises:
        Denied: it may not.
    """
    if not visit.is_admin:
        raise Denied("this is for those to whom a rule gives `admin` in all repositories (`**`)")


async def _list(
    visit: Visit, *, form: Form | None = None, mistake: str = "", status: int = 200
) -> Response:
    found = await robots.all_robots(visit.registry)
    return page(
        visit,
        "robots.html",
        status=status,
        robots=[_shown(robot, visit.registry.clock()) for robot in found],
        is_open=visit.parts.is_open,
        mistake=mistake,
        given={} if form is None else {name: form.get(name) for name in form.fields},
        chosen=["pull"] if form is None else form.all("actions"),
        actions=[action.value for action in Action if action in EVERYDAY_ACTIONS],
        lifetimes=LIFETIMES,
    )


def _patterns(text: str) -> Sequence[Glob]:
    patterns = [Glob(part) for part in text.replace(",", " ").split()]
    if not patterns:
        raise ValueError("write where it may do something, such as `team/**`")
    if len(patterns) > _REPOSITORIES:
        raise ValueError(f"write at most {_REPOSITORIES} patterns; one may stand for many names")
    if any(pattern != pattern.lower() for pattern in patterns):
        raise ValueError("write patterns in lower case, as repository names are")
    return patterns


def _actions(form: Form) -> frozenset[Action]:
    actions = frozenset(Action(word) for word in form.all("actions"))
    if not actions or not actions <= EVERYDAY_ACTIONS:
        raise ValueError("choose what it may do: pull, push, delete")
    return actions


def _lifetime(days: str) -> float | None:
    if days not in LIFETIMES:
        raise ValueError("choose how long it is good for")
    return float(days) * DAY if days else None


def _shown(robot: Robot, now: float) -> ShownRobot:
    is_over = robot.expires_at is not None and robot.expires_at <= now
    return ShownRobot(robot, login_name(robot.name), robots.in_order(robot.actions), is_over)
