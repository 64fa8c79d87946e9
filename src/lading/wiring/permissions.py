"""Permissions in force, from the settings of `auth.permissions`."""

from collections.abc import Sequence

from lading.config.auth import AuthSection, PermissionsSection
from lading.core.access import Action
from lading.core.globs import EVERYTHING
from lading.core.permissions import (
    ALL_TO_USERS,
    EVERYDAY_ACTIONS,
    Permissions,
    Rule,
    with_implied,
)

PULL = frozenset({Action.PULL})


def permissions_of(auth: AuthSection) -> Permissions:
    """The rules that the settings describe."""
    return ALL_TO_USERS if auth.permissions is None else rules_of(auth.permissions)


def rules_of(settings: PermissionsSection) -> Permissions:
    """The rules of one section."""
    return Permissions(
        [*_preset_rules(settings), *_written_rules(settings)],
        {group: frozenset(members) for group, members in settings.groups.items()},
        own=settings.preset == "teams",
    )


def has_token_service(auth: AuthSection) -> bool:
    """Whether users are sent for a token: if that is wanted, or where Docker would need a password.

    It pulls without a login only if it can get a token without one.
    """
    wanted = auth.tokens is not None or bool(auth.workloads)
    return wanted or permissions_of(auth).something_for_anybody


def _preset_rules(settings: PermissionsSection) -> Sequence[Rule]:
    match settings.preset:
        case "users":
            return ALL_TO_USERS.rules
        case "public":
            return [*ALL_TO_USERS.rules, Rule((EVERYTHING,), PULL, anonymous=True)]
        case "open":
            return [Rule((EVERYTHING,), EVERYDAY_ACTIONS, anonymous=True)]
        case _:
            return []


def _written_rules(settings: PermissionsSection) -> Sequence[Rule]:
    return [
        Rule(
            rule.repositories,
            with_implied(rule.actions),
            anonymous=rule.anonymous,
            users=frozenset(rule.users),
            groups=frozenset(rule.groups),
        )
        for rule in settings.rules
    ]
