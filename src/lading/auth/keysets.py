"""Public keys of others, as JSON Web Key Sets (RFC 7517) in files and at URLs.

A token names its key; nothing that a token says makes the registry ask anywhere else. An answer has
a time and a size, whatever the other end does: a time limit of a socket is one for each read, and
who sends a byte now and then is never late.
"""

import asyncio
import logging
import math
import os
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import msgspec

from lading.auth.public_keys import TrustedKey, names_of, parse_key
from lading.core.errors import Unavailable
from lading.core.typing import override
from lading.core.urls import is_protected
from lading.ports.logins import AuthUnusable
from lading.system.gathering import SingleFlight
from lading.system.proxies import proxy_for
from lading.system.threads import Pending, Threads

log = logging.getLogger(__name__)

MAX_SIZE = 1024 * 1024
MAX_KEYS = 1000
# Seconds for each step of a connection, for the head of an answer, and for its body.
TOTAL = 5.0
# Seconds: how long an issuer's two answers may take, with all that comes before them; how old keys
# may be; how soon an unknown key makes the registry ask again, which anybody can cause.
PATIENCE = 20.0
MAX_AGE = 600.0
MIN_AGE = 30.0


Keys = Mapping[str, TrustedKey]
"""By the names that tokens may know them by."""


class KeySet(Protocol):
    """Keys of others by name, wherever they come from."""

    async def find(self, key_id: str) -> TrustedKey | None:
        """The key of a name.

        Raises:
            Unavailable: the keys are not known at present.
        """


class FixedKeys(KeySet):
    """A key set that was read once."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @override
    async def find(self, key_id: str) -> TrustedKey | None:
        return self._keys.get(key_id)


class RemoteKeys(KeySet):
    """A key set at a URL. If that does not answer, the keys of before stay.

    Args:
        clock: in seconds; it only goes forward.
        read: gets them, blocking; raises `AuthUnusable`.
    """

    def __init__(
        self, url: str, clock: Callable[[], float], read: Callable[[str], bytes] | None = None
    ) -> None:
        self._url = url
        self._clock = clock
        self._read = read or fetch
        self._keys: Keys | None = None
        self._asked_at = -math.inf
        self._asking: SingleFlight[str, None] = SingleFlight()
        # Of its own: looking a name up can take as long as it likes, and nothing waits for its end.
        self._thread = Threads(1, "keys")
        self._reading: Pending[Keys] | None = None

    @override
    async def find(self, key_id: str) -> TrustedKey | None:
        is_known = self._keys is not None and key_id in self._keys
        age = self._clock() - self._asked_at
        if age >= (MAX_AGE if is_known else MIN_AGE) or self._url in self._asking:
            answer = self._asking.join(self._url, self._ask)
            if not is_known:
                await answer
        if self._keys is None:
            raise Unavailable("the keys of the token server cannot be had at present")
        return self._keys.get(key_id)

    async def _ask(self) -> None:
        self._asked_at = self._clock()
        if self._reading is None or self._reading.done():
            self._reading = self._thread.start(lambda: parse_keys(self._read(self._url)))
        reading = self._reading
        if not (await asyncio.wait([reading], timeout=PATIENCE))[0]:
            log.error("%s: no answer within %.0f seconds", self._url, PATIENCE)
            return
        try:
            self._keys = reading.result()
        except AuthUnusable as error:
            log.error("%s: %s", self._url, error)  # noqa: TRY400 - said in words


def read_keys(path: Path) -> Keys:
    """The keys of a file.

    Raises:
        AuthUnusable: it cannot be read, or is no key set.
    """
    try:
        with path.open("rb") as file:
            return parse_keys(file.read(MAX_SIZE + 1))
    except OSError as error:
        raise AuthUnusable(f"{path}: cannot be read: {error.strerror}") from error
    except AuthUnusable as error:
        raise AuthUnusable(f"{path}: {error}") from error


def parse_keys(content: bytes) -> Keys:
    """Read a key set. Keys of a kind that is not supported are passed over (RFC 7517, section 5).

    Each key is found by its `kid`, and by its thumbprints.

    Raises:
        AuthUnusable: it is none, or has no key that could be used.
    """
    if len(content) > MAX_SIZE:
        raise AuthUnusable(f"larger than {MAX_SIZE} bytes")
    try:
        entries = msgspec.json.decode(content, type=dict[str, object]).get("keys")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AuthUnusable(f"not a JSON Web Key Set: {error}") from error
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise AuthUnusable(f"not a JSON Web Key Set: `keys` is not a list of at most {MAX_KEYS}")
    keys: dict[str, TrustedKey] = {}
    for entry in entries:
        for name, key in _named(entry):
            keys.setdefault(name, key)
    if not keys:
        raise AuthUnusable("holds no key that can be used")
    return keys


def _named(entry: object) -> Iterable[tuple[str, TrustedKey]]:
    key = parse_key(entry)
    if key is None or not isinstance(entry, dict):
        return
    key_id = entry.get("kid")
    if isinstance(key_id, str) and key_id:
        yield key_id, key
    if not isinstance(key.key, bytes):
        for name in names_of(key.key):
            yield name, key


def fetch_of_issuer(issuer: str) -> bytes:
    """Get the key set of an issuer of OpenID Connect. Blocks.

    Its configuration says where that is (OpenID Connect Discovery 1.0, section 4).

    Raises:
        AuthUnusable: it cannot be had.
    """
    content = fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
    try:
        document = msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AuthUnusable(f"its configuration is not JSON: {error}") from error
    # Section 4.3: "The issuer value returned MUST be identical to the Issuer URL".
    if document.get("issuer") != issuer:
        raise AuthUnusable("its configuration is that of another issuer")
    url = document.get("jwks_uri")
    if not isinstance(url, str) or not is_protected(url):
        raise AuthUnusable("its configuration names no `https://` URL of keys (`jwks_uri`)")
    return fetch(url)


def fetch(url: str) -> bytes:
    """Get a document, or its beginning and a byte more than it may have. Blocks.

    No redirect is followed: documents come from where the operator said.

    Raises:
        AuthUnusable: it cannot be had.
    """
    from lading.client.answers import read_some  # noqa: PLC0415 - few fetch any
    from lading.client.kept_connections import asked_once  # noqa: PLC0415
    from lading.client.sending import COMMON_HEADERS  # noqa: PLC0415

    try:
        proxy = proxy_for(url, os.environ)
        with asked_once("GET", url, COMMON_HEADERS, seconds=TOTAL, proxy=proxy) as answer:
            if answer.status != HTTPStatus.OK:
                raise AuthUnusable(f"cannot be had: it is answered with {answer.status}")
            content, _ = read_some(answer, MAX_SIZE + 1, TOTAL)
    except (OSError, ValueError) as error:
        raise AuthUnusable(f"cannot be had: {error}") from error
    return content
