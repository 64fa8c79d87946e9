"""The socket that all workers accept connections from."""

import errno
import socket
import stat
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from lading.config.tcp_address import TcpAddress

# Connections that wait to be accepted.
BACKLOG = 2048
# Seconds without a packet after which the kernel asks whether a client's machine is still there,
# and seconds between the further questions. Connections may be idle for long; one that a power cut
# or a router ended must not be.
KEEP_ALIVE = 60
KEEP_ALIVE_INTERVAL = 15

_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


def listen(address: TcpAddress | Path) -> socket.socket:
    """Start to listen at an address.

    Raises:
        OSError: the address is taken, or cannot be listened on.
    """
    if isinstance(address, Path):
        return _listen_unix(address)
    listener = _listen_tcp(address.host, address.port)
    # Every connection that is accepted has these from its listener.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_ALIVE_INTERVAL)
    return listener


def _listen_tcp(host: str, port: int) -> socket.socket:
    """Listen on TCP as Go's `net.Listen` does, and with it Distribution.

    "If the host in the address parameter is empty or a literal unspecified IP address, Listen
    listens on all available unicast and anycast IP addresses of the local system": of IPv6 and IPv4
    alike, be it `0.0.0.0` or `[::]`. Of a name's addresses it takes one, of IPv4 if there is one.
    """
    literal = _parse(host)
    if not host or (literal is not None and literal.is_unspecified):
        return _listen_everywhere(literal, port)
    try:
        found = socket.getaddrinfo(str(literal or host), port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a part of the name is empty, or has more than 63 characters
        raise socket.gaierror(socket.EAI_NONAME, "no host can be called so") from error
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return socket.create_server(address, family=family, backlog=BACKLOG)


def _listen_everywhere(literal: IPv4Address | IPv6Address | None, port: int) -> socket.socket:
    try:
        return socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG
        )
    except (ValueError, OSError) as error:  # a machine without IPv6, or with nothing else
        absent = isinstance(error, ValueError) or error.errno in _NO_IPV6
        if not absent or isinstance(literal, IPv6Address):
            raise
        return socket.create_server(("", port), backlog=BACKLOG)


def _parse(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, if it is one, be it of IPv4 and written as one of IPv6."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _listen_unix(path: Path) -> socket.socket:
    """Listen on a Unix socket: one that an earlier run left is replaced, any other file is not."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(BACKLOG)
    return listener
