"""Connection to a deployment: whether its name is known, and whether somebody takes connections."""

import socket
import threading
import time
from collections.abc import Sequence

from lading.client.doctor.address import DeploymentAddress
from lading.client.doctor.findings import DeploymentFinding, ok, warn, wrong
from lading.client.references import is_local

_MOST_ADDRESSES = 4


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
        return ok("name", f"{address.host} is {', '.join(found)}")
    why = problem[0] if problem else f"no answer of the resolver within {seconds:g} s"
    return wrong(
        "name",
        f"{address.host} is no known name here: {why}",
        "check how it is written; have an A or AAAA record for it in DNS, or a line in /etc/hosts",
    )


def check_connection(address: DeploymentAddress, seconds: float) -> DeploymentFinding:
    """Whether connections are taken, at each of the first addresses of the host."""
    addresses = _addresses(address)[:_MOST_ADDRESSES]
    refused: dict[str, str] = {}
    started = time.monotonic()
    for one in addresses:
        try:
            connection = (one, address.usual_port)
            socket.create_connection(connection, seconds / len(addresses)).close()
        except OSError as error:
            refused[one] = _why(error)
    milliseconds = (time.monotonic() - started) * 1000
    port = address.usual_port
    said = "; ".join(f"{one}: {why}" for one, why in refused.items())
    if len(refused) == len(addresses):
        return wrong(
            "connection",
            f"nobody takes connections at port {port} ({said})",
            f"start what should listen there, and let a firewall pass TCP {port}; of a container,"
            f" publish the port (`ports: ['{port}:5000']`)",
        )
    if refused and not is_local(address.netloc):
        return warn(
            "connection",
            f"of the addresses of {address.host} some take no connections ({said})",
            "have a server listen there, too, or take that record out of DNS",
        )
    return ok("connection", f"port {port} takes connections ({milliseconds:.0f} ms)")


def _addresses(address: DeploymentAddress) -> Sequence[str]:
    found = socket.getaddrinfo(address.host, address.usual_port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return (error.strerror or str(error)).lower()
