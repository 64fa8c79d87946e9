"""Signatures, version 4: of requests to an object store, in their headers or in an address.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


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
