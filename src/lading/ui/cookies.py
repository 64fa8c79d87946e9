"""Cookies of pages: the secret of a session, or of a visitor who has none but fills in a form.

Of either the browser alone has the secret; a form's token is made of it, and no other site can read
or guess that.
"""

import hmac
import os
import re
from collections.abc import Mapping

from lading.core.secret_texts import SECRET_BYTES, text_of
from lading.edge.request import Request

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# Browsers take such a name from this very host by HTTPS alone, and for all its paths.
_HOST_ONLY = "__Host-"
SESSION = "lading-session"
VISITOR = "lading-visitor"


def new_secret() -> str:
    """256 random bits, as text."""
    return text_of(os.urandom(SECRET_BYTES))


def find(request: Request, name: str, *, secure: bool) -> str | None:
    """The secret in a cookie; `None` if there is none, or what is no secret.

    Args:
        secure: whether the browser speaks HTTPS; then no cookie counts that another host of the
            domain could have set.
    """
    wanted = _name(name, secure=secure)
    for pair in request.headers.get("cookie", "").replace(",", ";").split(";"):
        given, _, value = pair.strip().partition("=")
        if given == wanted and _SECRET.fullmatch(value):
            return value
    return None


def set_cookie(name: str, value: str, *, secure: bool, seconds: int | None = None) -> str:
    """The value of `Set-Cookie`.

    Args:
        seconds: that the browser keeps it; `None` until it is closed, 0 to have it forgotten.
    """
    age = "" if seconds is None else f"; Max-Age={seconds}"
    end = "; Secure" if secure else ""
    return f"{_name(name, secure=secure)}={value}; Path=/{age}; HttpOnly; SameSite=Lax{end}"


def _name(name: str, *, secure: bool) -> str:
    return f"{_HOST_ONLY}{name}" if secure else name


class FormSecret:
    """The secret that tokens of a request's forms are made of; a new one if its browser has none.

    Args:
        secure: whether the browser speaks HTTPS.
    """

    def __init__(self, request: Request, *, secure: bool) -> None:
        session = find(request, SESSION, secure=secure) if request.caller else None
        self._known = session or find(request, VISITOR, secure=secure)
        self._made = ""
        self._secure = secure

    def token(self) -> str:
        """The token of a form."""
        if not self._known:
            self._made = self._made or new_secret()
        return _token(self._known or self._made)

    def accepts(self, token: str) -> bool:
        """Whether a token is of a form that this browser was given."""
        known = self._known
        return known is not None and hmac.compare_digest(_token(known).encode(), token.encode())

    def headers(self) -> Mapping[str, str]:
        """The headers that go along with a form: the secret, if the browser has none."""
        if not self._made:
            return {}
        return {"Set-Cookie": set_cookie(VISITOR, self._made, secure=self._secure)}


def _token(secret: str) -> str:
    return hmac.digest(secret.encode(), b"form", "sha256").hex()
