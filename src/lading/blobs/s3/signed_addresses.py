"""Signed addresses: where clients get objects from the store by themselves, for some minutes.

Nothing is asked for one, so a pull by redirect waits for nothing here.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html.
"""

from functools import lru_cache
from urllib.parse import quote, urlsplit

from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.signatures import ALGORITHM, SigningScope, sign

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


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
