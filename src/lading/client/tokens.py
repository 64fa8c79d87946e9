"""Tokens for a host: got from the realm that it names, kept until they are nearly over.

Source: Docker's "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

from lading.client.answer_headers import AskedLogin, parse_challenges
from lading.client.answers import cut_off, parse_document, read_bounded, read_error
from lading.client.errors import ClientError, NotPermitted, bare, of_answer
from lading.client.kept_connections import HostAnswer
from lading.client.references import is_local

if TYPE_CHECKING:
    from lading.client.credentials import HostLogin

LoginFinder = Callable[[str], "HostLogin | None"]
"""Gives the login for a repository."""

Asker = Callable[[str, str, Mapping[str, str], bytes | None], HostAnswer]
"""Sends a request: its method, address, headers and body."""

# "If omitted, this defaults to 60 seconds" (Token Authentication Specification, expires_in).
_DEFAULT_SECONDS = 60
_MOST_SECONDS = 366 * 86400
_MOST_TOKEN = 1024 * 1024
_TOKEN_SECONDS = 30.0
_CLIENT_ID = "lading"


class _Kept(NamedTuple):
    header: str
    until: float


class HostTokens:
    """A login that is kept, as `Authorization` for one host; tokens have to come in `seconds`."""

    def __init__(
        self,
        registry: str,
        find: LoginFinder,
        ask: Asker,
        is_plain: Callable[[], bool],
        *,
        seconds: float = _TOKEN_SECONDS,
    ) -> None:
        self._seconds = seconds
        self._registry = registry
        self._is_plain = is_plain
        self._find = find
        self._ask = ask
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, ...], _Kept] = {}
        self._way: AskedLogin | None = None

    @property
    def is_asked_for(self) -> bool:
        """Whether the host has asked for a login so far."""
        return self._way is not None

    def header(self, scopes: tuple[str, ...]) -> str:
        """What is known to be right for these scopes; empty if nothing is.

        When the host once asked for tokens, one is got before it has to ask again.
        """
        with self._lock:
            known, way = self._known(scopes), self._way
        return known or (self._get(way, scopes) if way is not None and scopes else "")

    def answer(self, challenges: list[str], scopes: tuple[str, ...], sent: str) -> str:
        """What to send after a challenge; empty if there is nothing better than what was sent."""
        way = self._choose(challenges, scopes)
        if way is None:
            return ""
        with self._lock:
            kept = self._kept.get(scopes)
            if kept is not None and kept.header == sent:
                del self._kept[scopes]
            self._way = way
        header = self._get(way, scopes)
        return "" if header == sent else header

    def _choose(self, challenges: list[str], scopes: tuple[str, ...]) -> AskedLogin | None:
        """The first way to log in that can be gone; the first one of all if none can.

        A registry may take several: who has no password for Basic may be anybody for a token, and
        where tokens are had nowhere the password may do.
        """
        ways = [way for way in parse_challenges(challenges) if way.scheme in {"basic", "bearer"}]
        if len(ways) < 2:
            return ways[0] if ways else None
        return next((way for way in ways if self._can_go(way, scopes)), ways[0])

    def _can_go(self, way: AskedLogin, scopes: tuple[str, ...]) -> bool:
        if way.scheme == "bearer":
            return self._is_safe(way.parameters.get("realm", ""))
        login = self._find(_repository_of(scopes))
        return login is not None and login.password != ""

    def is_over(self, scopes: tuple[str, ...], header: str) -> bool:
        """Whether the time of a token has ended, or there is a newer one."""
        with self._lock:
            return scopes in self._kept and self._known(scopes) != header

    def _known(self, scopes: tuple[str, ...]) -> str:
        """The token for these scopes that is kept; empty if there is none, or its time is over."""
        kept = self._kept.get(scopes)
        return kept.header if kept is not None and time.monotonic() < kept.until else ""

    def _get(self, way: AskedLogin, scopes: tuple[str, ...]) -> str:
        login = self._find(_repository_of(scopes))
        if way.scheme == "basic":
            return login.header if login is not None and login.password else ""
        if login is not None and is_token(login.registry_token):
            return f"Bearer {login.registry_token}"
        with self._lock:  # one token for all who wait for the same
            known = self._known(scopes)
            if not known:
                self._kept[scopes] = self._fetch(way, scopes, login)
                known = self._kept[scopes].header
            return known

    def _fetch(self, way: AskedLogin, scopes: tuple[str, ...], login: "HostLogin | None") -> _Kept:
        realm = way.parameters.get("realm", "")
        if not self._is_safe(realm):
            raise NotPermitted(
                f"{self._registry} sends its clients for tokens to {realm!r}, which is not safe",
                advice="mend the address of the token server (`realm`) in the registry's"
                " configuration",
            )
        wanted = list(scopes) or way.parameters.get("scope", "").split()
        query = [("service", way.parameters["service"])] if "service" in way.parameters else []
        if login is not None and login.refresh_token:
            answer = self._post(realm, query, wanted, login.refresh_token)
        else:
            query += [("scope", scope) for scope in wanted]
            headers = {"Authorization": login.header} if login is not None else {}
            joint = "&" if urlsplit(realm).query else "?"
            url = f"{realm}{joint}{urlencode(query, quote_via=quote_plus)}" if query else realm
            answer = self._ask("GET", url, headers, None)
        return self._read(realm, answer)

    def _post(
        self, realm: str, query: list[tuple[str, str]], scopes: list[str], token: str
    ) -> HostAnswer:
        form = [
            *query,
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", _CLIENT_ID),
            ("scope", " ".join(scopes)),
        ]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", realm, headers, urlencode(form).encode())

    def _is_safe(self, realm: str) -> bool:
        """Whether tokens may be had there: without TLS only where the registry has none.

        Or where both are this machine.
        """
        try:
            parts = urlsplit(realm)
            scheme, host = parts.scheme, parts.hostname or ""
        except ValueError:
            return False
        near = is_local(self._registry) and is_local(host)
        return host != "" and (
            scheme == "https" or (scheme == "http" and (self._is_plain() or near))
        )

    def _read(self, realm: str, answer: HostAnswer) -> _Kept:
        if answer.status != 200:
            raise of_answer(f"token of {bare(realm)}", answer.status, read_error(answer))
        try:
            body = read_bounded(answer, _MOST_TOKEN, self._seconds)
        except OSError as error:
            raise cut_off(realm, error) from error
        document = parse_document(answer, realm, body)
        token = document.get("token") or document.get("access_token")
        if not is_token(token):
            raise ClientError(f"{bare(realm)} gives no token")
        seconds = document.get("expires_in")
        if not isinstance(seconds, int | float) or not 0 < seconds < _MOST_SECONDS:
            seconds = _DEFAULT_SECONDS
        return _Kept(f"Bearer {token}", time.monotonic() + seconds * 0.9)


def is_token(said: object) -> bool:
    """Whether what a server gives is a token; else it might be a header of its own in one."""
    return isinstance(said, str) and said != "" and all("!" <= char <= "~" for char in said)


def _repository_of(scopes: tuple[str, ...]) -> str:
    """The repository that the first scope is about."""
    parts = scopes[0].split(":") if scopes else []
    return parts[1] if len(parts) == 3 and parts[0] == "repository" else ""
