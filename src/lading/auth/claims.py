"""Claims: what a token says, once its signature is right (RFC 7519, and Docker's `access`)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lading.core.scopes import Scope

if TYPE_CHECKING:
    from jwt.types import Options

Claims = Mapping[str, object]

# Seconds by which the clocks of two machines may differ; Distribution's.
LEEWAY = 60.0
# More than a push of many images asks for.
MAX_SCOPES = 256
# A subject goes into logs and the history of tags.
MAX_SUBJECT = 255

# Times are checked by `check_times`, against the registry's own clock; weak keys do not count.
OPTIONS: "Options" = {
    "require": ["iss", "aud", "exp"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "enforce_minimum_key_length": True,
}


def said_subject(token: str) -> str:
    """The subject that a token names, be that true or not; empty if it names none."""
    # Who has no logins, as a registry in somebody's tests, does without loading this.
    import jwt  # noqa: PLC0415

    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return text_of(claims, "sub")
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError, TokenInvalid):
        return ""


class TokenInvalid(Exception):
    """A token that is not valid. The message is for the log: it holds nothing of the token."""


def check_times(claims: Claims, now: float, leeway: float = LEEWAY) -> float:
    """Check that a token has begun and has not ended; when it ends, leeway included.

    Raises:
        TokenInvalid: it has not begun, has ended, or does not say when it ends.
    """
    expires = _number(claims, "exp")
    if expires is None:
        raise TokenInvalid("it does not say when it ends")
    if expires + leeway <= now:
        raise TokenInvalid("it has ended")
    begins = _number(claims, "nbf")
    if begins is not None and begins - leeway > now:
        raise TokenInvalid("it has not begun")
    return expires + leeway


def text_of(claims: Claims, name: str) -> str:
    """A claim that is text; empty if it is missing.

    Raises:
        TokenInvalid: it is something else.
    """
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise TokenInvalid(f"its `{name}` is not text")
    return value


def subject_of(claims: Claims) -> str:
    """The `sub`: who has the token, as it is shown and written down; empty if it is not said.

    Raises:
        TokenInvalid: it is no name: longer, or with what cannot be shown, or not even be written.
    """
    subject = text_of(claims, "sub")
    if len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise TokenInvalid("its `sub` is not a name")
    return subject


def scopes_of(claims: Claims) -> Sequence[Scope]:
    """The `access` of a token: what it is good for.

    Raises:
        TokenInvalid: it is not of that form.
    """
    access = claims.get("access") or []
    if not isinstance(access, list) or len(access) > MAX_SCOPES:
        raise TokenInvalid("its `access` is not a list of at most 256 entries")
    return [_scope(entry) for entry in access]


def access_claim(scopes: Sequence[Scope]) -> list[dict[str, object]]:
    """Scopes, as a token holds them."""
    return [
        {"type": scope.type, "name": scope.name, "actions": list(scope.actions)} for scope in scopes
    ]


def _scope(entry: object) -> Scope:
    match entry:
        case {"type": str(type_), "name": str(name), "actions": list(actions)} if all(
            isinstance(action, str) for action in actions
        ):
            return Scope(type_, name, tuple(actions))
        case {"type": str(type_), "name": str(name), "actions": None}:
            return Scope(type_, name, ())
        case _:
            raise TokenInvalid("its `access` has an entry that is none")


def _number(claims: Claims, name: str) -> float | None:
    """A NumericDate's time. JSON's numbers may be huge, and Python's reader knows `NaN`."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise TokenInvalid(f"its `{name}` is not a time")
    return float(value)
