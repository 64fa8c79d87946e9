"""Scopes: what a token is asked for, and what it allows, in the words of the token protocol.

`type:name:action[,action]`, as in `repository:team/app:pull,push`. The grammar is that of Docker's
token authentication, which the distribution specification's clients use.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from lading.core.access import Action, Actions, Right, Rights
from lading.core.errors import NameInvalid
from lading.core.globs import Glob
from lading.core.names import RepositoryName

REPOSITORY = "repository"
_ANY_ACTION = "*"


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope: some actions on one repository, or on what else a token service knows."""

    type: str
    name: str
    actions: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a scope; `None` if it is none. A name may hold a colon: `host:5000/app`."""
        type_, _, rest = text.partition(":")
        name, _, actions = rest.rpartition(":")
        if not (type_ and name):
            return None
        return cls(type_, name, tuple(action for action in actions.split(",") if action))

    @classmethod
    def of(cls, repository: RepositoryName, actions: Actions) -> Self:
        """The scope of some actions in a repository."""
        return cls(
            REPOSITORY, repository, tuple(action.value for action in Action if action in actions)
        )

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.actions)}"

    @property
    def repository(self) -> RepositoryName | None:
        """The repository it is about, if it is about one that can exist here."""
        if self.type != REPOSITORY:
            return None
        try:
            return RepositoryName(self.name)
        except NameInvalid:
            return None

    @property
    def known_actions(self) -> Actions:
        """The actions that it names and a repository knows; `*` is everything but `admin`."""
        if _ANY_ACTION in self.actions:
            return frozenset(Action) - {Action.ADMIN}
        return frozenset(Action(action) for action in self.actions if action in _KNOWN)


_KNOWN = frozenset(action.value for action in Action)

CATALOG = Scope("registry", "catalog", (_ANY_ACTION,))


def rights_in(scopes: Iterable[Scope]) -> Rights:
    """The rights that scopes allow in repositories."""
    return tuple(
        Right(Glob(repository), scope.known_actions)
        for scope in scopes
        if (repository := scope.repository) is not None
    )


def opens_catalog(scopes: Iterable[Scope]) -> bool:
    """Whether one of the scopes lets its bearer ask which repositories there are."""
    return any(
        (scope.type, scope.name) == (CATALOG.type, CATALOG.name) and _ANY_ACTION in scope.actions
        for scope in scopes
    )
