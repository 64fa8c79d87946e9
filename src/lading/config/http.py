"""Section `http` of the configuration: how the registry is reached."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lading.config.monitoring import DebugSection
from lading.config.section import MisplacedError, Section
from lading.config.tcp_address import TcpAddress, parse_tcp_address
from lading.config.values import (
    AnyCase,
    BaseUrl,
    Duration,
    FilePath,
    HeaderName,
    HeaderValue,
    Hidden,
    Network,
    OptionalPath,
    PathPrefix,
    PositiveDuration,
    checked,
)

# Suites of TLS 1.2, as Distribution (and Go) name them, and OpenSSL; without those with 3DES, which
# it no longer has.
OPENSSL_NAMES: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": "ECDHE-RSA-AES128-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
# Suites of TLS 1.3, which cannot be chosen, here as in Go: all of them are offered.
_TLS_1_3 = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
_LocationPrefix = Annotated[
    str,
    checked(
        re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/").fullmatch,
        "write a path that starts and ends with `/`, as in `/_blobs/`",
    ),
]
_CipherSuite = Annotated[
    str,
    checked(
        lambda name: name in OPENSSL_NAMES or name in _TLS_1_3,
        "write names such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`, without those that OpenSSL no"
        " longer has, or leave the list out",
    ),
]


class TlsSection(Section):
    """Section `http.tls`: HTTPS."""

    certificate: OptionalPath = None
    """The certificate in PEM, followed by those that lead to its root. Given, the registry speaks \
HTTPS and nothing else. A file that changes is taken up within seconds, or at once on SIGHUP."""
    key: OptionalPath = None
    """The private key of the certificate in PEM, without a password."""
    clientcas: tuple[FilePath, ...] = ()
    """The certificates in PEM of those who may issue certificates to clients; given, clients are \
asked for one."""
    clientauth: Annotated[
        Literal["verify-client-cert-if-given", "require-and-verify-client-cert"], AnyCase
    ] = "require-and-verify-client-cert"
    """Whether a client without a certificate is let in. Distribution's other two choices would \
let anybody in with any certificate, and are refused."""
    minimumtls: Annotated[Literal["tls1.2", "tls1.3"], AnyCase] = "tls1.2"
    """The oldest version of TLS that is spoken."""
    ciphersuites: tuple[_CipherSuite, ...] = ()
    """The suites of TLS 1.2 to offer, by Go's names; by default those that OpenSSL and Python \
hold secure. The suites of TLS 1.3 are always offered."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if self.certificate is None and self.key is not None:
            raise MisplacedError("certificate", "write the file of the certificate too")
        if self.key is None and self.certificate is not None:
            raise MisplacedError("key", "write the file of the key too")
        if self.clientcas and self.certificate is None:
            raise MisplacedError("certificate", "write one: clients are asked for theirs over TLS")
        return self

    @property
    def enabled(self) -> bool:
        """Whether the registry speaks HTTPS."""
        return self.certificate is not None


class HttpSection(Section):
    """Section `http`: how the registry is reached."""

    addr: str = "127.0.0.1:5000"
    """Where to listen: `host:port`, `:port` for every interface, `[::1]:port`; for `net: unix` \
the path of the socket."""
    net: Annotated[Literal["tcp", "unix"], AnyCase] = "tcp"
    """The kind of socket."""
    host: BaseUrl | None = None
    """The URL by which clients reach the registry, with all that is before `/v2/` if it has a \
path. Given, `Location` headers start with it; otherwise they are relative, which is right behind \
any proxy."""
    secret: Hidden = None
    """Words that all replicas share and nobody else knows. By them the keys of tokens are sealed \
in PostgreSQL, so that whoever reads the database, or a backup of it, cannot sign any. Where \
metadata is in SQLite they are not needed. `lading config show` does not show them."""
    prefix: PathPrefix = ""
    """The path below which all others are, as in `/registry/`: for a proxy that passes on a part \
of its paths as they are. One that takes the prefix off says so by `X-Forwarded-Prefix`, and is \
believed if it is one of `http.trustedproxies`. A path in `http.host` counts instead of both."""
    relativeurls: bool = False
    """`true` keeps `Location` headers relative even if `host` is given."""
    headers: dict[HeaderName, tuple[HeaderValue, ...]] = Field(default_factory=dict)
    """Headers to add to every response: a list of values for each name."""
    draintimeout: Duration = timedelta(seconds=30)
    """How long requests may take to finish once the server was told to stop. Distribution's \
default is `0s`."""
    idletimeout: PositiveDuration = timedelta(minutes=5)
    """How long a client may stand still, in the middle of a request or an answer, until its \
connection is closed. A single byte counts as moving, however slow. A connection on which nothing \
was asked yet has a minute, or this if it is less. Not a key of Distribution."""
    keepalivetimeout: PositiveDuration = timedelta(minutes=75)
    """How long a connection is kept between two requests. Longer than proxies and balancers keep \
theirs (Envoy: an hour), so that none of them sends a request on one that is just being closed. \
When a worker has as many connections as it can serve, those that have been idle for longest are \
closed before. Not a key of Distribution."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """How many processes serve; by default one per usable core, at most 4. `inmemory` storage \
allows 1 only, and that is its default. Not a key of Distribution."""
    trustedproxies: tuple[Network, ...] = ()
    """The addresses or networks of proxies whose `X-Forwarded-*` and `X-Request-ID` headers are \
believed; or `Forwarded`, if one sends nothing else. One that comes by a Unix socket is \
`127.0.0.1`. Not a key of Distribution."""
    accelredirect: _LocationPrefix | None = None
    """The `internal` location of an nginx in front that may send the files itself, such as \
`/_blobs/`: it is told which by `X-Accel-Redirect`. Not a key of Distribution."""

    tls: TlsSection = Field(default_factory=TlsSection)
    """HTTPS."""
    debug: DebugSection = Field(default_factory=DebugSection)
    """Another address, for who watches the server."""

    @model_validator(mode="after")
    def _address_fits_network(self) -> Self:
        try:
            if self.net == "tcp":
                parse_tcp_address(self.addr)
        except ValueError as error:
            raise MisplacedError("addr", str(error)) from error
        if self.net == "unix" and not ("/" in self.addr and self.addr.isprintable()):
            raise MisplacedError("addr", "write a path, as in `/run/lading/http.sock`")
        return self

    @property
    def listen(self) -> TcpAddress | Path:
        """The address to listen on: one of TCP, or the path of a Unix socket."""
        return parse_tcp_address(self.addr) if self.net == "tcp" else Path(self.addr)

    @property
    def locationbase(self) -> str:
        """The beginning of every `Location`; empty where they are to be relative."""
        return "" if self.host is None or self.relativeurls else self.host
