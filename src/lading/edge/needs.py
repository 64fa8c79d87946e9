"""Needs of endpoints: what a caller must be allowed to do to be let in."""

from enum import Enum

from lading.core.access import Action, Actions


class Need(Enum):
    """A need that is not about a repository."""

    NOTHING = "anybody may"
    LOGIN = "a valid password or token of anybody's"
    CATALOG = "leave to ask which repositories there are"


Needs = Need | Actions
"""Either of these, or what must be allowed in the repository."""

PULL: Actions = frozenset({Action.PULL})
PUSH: Actions = frozenset({Action.PULL, Action.PUSH})
DELETE: Actions = frozenset({Action.DELETE})
