"""Conversation with another registry over HTTP: requests, logins, and what its errors mean."""

import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin

import urllib3
from urllib3.exceptions import HTTPError

from lading.cli.images.documents import read_object
from lading.cli.images.logins import LoginFile, RegistryLogin
from lading.core.errors import (
    BlobUnknown,
    Denied,
    ManifestUnknown,
    RegistryError,
    RepositoryUnknown,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unsupported,
)

# Bytes of a document that are read: a manifest, a list, a token.
MOST_READ = 16 * 1024 * 1024
# Seconds to connect, and to wait for more of an answer.
_PATIENCE = urllib3.Timeout(connect=10, read=60)
# What passes is tried again, as long as the registry says or a moment longer each time.
_RETRIES = urllib3.Retry(
    total=4,
    redirect=5,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=frozenset({"GET", "HEAD"}),
    respect_retry_after_header=True,
    raise_on_status=False,
)
_HUB = "docker.io"
_HUB_ADDRESS = "registry-1.docker.io"
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
# Seconds before its end at which a token counts as over.
_SLACK = 10.0


class Conversation:
    """A conversation with one registry, by one user.

    Args:
        host: as in the name of an image.
        login: `None` to go without one.
    """

    def __init__(self, host: str, login: RegistryLogin | None) -> None:
        self.host = host
        address = _HUB_ADDRESS if host == _HUB else host
        scheme = "http" if _is_here(address) else "https"
        self._base = f"{scheme}://{address}"
        self._login = login
        self._pool = urllib3.PoolManager(timeout=_PATIENCE, retries=_RETRIES)
        # What goes into `Authorization`, by scope, and when it ends.
        self._tokens: dict[str, tuple[str, float]] = {}

    @classmethod
    def of_user(cls, host: str) -> "Conversation":
        """The conversation that has the login of Docker's file."""
        return cls(host, LoginFile.usual().find(host))

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    def ask(
        self,
        method: str,
        path: str,
        *,
        scope: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer to a request, whose body is not read yet.

        Args:
            path: below the registry, or a whole URL of its own.
            scope: what a token must be good for, as in `repository:app:pull`.

        Raises:
            RegistryError: of the kind that the answer means.
        """
        response = self._send(method, path, scope, headers, body)
        if response.status == 401:
            challenge = response.headers.get("WWW-Authenticate", "")
            response.drain_conn()
            self._answer_challenge(challenge, scope)
            response = self._send(method, path, scope, headers, body)
        if response.status >= 400:
            error = _error_of(response, f"{self.host}{path}")
            response.drain_conn()
            raise error
        return response

    def read(
        self, path: str, *, scope: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, Mapping[str, str]]:
        """The body of an answer and its headers, by lower-case name.

        Raises:
            RegistryError: of the kind that the answer means.
        """
        response = self.ask("GET", path, scope=scope, headers=headers)
        try:
            data = response.read(MOST_READ + 1)
        except HTTPError as error:
            raise Unavailable(f"the answer of {self.host} broke off: {error}") from error
        finally:
            response.release_conn()
        if len(data) > MOST_READ:
            raise Unavailable(f"{self.host} answers with more than {MOST_READ} bytes")
        return data, {name.lower(): value for name, value in response.headers.items()}

    def _send(
        self,
        method: str,
        path: str,
        scope: str,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> urllib3.BaseHTTPResponse:
        given = {"User-Agent": "lading", **(headers or {})}
        known = self._tokens.get(scope) or self._tokens.get("")
        if known is not None and known[1] > time.monotonic():
            given["Authorization"] = known[0]
        try:
            return self._pool.request(
                method,
                urljoin(self._base, path),
                headers=given,
                body=body,
                preload_content=False,
            )
        except HTTPError as error:
            reason = str(getattr(error, "reason", None) or error)
            raise Unavailable(f"{self.host} cannot be reached: {reason}") from error

    def _answer_challenge(self, challenge: str, scope: str) -> None:
        """Log in as the registry asks to.

        Raises:
            Unauthorized: it cannot be done.
        """
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic" and self._login is not None:
            basic = urllib3.make_headers(basic_auth=":".join(self._login))["authorization"]
            self._tokens[""] = (basic, float("inf"))
        elif kind.lower() == "bearer":
            self._tokens[scope] = self._fetch_token(dict(_PARAMETER.findall(rest)), scope)
        else:
            raise self._unauthorized()

    def _fetch_token(self, asked: Mapping[str, str], scope: str) -> tuple[str, float]:
        """A token for a scope (https://distribution.github.io/distribution/spec/auth/token/)."""
        realm = asked.get("realm", "")
        # A login is for the registry: who is asked for a token must be told it as safely.
        if not realm.startswith("https://") and self._base.startswith("https:"):
            raise Unauthorized("", f"{self.host} sends its clients for tokens to {realm!r}")
        fields = {"service": asked.get("service", "")}
        if wanted := scope or asked.get("scope", ""):
            fields["scope"] = wanted
        headers = {"User-Agent": "lading"}
        if self._login is not None:
            headers |= urllib3.make_headers(basic_auth=":".join(self._login))
        try:
            response = self._pool.request("GET", realm, fields=fields, headers=headers)
        except HTTPError as error:
            raise Unavailable(f"no token can be had at {realm}: {error}") from error
        document = read_object(response.data[:MOST_READ])
        token = document.get("token") or document.get("access_token")
        if response.status != 200 or not isinstance(token, str):
            raise self._unauthorized()
        lasts = document.get("expires_in")
        seconds = lasts if isinstance(lasts, int) and lasts > 0 else 60
        return f"Bearer {token}", time.monotonic() + max(seconds - _SLACK, _SLACK)

    def _unauthorized(self) -> Unauthorized:
        known = "the login that is kept for it is wrong" if self._login else "it wants a login"
        return Unauthorized("", f"{known}; `lading login {self.host}`")


def escape(text: str) -> str:
    """A tag or a digest as a part of a path."""
    return quote(text, safe=":")


def _is_here(address: str) -> bool:
    """Whether it is this machine, which Docker, too, asks without TLS."""
    name = address.rpartition(":")[0] or address
    return name in {"localhost", "[::1]", "::1"} or name.startswith("127.")


_BY_CODE = {
    "BLOB_UNKNOWN": BlobUnknown,
    "MANIFEST_UNKNOWN": ManifestUnknown,
    "NAME_UNKNOWN": RepositoryUnknown,
}


def _error_of(response: urllib3.BaseHTTPResponse, what: str) -> RegistryError:
    """The error that an answer means: by its code, or else by its status."""
    code, message = _said(response)
    said = message or f"{what}: status {response.status}"
    match response.status:
        case 401:
            return Unauthorized("", f"{said}; `lading login` with another user")
        case 403:
            return Denied(said)
        case 404:
            kind = _BY_CODE.get(code) or (BlobUnknown if "/blobs/" in what else ManifestUnknown)
            return kind(said)
        case 405:
            return Unsupported(f"{said} (this registry does not do that)")
        case 429:
            return TooManyRequests(said, 1.0)
    return Unavailable(said)


def _said(response: urllib3.BaseHTTPResponse) -> tuple[str, str]:
    """The first error of an answer: its code, its message."""
    try:
        errors: Any = read_object(response.read(64 * 1024)).get("errors")
    except HTTPError:
        return "", ""
    if not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return "", ""
    return str(errors[0].get("code", "")), str(errors[0].get("message", ""))
