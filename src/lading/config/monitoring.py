"""Sections `http.debug` and `health` of the configuration: for who watches a server."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from lading.config.section import Section
from lading.config.tcp_address import TcpAddress, parse_tcp_address
from lading.config.values import (
    Duration,
    FilePath,
    HeaderName,
    HeaderValue,
    Network,
    RequestPath,
    TokenRealm,
    checked,
)

_INTERVAL = timedelta(seconds=10)
_MOST = 1_000_000
_OWN_PATHS = frozenset({"/", "/livez", "/readyz", "/debug/health"})


def _address(value: str) -> str:
    """An address to listen on, or nothing."""
    if value:
        parse_tcp_address(value)
    return value


def _server(value: str) -> str:
    """An address to connect to."""
    address = parse_tcp_address(value)
    if not address.host or not address.port:
        raise ValueError("write the host and the port, as in `redis.example.com:6379`")
    return value


class PrometheusSection(Section):
    """Section `http.debug.prometheus`: figures for Prometheus."""

    enabled: bool = False
    """`true` tells the figures of all workers, in Prometheus' format; docs/monitoring.md lists \
them."""
    path: Annotated[
        RequestPath,
        checked(
            lambda path: path not in _OWN_PATHS and "?" not in path,
            "write a path of its own, as in `/metrics`",
        ),
    ] = "/metrics"
    """The path where they are told."""


class DebugSection(Section):
    """Section `http.debug`: an address of its own for who watches the server."""

    addr: Annotated[str, AfterValidator(_address)] = ""
    """Where to tell how the server is, as `http.addr`: `/livez`, `/readyz` (`?exclude=room` \
leaves a part out), `/debug/health`, and figures if `prometheus.enabled`. It speaks HTTP and asks \
for no login: keep it to this machine (`127.0.0.1:5001`) or to a network of your own, or name who \
is answered in `allowed`. Empty: nothing listens. Distribution's profiler is not there."""
    allowed: tuple[Network, ...] = ()
    """The addresses or networks that are answered there; all others get 403. By default everybody \
is. Not a key of Distribution."""
    prometheus: PrometheusSection = Field(default_factory=PrometheusSection)
    """Figures."""

    @property
    def listen(self) -> TcpAddress | None:
        """The address to listen on, if there is to be one."""
        return parse_tcp_address(self.addr) if self.addr else None


class StorageDriverCheckSection(Section):
    """Section `health.storagedriver`: whether the store of bytes can be reached."""

    enabled: bool = False
    """`true` checks that the store of bytes answers. While it does not, all requests get 503."""
    interval: Duration = _INTERVAL
    """How often to look."""
    threshold: int = Field(default=0, ge=0, le=_MOST)
    """How many checks in a row must fail before that counts; 0 is as good as 1."""


class FileCheckSection(Section):
    """Section `health.file[]`: a file that takes the server out of service while it is there."""

    file: FilePath
    """The path."""
    interval: Duration = _INTERVAL
    """How often to look."""
    threshold: int = Field(default=0, ge=0, le=_MOST)
    """How many times in a row it must be there before that counts."""


class HttpCheckSection(Section):
    """Section `health.http[]`: a server that has to answer, or all requests get 503."""

    uri: TokenRealm
    """What is asked of it, by HEAD."""
    headers: dict[HeaderName, tuple[HeaderValue, ...]] = Field(default_factory=dict)
    """Headers to send: a list of values for each name."""
    statuscode: int = Field(default=200, ge=0, le=599)
    """The status that it has to answer; 0 is 200."""
    timeout: Duration = timedelta(seconds=5)
    """How long it may take. Distribution's default is any time."""
    interval: Duration = _INTERVAL
    """How often to ask."""
    threshold: int = Field(default=0, ge=0, le=_MOST)
    """How many checks in a row must fail before that counts."""


class TcpCheckSection(Section):
    """Section `health.tcp[]`: a server that has to accept connections, or all requests get 503."""

    addr: Annotated[str, AfterValidator(_server)]
    """Its address: `host:port`."""
    timeout: Duration = timedelta(seconds=5)
    """How long it may take. Distribution's default is any time."""
    interval: Duration = _INTERVAL
    """How often to try."""
    threshold: int = Field(default=0, ge=0, le=_MOST)
    """How many checks in a row must fail before that counts."""


CheckSection = StorageDriverCheckSection | FileCheckSection | HttpCheckSection | TcpCheckSection


class HealthSection(Section):
    """Section `health`: checks that refuse all requests with 503 while they fail."""

    storagedriver: StorageDriverCheckSection = Field(default_factory=StorageDriverCheckSection)
    """The store of bytes."""
    file: tuple[FileCheckSection, ...] = ()
    """Files that are not to be there."""
    http: tuple[HttpCheckSection, ...] = ()
    """Servers that are asked by HTTP."""
    tcp: tuple[TcpCheckSection, ...] = ()
    """Servers that are connected to."""
