"""Names and passwords of robots, the logins of programs.

A robot's password has 256 random bits, so a plain hash keeps it, and checking it costs nothing;
what follows from a person's choice of a password does not apply. The name of the login starts with
`robot+`, so that no user's can be the same.
"""

import base64
import hashlib
import re

PREFIX = "robot+"
SECRET_BYTES = 32
# Programs that look for secrets in the wrong places know them by such a word.
_SECRET_PREFIX = "lading_"  # noqa: S105 - not a secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def check_name(name: str) -> str:
    """The name, if it can be a robot's.

    Raises:
        ValueError: it cannot; the message says what can.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError("write up to 64 letters, digits, `.`, `_` and `-`, such as `ci`")
    return name


def login_name(robot: str) -> str:
    """The name by which a robot logs in."""
    return PREFIX + robot


def password_of(secret: bytes) -> str:
    """The password that a secret of `SECRET_BYTES` makes."""
    return _SECRET_PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def hash_password(password: str) -> str:
    """The hash by which a password is known again."""
    return hashlib.sha256(password.encode(errors="replace")).hexdigest()
