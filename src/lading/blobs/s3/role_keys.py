"""Keys of a role: asked for where the environment says, and again before they end.

Sources: "Container credential provider", "Assume role with web identity" and "IMDS" of the AWS
SDKs' reference (https://docs.aws.amazon.com/sdkref/latest/guide).
"""

import json
import logging
import math
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.attempts import ATTEMPT
from lading.blobs.s3.bucket import amazon
from lading.system.proxies import proxy_for

log = logging.getLogger(__name__)

_CONTAINER = "http://169.254.170.2"
_MACHINE = "http://169.254.169.254"
# Seconds before their end from which on other keys are asked for.
BEFORE_END = 300.0
# Seconds for which keys count that do not say when they end.
UNKNOWN_END = 900.0
# Seconds until who gives no other keys is asked again, as long as those that are known are good:
# else each request would wait for it.
AGAIN = 30.0
# Bytes of an answer.
_MOST = 64 * 1024

# What comes of an answer that is no JSON, no XML, not of this shape, or has no time in it.
_NO_KEYS = (ValueError, LookupError, TypeError, OverflowError, RecursionError, ET.ParseError)


class PassingKeys(NamedTuple):
    """Keys, and when they end, in seconds since the epoch."""

    keys: AccessKeys
    ends_at: float


class RoleKeys:
    """The keys of the role that the environment names, or of the machine's, in a region."""

    def __init__(self, region: str, environ: Mapping[str, str]) -> None:
        self._region = region
        self._environ = environ
        self._lock = threading.Lock()
        self._known: PassingKeys | None = None
        self._failed_at = -math.inf

    def known(self) -> PassingKeys | None:
        """Keys that are good for a while; `None` if they have to be asked for."""
        known, now = self._known, time.time()
        return known if known is not None and known.ends_at >= now + BEFORE_END else None

    def get(self) -> PassingKeys:
        """Keys that are good for a while, or an `OSError`. Blocks, from any thread."""
        with self._lock:
            known, now = self._known, time.time()
            if known is not None and now < known.ends_at and not self._is_to_ask(known, now):
                return known
            try:
                self._known = known = fetch_role_keys(self._region, self._environ)
            except OSError as error:
                self._failed_at = time.monotonic()
                if known is None or known.ends_at <= now:
                    raise
                log.warning("no other keys for the object store are to be had yet: %s", error)
            return known

    def _is_to_ask(self, known: PassingKeys, now: float) -> bool:
        """Whether keys that are good yet are to be replaced."""
        return known.ends_at < now + BEFORE_END and time.monotonic() > self._failed_at + AGAIN


def fetch_role_keys(region: str, environ: Mapping[str, str]) -> PassingKeys:
    """Ask for the keys of a role; see `RoleKeys`."""
    try:
        return _fetch(region, environ)
    except _NO_KEYS as error:
        raise OSError(
            f"a role was asked for its keys, and answered something else: {error}"
        ) from error


def _fetch(region: str, environ: Mapping[str, str]) -> PassingKeys:
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return _web_identity(region, environ)
    if relative := environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return _keys(_ask(_CONTAINER + relative, _container_headers(environ)))
    if full := environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return _keys(_ask(full, _container_headers(environ)))
    return _machine(environ.get("AWS_METADATA_ENDPOINT") or _MACHINE)


def _web_identity(region: str, environ: Mapping[str, str]) -> PassingKeys:
    endpoint = environ.get("AWS_STS_ENDPOINT") or f"https://sts.{region}.{amazon(region)}"
    query = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": environ.get("AWS_ROLE_ARN", ""),
        "RoleSessionName": environ.get("AWS_ROLE_SESSION_NAME", "lading"),
        "WebIdentityToken": Path(environ["AWS_WEB_IDENTITY_TOKEN_FILE"]).read_text().strip(),
    }
    # All others are on this machine or beside it; this one may be behind a proxy.
    answer = _ask(f"{endpoint}?{urlencode(query)}", {}, proxy=proxy_for(endpoint, environ))
    found = ET.fromstring(answer).find(".//{*}Credentials")  # noqa: S314 - Amazon's
    if found is None:
        raise ValueError("the token service answers without keys")
    id_, secret, token, end = (
        found.findtext(f"{{*}}{name}") or ""
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    )
    return _passing(AccessKeys(id_, secret, token), end)


def _container_headers(environ: Mapping[str, str]) -> dict[str, str]:
    """Who asks: the token may change, so its file is read each time."""
    if file := environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        return {"Authorization": Path(file).read_text().strip()}
    token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    return {"Authorization": token} if token else {}


def _machine(endpoint: str) -> PassingKeys:
    lasting = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = _ask(f"{endpoint}/latest/api/token", lasting, method="PUT").decode()
    headers = {"X-aws-ec2-metadata-token": token}
    roles = f"{endpoint}/latest/meta-data/iam/security-credentials/"
    role = _ask(roles, headers).decode().split()[0]
    return _keys(_ask(roles + role, headers))


def _keys(answer: bytes) -> PassingKeys:
    found = json.loads(answer)
    said = (found["AccessKeyId"], found["SecretAccessKey"], found.get("Token") or "")
    if not all(isinstance(each, str) for each in said):
        raise ValueError("the keys in it are no text")
    return _passing(AccessKeys(*said), found.get("Expiration") or "")


def _passing(keys: AccessKeys, end: str) -> PassingKeys:
    if not keys.id or not keys.secret:
        raise ValueError("there are no keys in it")
    ends_at = datetime.fromisoformat(end).timestamp() if end else time.time() + UNKNOWN_END
    return PassingKeys(keys, ends_at)


def _ask(url: str, headers: Mapping[str, str], *, method: str = "GET", proxy: str = "") -> bytes:
    from lading.client.answers import read_some  # noqa: PLC0415
    from lading.client.kept_connections import asked_once  # noqa: PLC0415 - few have a role
    from lading.client.sending import COMMON_HEADERS  # noqa: PLC0415

    headers = {**COMMON_HEADERS, **headers}
    with asked_once(method, url, headers, seconds=ATTEMPT, proxy=proxy) as answer:
        body, _ = read_some(answer, _MOST, ATTEMPT)
    if answer.status >= 300:
        raise OSError(f"a role was asked for its keys, and answered with {answer.status}")
    return body
