"""The bucket: where the objects are, as the operator describes it."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

MIB = 1024 * 1024


class BucketUnusable(Exception):
    """A bucket cannot be opened as it is described; the message says what to do."""


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """A bucket, how to reach it, and how objects are put there.

    Attributes:
        name: of the bucket, which is there already.
        region: whose name is part of every signature.
        endpoint: URL of the server; empty for Amazon's of the region.
        public_endpoint: URL of the server for clients that are sent there; empty if it is the same.
        path_style: whether the bucket's name is a part of the path, not of the host.
        root: the folder of all objects, without slashes around it; empty for the whole bucket.
        access_key, secret_key: to sign with; empty if they are to be found, see
            `lading.blobs.s3.access_keys`.
        encryption: `AES256` or `aws:kms`, to be asked of the server; empty for its own default.
        encryption_key: of KMS; empty for the account's own.
        storage_class: of the objects; empty for the bucket's default.
        verify: whether the server has to prove who it is.
        authorities: certificates in PEM of those whom to believe besides the well-known ones.
        user_agent: what the server is told of this program.
        part_size: bytes of a part of a large object.
        dual_stack, accelerated, fips, secure: which of Amazon's endpoints.
    """

    name: str
    region: str = "us-east-1"
    endpoint: str = ""
    public_endpoint: str = ""
    path_style: bool = False
    root: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    encryption: str = ""
    encryption_key: str = ""
    storage_class: str = ""
    verify: bool = True
    authorities: bytes = b""
    user_agent: str = "lading"
    part_size: int = 16 * MIB
    dual_stack: bool = False
    accelerated: bool = False
    fips: bool = False
    secure: bool = True

    @property
    def own_address(self) -> str:
        """The URL of the server for this program, with the bucket in it if it is in the host."""
        return self._with_bucket(self.endpoint or self._amazon())

    @property
    def public_address(self) -> str:
        """The URL of the server for clients, as above."""
        return self._with_bucket(self.public_endpoint) if self.public_endpoint else self.own_address

    @property
    def folder(self) -> str:
        """What is before each key: empty, or the folder with a slash at its end."""
        return f"{self.root}/" if self.root else ""

    def _with_bucket(self, endpoint: str) -> str:
        endpoint = endpoint.rstrip("/")
        if self.path_style:
            return endpoint
        url = urlsplit(endpoint)
        return url._replace(netloc=f"{self.name}.{url.netloc}").geturl()

    def _amazon(self) -> str:
        scheme = "https" if self.secure else "http"
        dual = ".dualstack" if self.dual_stack else ""
        if self.accelerated:
            return f"{scheme}://s3-accelerate{dual}.amazonaws.com"
        fips = "-fips" if self.fips else ""
        return f"{scheme}://s3{fips}{dual}.{self.region}.{amazon(self.region)}"


def amazon(region: str) -> str:
    """The domain of Amazon's servers of a region."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
