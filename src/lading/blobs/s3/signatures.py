"""Signatures, version 4: of requests to an object store, and of addresses that clients are sent to.

Nothing is asked for an address, so a pull by redirect waits for nothing here.
Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.bucket import S3Bucket

ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class SigningScope(NamedTuple):
    """The scope of a signature: when it is made, and for where.

    Attributes:
        at: the time, as it is signed.
        text: the rest of it.
    """

    at: str
    text: str

    @classmethod
    def of(cls, region: str) -> "SigningScope":
        """The scope of what is signed now."""
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return cls(at, f"{at[:8]}/{region}/s3/aws4_request")


def sign(secret: str, scope: SigningScope, request: str) -> str:
    """The signature of a request in its canonical form."""
    hashed = hashlib.sha256(request.encode()).hexdigest()
    text = f"{ALGORITHM}\n{scope.at}\n{scope.text}\n{hashed}"
    return hmac.digest(_key(secret, scope.text), text.encode(), "sha256").hex()


@lru_cache(maxsize=4)  # the same all day, unless it is a role's
def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical(query: Mapping[str, str]) -> str:
    """A query in the order and the spelling in which it is signed."""
    return "&".join(f"{name}={quote(query[name], safe='')}" for name in sorted(query))


class SignedAddresses:
    """Makes signed addresses of the objects of a bucket, at its public endpoint."""

    def __init__(self, bucket: S3Bucket) -> None:
        url = urlsplit(bucket.public_address)
        # What is signed is `Host` as clients send it: without such a port, and in small letters.
        self._host = url.netloc.removesuffix(_DEFAULT_PORTS.get(url.scheme, "")).lower()
        self._origin = f"{url.scheme}://{self._host}"
        self._path = f"{url.path}/{bucket.name}" if bucket.path_style else url.path
        self._region = bucket.region

    def make(self, keys: AccessKeys, path: str, seconds: float) -> str:
        """An address at which anybody gets an object, for so long."""
        scope = SigningScope.of(self._region)
        target = quote(f"{self._path}/{path}")
        credential, token = _names(keys, scope.text)
        # In the order in which it is signed.
        query = (
            f"X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={credential}&X-Amz-Date={scope.at}"
            f"&X-Amz-Expires={int(seconds)}{token}&X-Amz-SignedHeaders=host"
        )
        request = f"GET\n{target}\n{query}\nhost:{self._host}\n\nhost\nUNSIGNED-PAYLOAD"
        signature = sign(keys.secret, scope, request)
        return f"{self._origin}{target}?{query}&X-Amz-Signature={signature}"


@lru_cache(maxsize=4)  # the same all day, unless they are a role's
def _names(keys: AccessKeys, scope: str) -> tuple[str, str]:
    """What an address says of the keys that it is signed with: the name, and a session's token."""
    credential = quote(f"{keys.id}/{scope}", safe="")
    return credential, keys.token and f"&X-Amz-Security-Token={quote(keys.token, safe='')}"
