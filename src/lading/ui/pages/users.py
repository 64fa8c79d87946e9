"""Users and the rules in force, for those who run the registry."""

import asyncio
from collections.abc import Sequence

from lading.core.permissions import ANY_USER, Rule
from lading.edge.response import Response
from lading.ports.logins import AuthUnusable, UserLine, Users
from lading.services.robots import in_order
from lading.ui.context import Visit
from lading.ui.pages.robots import require_admin
from lading.ui.rendering import page


async def show(visit: Visit) -> Response:
    """Who may log in with a password, and what the rules allow."""
    require_admin(visit)
    found, problem = await _users(visit.parts.users)
    rules = None if visit.parts.permissions is None else visit.parts.permissions.value
    return page(
        visit,
        "users.html",
        users=found,
        problem=problem,
        is_open=visit.parts.is_open,
        rules=[] if rules is None else [_shown(rule) for rule in rules.rules],
        groups=[] if rules is None else sorted(rules.groups.items()),
        own=rules is not None and rules.own,
    )


async def _users(users: Users | None) -> tuple[Sequence[UserLine], str]:
    """The users of the file, if there is one, and why it cannot be read."""
    if users is None:
        return [], ""
    try:
        return await asyncio.to_thread(users.all), ""
    except (AuthUnusable, OSError) as error:
        return [], str(error)


def _shown(rule: Rule) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """A rule, as words of a page: who may do something, where, and what."""
    who = ["anybody, without a login"] if rule.anonymous else []
    who += ["all who are logged in" if user == ANY_USER else user for user in sorted(rule.users)]
    who += [f"group {group}" for group in sorted(rule.groups)]
    return who, list(rule.patterns), in_order(rule.actions)
