"""Permission as a value.

The edge turns a request into a `Grant`; every service takes one. Forgetting to ask who is calling
is then a type error, not an oversight.
"""

from dataclasses import dataclass
from enum import StrEnum

from lading.core.errors import Denied
from lading.core.names import RepositoryName


class Action(StrEnum):
    """What can be done to a repository."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


ALL_ACTIONS = frozenset(Action)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. The empty name is anybody."""

    name: str = ""


ANYBODY = Principal()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal may do in one repository."""

    repository: RepositoryName
    actions: frozenset[Action]
    principal: Principal = ANYBODY

    def require(self, action: Action) -> None:
        """Go on only if the action is granted.

        Raises:
            Denied: it is not.
        """
        if action not in self.actions:
            raise Denied("", {"repository": self.repository, "action": action.value})
