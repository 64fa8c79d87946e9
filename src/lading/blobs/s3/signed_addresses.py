"""Signed addresses: where clients get objects from the store by themselves, for some minutes.

Nothing is asked for one, so a pull by redirect waits for nothing here.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html.
"""

from urllib.parse import quote, urlsplit

from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.signatures import ALGORITHM, SigningScope, canonical, sign

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class SignedAddresses:
    """Makes signed addresses of the objects of a bucket, at its public endpoint."""

    def __init__(self, bucket: S3Bucket) -> None:
        url = urlsplit(bucket.public_address)
        # Which clients leave out of `Host`, and that is signed.
        self._host = url.netloc.removesuffix(_DEFAULT_PORTS.get(url.scheme, ""))
        self._origin = f"{url.scheme}://{self._host}"
        self._path = f"{url.path}/{bucket.name}" if bucket.path_style else url.path
        self._region = bucket.region

    def make(self, keys: AccessKeys, path: str, seconds: float) -> str:
        """An address at which anybody gets an object, for so long."""
        scope = SigningScope.of(self._region)
        target = quote(f"{self._path}/{path}")
        values = {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{keys.id}/{scope.text}",
            "X-Amz-Date": scope.at,
            "X-Amz-Expires": str(int(seconds)),
            "X-Amz-SignedHeaders": "host",
        }
        if keys.token:
            values["X-Amz-Security-Token"] = keys.token
        query = canonical(values)
        request = f"GET\n{target}\n{query}\nhost:{self._host}\n\nhost\nUNSIGNED-PAYLOAD"
        signature = sign(keys.secret, scope, request)
        return f"{self._origin}{target}?{query}&X-Amz-Signature={signature}"
