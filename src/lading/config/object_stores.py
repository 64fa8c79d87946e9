"""Sections `storage.s3` and `storage.redirect` of the configuration: bytes in an object store."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lading.config.section import MisplacedError, Section
from lading.config.values import (
    AnyCase,
    BaseUrl,
    Duration,
    FilePath,
    HeaderValue,
    Hidden,
    Network,
    OptionalPath,
    Size,
    checked,
)

MIB = 1024 * 1024
# After which an address must not lead anywhere any more, whatever the operator says.
LONGEST_EXPIRY = timedelta(minutes=30)

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", re.ASCII)
_FOLDER = re.compile(r"[A-Za-z0-9!_.*'()-]+(?:/[A-Za-z0-9!_.*'()-]+)*", re.ASCII)
_ENDPOINT = re.compile(
    r"(?:https?://)?[A-Za-z0-9.-]+(?::\d{1,5})?/?|(?:https?://)?\[[0-9a-f:]+\].*"
)


def _folder(value: str) -> str:
    folder = value.strip("/")
    if folder and (_FOLDER.fullmatch(folder) is None or {".", ".."} & set(folder.split("/"))):
        raise ValueError("write a folder of the bucket, as in `registry` or `a/b`")
    return folder


def _endpoint(value: str) -> str:
    if value and _ENDPOINT.fullmatch(value) is None:
        raise ValueError("write where the server is, as in `https://s3.example.com:9000`")
    return value.rstrip("/")


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class S3Section(Section):
    """Section `storage.s3`: blobs as objects in a bucket that is spoken to by Amazon's protocol."""

    bucket: Annotated[
        str, checked(_BUCKET.fullmatch, "write the name of a bucket, as in `my-registry`")
    ]
    """The bucket, which must be there."""
    region: str = ""
    """The region of the bucket; needed unless `regionendpoint` is given, where it is by default \
`us-east-1`."""
    regionendpoint: Annotated[str, AfterValidator(_endpoint)] = ""
    """Where the server is, if it is not Amazon's: `https://s3.example.com:9000`, or without the \
scheme, which then is as `secure` says."""
    forcepathstyle: bool = False
    """`true` names the bucket in the path instead of in the host, as most servers that are not \
Amazon's need it."""
    accesskey: str = ""
    """The key to sign requests with. Without one, keys are taken from the environment \
(`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), from the role that it names \
(`AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`, or a container's), from the profile \
`AWS_PROFILE` in `~/.aws`, or from the machine's role."""
    secretkey: Hidden = None
    """The secret of `accesskey`."""
    encrypt: bool = False
    """`true` asks the server to encrypt objects: with keys of its own, or with `keyid`."""
    keyid: str = ""
    """The key of Amazon's KMS to encrypt with."""
    secure: bool = True
    """`false` speaks HTTP instead of HTTPS."""
    skipverify: bool = False
    """`true` accepts any certificate of the server, whoever made it: for tests alone."""
    v4auth: bool = True
    """How requests are signed; only `true` is supported."""
    chunksize: Size = Field(default=16 * MIB, ge=5 * MIB, le=5 * 1024 * MIB)
    """How large the parts of a large upload are, of which some are sent at a time; more than \
`32 MiB` counts as that. Distribution's default is 10 MiB."""
    rootdirectory: Annotated[str, AfterValidator(_folder)] = ""
    """The folder of all objects in the bucket; by default all of the bucket is the registry's. \
Each registry needs its own."""
    storageclass: Annotated[
        Literal[
            "NONE",
            "STANDARD",
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "OUTPOSTS",
            "GLACIER_IR",
            "EXPRESS_ONEZONE",
        ],
        BeforeValidator(_upper),
    ] = "STANDARD"
    """The storage class of new objects; for `STANDARD` and `NONE` the server is told none."""
    useragent: HeaderValue = ""
    """What the server is told of this program; by default `lading`."""
    objectacl: Annotated[Literal["private"], AnyCase] = "private"
    """Who else may read objects; only `private` is supported: a policy of the bucket says more."""
    usedualstack: bool = False
    """`true` asks Amazon's endpoints that have IPv6 as well."""
    accelerate: bool = False
    """`true` asks Amazon's endpoints for Transfer Acceleration, of a bucket where that is on."""
    usefipsendpoint: bool = False
    """`true` asks Amazon's endpoints for FIPS."""
    cafile: OptionalPath = None
    """The certificates in PEM of those who may vouch for the server, besides the well-known ones. \
Not a key of Distribution."""
    localdirectory: FilePath = Path("data")
    """The directory of what stays on this machine: the database, unless it is PostgreSQL, keys, \
and what waits for slow clients. Not a key of Distribution."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not (self.region or self.regionendpoint):
            raise MisplacedError("region", "write the region of the bucket, as in `eu-central-1`")
        if bool(self.accesskey) != (self.secretkey is not None):
            raise MisplacedError("secretkey", "write both `accesskey` and `secretkey`, or neither")
        if not self.v4auth:
            raise MisplacedError("v4auth", "remove it: only version 4 of signatures is supported")
        if self.keyid and not self.encrypt:
            raise MisplacedError("encrypt", "write `true`, as there is a key to encrypt with")
        return self


class RedirectSection(Section):
    """Section `storage.redirect`: clients get blobs from the object store by themselves."""

    disable: bool = False
    """`true` has all bytes go through the registry. Otherwise clients are sent to an address of \
the object store that is good for one blob and some minutes; files are never redirected to."""
    endpoint: BaseUrl | None = None
    """Where clients reach the object store, if it is not where the registry does. It must have \
another host name than the registry, and none below that, where clients log in: some of them would \
send the store their login as well. Not a key of Distribution."""
    expiry: Annotated[
        Duration,
        checked(
            lambda expiry: timedelta(seconds=1) <= expiry <= LONGEST_EXPIRY,
            "write a duration between `1s` and `30m`",
        ),
    ] = timedelta(minutes=10)
    """How long the address leads to the blob, at most `30m`: whoever has it gets the blob, even \
one who has lost the right to pull meanwhile. A download that was begun is finished. Not a key of \
Distribution, whose addresses are good for 20 minutes."""
    networks: tuple[Network, ...] = ()
    """The only networks whose clients are sent to the object store; by default all. Not a key of \
Distribution."""
    exceptnetworks: tuple[Network, ...] = ()
    """Networks whose clients are not sent there. Not a key of Distribution."""
    useragents: tuple[HeaderValue, ...] = ()
    """The only clients that are sent there, as patterns for all of their `User-Agent`, in which \
`*` stands for any characters: `containerd/*`; by default all. Not a key of Distribution."""
    exceptuseragents: tuple[HeaderValue, ...] = ()
    """Clients that are not sent there, as such patterns. Not a key of Distribution."""
