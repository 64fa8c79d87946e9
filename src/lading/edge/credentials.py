"""Credentials of a request: its `Authorization` header (RFC 7617, RFC 6750)."""

import base64
import binascii
from dataclasses import dataclass, field


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
