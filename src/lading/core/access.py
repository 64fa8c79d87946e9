"""Access: what a caller may do, as values that services ask for.

The edge turns a request into an `Access`, and that into a `Grant` for the repository asked for;
every service takes one. Forgetting to ask who is calling is then a type error, not an oversight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from lading.core.errors import Denied
from lading.core.globs import EVERYTHING, Glob
from lading.core.names import RepositoryName


class Action(StrEnum):
    """The actions that a repository knows."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    # What only those who run the repository may: everything, whatever protects it.
    ADMIN = "admin"


Actions = frozenset[Action]

ALL_ACTIONS: Actions = frozenset(Action)
NO_ACTIONS: Actions = frozenset()


@dataclass(frozen=True, slots=True)
class Right:
    """A right: some actions in the repositories that a pattern matches."""

    pattern: Glob
    actions: Actions


Rights = tuple[Right, ...]

ALL_RIGHTS: Rights = (Right(EVERYTHING, ALL_ACTIONS),)


def actions_in(rights: Sequence[Right], repository: str) -> Actions:
    """The actions that rights allow in one repository, together."""
    allowed = NO_ACTIONS
    for right in rights:
        if right.pattern.matches(repository):
            allowed |= right.actions
    return allowed


@dataclass(frozen=True, slots=True)
class Principal:
    """The principal: who is calling. The empty name is anybody.

    Attributes:
        rights: what it may do, if it brings that along (a robot does); `None` if the permissions
            decide.
    """

    name: str = ""
    rights: Rights | None = None


ANYBODY = Principal()


class Grant(Struct, frozen=True):
    """A grant: what a principal may do in one repository."""

    repository: RepositoryName
    actions: Actions
    principal: Principal = ANYBODY

    def require(self, action: Action) -> None:
        """Go on only if the action is granted; `Denied` if it is not."""
        if action not in self.actions:
            raise Denied("", {"repository": self.repository, "action": action.value})


@dataclass(frozen=True, slots=True)
class Access:
    """The access of a caller: what it may do, in every repository.

    Attributes:
        scopes: what its token was issued for, which narrows the rights; `None` without a token.
        catalog: whether it may ask which repositories there are. It sees those that the rights of
            the principal let it pull.
    """

    principal: Principal
    rights: Rights
    scopes: Rights | None = None
    catalog: bool = True

    def actions(self, repository: str) -> Actions:
        """The actions that are allowed in one repository."""
        allowed = actions_in(self.rights, repository)
        return allowed if self.scopes is None else allowed & actions_in(self.scopes, repository)

    def grant(self, repository: RepositoryName) -> Grant:
        """The grant for one repository, as services want it."""
        return Grant(repository, self.actions(repository), self.principal)

    def sees(self, repository: str) -> bool:
        """Whether lists of repositories show this one."""
        return Action.PULL in actions_in(self.rights, repository)

    def sees_all(self, prefix: str) -> bool:
        """Whether lists show every repository with this prefix, by a single one of the rights."""
        return any(
            Action.PULL in right.actions
            and right.pattern.takes_all
            and prefix.startswith(right.pattern.prefix)
            for right in self.rights
        )

    def visible_prefixes(self) -> Sequence[str]:
        """The prefixes of the names of the repositories that it sees, in order.

        No prefix starts with another, so what is below them is in order, too.
        """
        prefixes: list[str] = []
        for prefix in sorted(
            right.pattern.prefix for right in self.rights if Action.PULL in right.actions
        ):
            if not (prefixes and prefix.startswith(prefixes[-1])):
                prefixes.append(prefix)
        return prefixes


EVERY_ACCESS = Access(ANYBODY, ALL_RIGHTS)
"""What everybody has where there is no authentication."""
