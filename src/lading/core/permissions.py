"""Permissions: the rules of the configuration, applied.

What no rule allows is denied. Rules only add up; none takes away what another gives, so their order
does not matter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lading.core.access import (
    ALL_ACTIONS,
    ANYBODY,
    Action,
    Actions,
    Principal,
    Right,
    Rights,
    actions_in,
)
from lading.core.globs import EVERYTHING, Glob
from lading.core.names import is_component

ANY_USER = "*"
"""In the users of a rule: whoever is logged in."""

EVERYDAY_ACTIONS: Actions = frozenset({Action.PULL, Action.PUSH, Action.DELETE})

_MOST_KNOWN = 10_000

_IMPLIED: Mapping[Action, Actions] = {
    # A push asks what is there before it sends anything, so none works without pull.
    Action.PUSH: frozenset({Action.PULL, Action.PUSH}),
    Action.ADMIN: ALL_ACTIONS,
}


def with_implied(actions: Sequence[Action] | Actions) -> Actions:
    """Actions, and those without which they are of no use."""
    return frozenset().union(*(_IMPLIED.get(action, {action}) for action in actions))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what some principals may do in some repositories.

    Attributes:
        anonymous: whether it is for anybody, logged in or not.
        users: names, or `ANY_USER`.
        groups: whose members it is for.
    """

    patterns: Sequence[Glob]
    actions: Actions
    anonymous: bool = False
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def concerns(self, principal: Principal, groups: frozenset[str]) -> bool:
        """Whether the rule is for this principal, who is in these groups."""
        if self.anonymous:
            return True
        if not principal.name:
            return False
        return ANY_USER in self.users or principal.name in self.users or bool(self.groups & groups)


@dataclass(frozen=True, slots=True)
class Permissions:
    """The rules, with the members of groups.

    Attributes:
        groups: the members of each group, by its name.
        own: whether each user may pull, push and delete below its own name, and the members of a
            group below the name of the group.
    """

    rules: Sequence[Rule]
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    own: bool = False
    # Found out once for each principal, and not at each request.
    _known: dict[Principal, Rights] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def rights_of(self, principal: Principal) -> Rights:
        """All rights of a principal."""
        if principal.rights is not None:
            return principal.rights
        rights = self._known.get(principal)
        if rights is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            rights = self._known[principal] = self._find_rights(principal)
        return rights

    def _find_rights(self, principal: Principal) -> Rights:
        groups = frozenset(
            group for group, members in self.groups.items() if principal.name in members
        )
        ruled = tuple(
            Right(pattern, rule.actions)
            for rule in self.rules
            if rule.concerns(principal, groups)
            for pattern in rule.patterns
        )
        return (*ruled, *_rights_below(principal.name, *groups)) if self.own else ruled

    def actions_for(self, principal: Principal, repository: str) -> Actions:
        """The actions that a principal may do in one repository."""
        return actions_in(self.rights_of(principal), repository)

    @property
    def something_for_anybody(self) -> bool:
        """Whether anything may be done without a login."""
        return bool(self.rights_of(ANYBODY))


def _rights_below(*names: str) -> Iterator[Right]:
    """The rights below some names; one that no repository's can begin with has nothing below it."""
    for name in names:
        if is_component(name):
            yield Right(Glob(f"{name}/**"), EVERYDAY_ACTIONS)


ALL_TO_USERS = Permissions((Rule((EVERYTHING,), EVERYDAY_ACTIONS, users=frozenset({ANY_USER})),))
"""Distribution's rule: whoever is logged in may do everything."""


@dataclass(slots=True)
class CurrentPermissions:
    """The permissions in force, which a reload replaces."""

    value: Permissions
