"""Address of a deployment: as it is typed, known by its name, and taking connections or not."""

import errno
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lading.client.answers import origin
from lading.client.doctor.findings import DeploymentFinding, ok, warn, wrong
from lading.client.errors import ReferenceInvalid
from lading.client.references import is_local
from lading.system.proxies import DEFAULT_PORTS

_MOST_ADDRESSES = 4
# What is said of an address on a machine without its kind, as of IPv6 where there is none: that is
# no fault of the deployment.
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@dataclass(frozen=True, slots=True)
class DeploymentAddress:
    """An address of a deployment.

    Attributes:
        scheme: `https` or `http`; empty if none was typed.
        host: without the port, an IPv6 address without brackets.
        port: 0 for the one of the scheme.
    """

    scheme: str
    host: str
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> "DeploymentAddress":
        """Read what was typed; `ReferenceInvalid` if it is no address of a registry."""
        try:
            parts = urlsplit(text if "://" in text else f"//{text}")
            host, port = parts.hostname or "", parts.port or 0
        except ValueError as error:
            raise ReferenceInvalid(f"{text!r} is no address: {error}") from error
        if parts.scheme not in {"", "http", "https"} or not host or parts.username:
            raise ReferenceInvalid(f"{text!r} is no address such as https://registry.example.com")
        if parts.path.strip("/") not in {"", "v2"} or parts.query:
            raise ReferenceInvalid(
                f"{text!r} has a path, which clients cannot be told: they ask for /v2/ at the root"
            )
        return cls(parts.scheme, host, port)

    @property
    def usual_port(self) -> int:
        """The port that is connected to."""
        return self.port or DEFAULT_PORTS[self.scheme or "https"]

    @property
    def netloc(self) -> str:
        """The host as in a reference: with the port, if it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def url(self) -> str:
        """The scheme and the host."""
        return f"{self.scheme or 'https'}://{self.netloc}"

    def join(self, location: str) -> str:
        """A whole address, of a path or of one that is whole."""
        try:
            return urljoin(f"{self.url}/", location)
        except ValueError:  # it is none, and stays what it is
            return location

    def is_own(self, url: str) -> bool:
        """Whether a whole address is of this scheme, host and port."""
        return origin(url) == origin(self.url)


def check_name(address: DeploymentAddress, seconds: float) -> DeploymentFinding:
    """Whether the name of the host is known here, within so many seconds."""
    found: list[str] = []
    problem: list[str] = []

    def resolve() -> None:
        try:
            found.extend(_addresses(address))
        except (OSError, UnicodeError) as error:
            problem.append(str(error))

    # It cannot be told to stop.
    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return ok(f"{address.host} is {', '.join(found)}")
    why = problem[0] if problem else f"no answer of the resolver within {seconds:g} s"
    return wrong(
        f"{address.host} is no known name here: {why}",
        "check how it is written; have an A or AAAA record for it in DNS, or a line in /etc/hosts",
    )


def check_connection(address: DeploymentAddress, seconds: float) -> DeploymentFinding:
    """Whether connections are taken, at each of the first addresses of the host."""
    addresses = _addresses(address)[:_MOST_ADDRESSES]
    started = time.monotonic()
    refused, far = _try_all(addresses, address.usual_port, seconds)
    milliseconds = (time.monotonic() - started) * 1000
    port = address.usual_port
    said = "; ".join(f"{one}: {why}" for one, why in refused.items())
    if len(far) == len(addresses):
        return wrong(
            f"this machine has no way to {', '.join(far)}",
            "see which way it has by `ip route` and `ip -6 route`; where it has no IPv6, the name"
            " needs an A record, too",
        )
    if len(refused) + len(far) == len(addresses):
        return wrong(
            f"nobody takes connections at port {port} ({said})",
            f"start what should listen there, and let a firewall pass TCP {port}; of a container,"
            f" publish the port (`ports: ['{port}:5000']`)",
        )
    if refused and not is_local(address.netloc):
        return warn(
            f"of the addresses of {address.host} some take no connections ({said})",
            "have a server listen there, too, or take that record out of DNS",
        )
    left_out = f"; this machine has no way to {', '.join(far)}" if far else ""
    return ok(f"port {port} takes connections ({milliseconds:.0f} ms){left_out}")


def _try_all(
    addresses: Sequence[str], port: int, seconds: float
) -> tuple[dict[str, str], Sequence[str]]:
    """The addresses that take no connections, with why, and those to which there is no way."""
    refused: dict[str, str] = {}
    far: list[str] = []
    for one in addresses:
        try:
            socket.create_connection((one, port), seconds / len(addresses)).close()
        except OSError as error:
            if error.errno in _NO_WAY:
                far.append(one)
            else:
                timed_out = isinstance(error, TimeoutError)
                refused[one] = "no answer" if timed_out else (error.strerror or str(error)).lower()
    return refused, far


def _addresses(address: DeploymentAddress) -> Sequence[str]:
    found = socket.getaddrinfo(address.host, address.usual_port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))
