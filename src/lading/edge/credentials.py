"""What a request says of its sender: the `Authorization` header (RFC 7617, RFC 6750)."""

import base64
import binascii
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Password:
    """Basic: a name and a password."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """Bearer: a token."""

    text: str = field(repr=False)


def parse_authorization(header: str) -> Password | Token | None:
    """Read the value of the header; `None` if it says nothing that could be checked."""
    scheme, _, value = header.strip().partition(" ")
    match scheme.lower():
        case "basic":
            return _parse_basic(value.strip())
        case "bearer" if value.strip():
            return Token(value.strip())
        case _:
            return None


def _parse_basic(value: str) -> Password | None:
    """A name may be empty here, and never is anybody's; it ends at the first colon."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return Password(name, password) if colon else None
