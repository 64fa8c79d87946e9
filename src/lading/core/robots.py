"""Robots, the logins of programs: their names, passwords and rights.

A robot's password has 256 random bits, so a plain hash keeps it, and checking it costs nothing;
what follows from a person's choice of a password does not apply. The name of the login starts with
`robot+`, so that no user's can be the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.access import Actions
from lading.core.globs import Glob
from lading.core.secret_texts import text_of

PREFIX = "robot+"
# Programs that look for secrets in the wrong places know them by such a word.
_SECRET_PREFIX = "lading_"  # noqa: S105 - not a secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Robot:
    """A robot: the login of a program.

    Attributes:
        hash: of its password; the password itself is kept nowhere.
        repositories: where it may do something.
        expires_at: when it ends, if it does.
        used_at: when it was last used, give or take a minute; `None` if it never was.
    """

    name: str
    hash: str
    repositories: Sequence[Glob]
    actions: Actions
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None = None


def is_name(name: str) -> bool:
    """Whether a robot can be called so."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> str:
    """The name, if it can be a robot's; else a `ValueError`, whose message says what can."""
    if not is_name(name):
        raise ValueError("write up to 64 letters, digits, `.`, `_` and `-`, such as `ci`")
    return name


def login_name(robot: str) -> str:
    """The name by which a robot logs in."""
    return PREFIX + robot


def password_of(secret: bytes) -> str:
    """The password that a secret of `SECRET_BYTES` makes."""
    return _SECRET_PREFIX + text_of(secret)
