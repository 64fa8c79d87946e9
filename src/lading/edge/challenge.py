"""Challenges, and the credentials that answer them: how clients log in (RFC 9110, section 11).

A challenge is in the `WWW-Authenticate` header of a 401. Docker's clients choose their way of
logging in by it, so its words are those of CNCF Distribution. Credentials are in the
`Authorization` header of a request (RFC 7617, RFC 6750).
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from lading.core.scopes import Scope
from lading.core.typing import override
from lading.edge.request import Request


class Fault(StrEnum):
    """A fault of a token (RFC 6750, section 3.1)."""

    INVALID = "invalid_token"
    INSUFFICIENT = "insufficient_scope"


class Challenge(Protocol):
    """A challenge: one way of logging in, as a client is told of it."""

    def header(
        self, request: Request, scopes: Sequence[Scope] = (), fault: Fault | None = None
    ) -> str:
        """The value of `WWW-Authenticate`.

        Args:
            scopes: what a token must be good for to let it through.
            fault: what is wrong with the token that came with it, if one did.
        """


@dataclass(frozen=True, slots=True)
class Basic(Challenge):
    """The challenge to send a password with every request (RFC 7617)."""

    realm: str

    @property
    def value(self) -> str:
        """The value of `WWW-Authenticate`, the same for every request."""
        return f"Basic realm={_quoted(self.realm)}"

    @override
    def header(
        self, request: Request, scopes: Sequence[Scope] = (), fault: Fault | None = None
    ) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Bearer(Challenge):
    """The challenge to get a token from a token server, be it the registry's own (RFC 6750).

    Attributes:
        realm_of: the URL of the server, as the client of a request reaches it.
        service: the name of this registry there.
    """

    realm_of: Callable[[Request], str]
    service: str

    @override
    def header(
        self, request: Request, scopes: Sequence[Scope] = (), fault: Fault | None = None
    ) -> str:
        parameters = {"realm": self.realm_of(request), "service": self.service}
        if scopes:
            parameters["scope"] = " ".join(str(scope) for scope in scopes)
        if fault is not None:
            parameters["error"] = fault.value
        return "Bearer " + ",".join(f"{name}={_quoted(text)}" for name, text in parameters.items())


def _quoted(text: str) -> str:
    """A quoted-string (RFC 9110, section 5.6.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class Password:
    """A name and a password, as `Basic` has them."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, as `Bearer` has it."""

    text: str = field(repr=False)


def parse_authorization(header: str) -> Password | Token | None:
    """Credentials in the value of the header; `None` if it says nothing that could be checked."""
    scheme, _, value = header.strip().partition(" ")
    match scheme.lower():
        case "basic":
            return _parse_basic(value.strip())
        case "bearer" if value.strip():
            return Token(value.strip())
        case _:
            return None


def _parse_basic(value: str) -> Password | None:
    """A name, up to the first colon, and a password. It may be empty, and is nobody's then."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return Password(name, password) if colon else None
