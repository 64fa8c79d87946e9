"""The socket that all workers accept connections from."""

import socket
import stat
from pathlib import Path

from lading.config.settings import Settings

# Connections that wait to be accepted.
BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """Start to listen where the settings say.

    Raises:
        OSError: the address is taken, or cannot be listened on.
    """
    address = settings.http.listen
    if isinstance(address, Path):
        return _listen_unix(address)
    return _listen_tcp(address.host, address.port)


def _listen_tcp(host: str, port: int) -> socket.socket:
    """Without a host: on all addresses, of IPv6 and IPv4 alike."""
    if host:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG
        )
    return socket.create_server(("", port), backlog=BACKLOG)


def _listen_unix(path: Path) -> socket.socket:
    """A socket that an earlier run left behind is replaced; any other file is not."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(BACKLOG)
    return listener
