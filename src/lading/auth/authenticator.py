"""Logins and tokens, and the ports of what finds them out."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from lading.core.access import Principal, Rights


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password that belong together.

    Attributes:
        stamp: changes when the password does, or what the principal is, and tells nothing about
            either; what was issued to this login is good as long as the stamp is.
        until: when it ends by itself, in seconds since the epoch.
        borrowed: whether the principal's rights come from somebody else's token, and cannot be
            looked up again without it.
        stands: says in a microsecond that it is as it was; otherwise, and where there is nothing
            that can, it is to be recalled.
    """

    principal: Principal
    stamp: str
    until: float = math.inf
    borrowed: bool = False
    stands: Callable[[], bool] = field(default=lambda: False, compare=False)


class Authenticator(Protocol):
    """A place that knows names and passwords, such as a file of users."""

    async def authenticate(self, name: str, password: str) -> Login | None:
        """Check a password; `None` if it is wrong or this place does not know the name.

        Raises:
            Unavailable: it cannot be checked now.
        """

    async def recall(self, name: str) -> Login | None:
        """The login of a name, without its password, if it still exists.

        Asked at nearly each request, unless the login itself can tell, so it takes microseconds.

        Raises:
            Unavailable: it cannot be looked up now.
        """


class MachineAuthenticator(Authenticator, Protocol):
    """A place of machines, such as a table of robots, whose secrets cannot be guessed."""

    def owns(self, name: str, password: str) -> bool:
        """Whether this can be nobody else's login."""

    def may_know(self, name: str) -> bool:
        """Whether a login of this name can be nobody else's."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that is valid, and what it says.

    Attributes:
        scopes: in which repositories it is good for what.
        catalog: whether it is good for the list of repositories.
        until: when it ends, in seconds since the epoch.
        login: that it was issued to, and with which it ends; `None` if there is none.
    """

    principal: Principal
    scopes: Rights
    catalog: bool
    until: float
    login: Login | None = None


class TokenVerifier(Protocol):
    """The tokens of one issuer, for whoever has to verify one."""

    async def verify(self, token: str) -> VerifiedToken | None:
        """Verify a token; `None` if it is not valid.

        Raises:
            Unavailable: it cannot be checked now.
        """
