"""Connection to a deployment: whether its name is known, and whether somebody takes connections."""

import errno
import socket
import threading
import time
from collections.abc import Sequence

from lading.client.doctor.address import DeploymentAddress
from lading.client.doctor.findings import DeploymentFinding, ok, warn, wrong
from lading.client.references import is_local

_MOST_ADDRESSES = 4
# What is said of an address on a machine without its kind, as of IPv6 where there is none: that is
# no fault of the deployment.
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


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
                refused[one] = _why(error)
    return refused, far


def _addresses(address: DeploymentAddress) -> Sequence[str]:
    found = socket.getaddrinfo(address.host, address.usual_port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return (error.strerror or str(error)).lower()
