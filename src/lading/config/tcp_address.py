"""Addresses to listen on: `host:port`, as people write them."""

from typing import NamedTuple

_HIGHEST_PORT = 65535


class TcpAddress(NamedTuple):
    """An address to listen on; an empty host means every interface, port 0 any free one."""

    host: str
    port: int


def parse_tcp_address(text: str) -> TcpAddress:
    """Read `:5000`, `127.0.0.1:5000` or `[::1]:5000`.

    Raises:
        ValueError: it is not of this form.
    """
    if "://" in text:
        raise ValueError("write no scheme: `host:port`, as in `127.0.0.1:5000`")
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError("write the port too: `host:5000`, or `:5000` for every interface")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= _HIGHEST_PORT):
        raise ValueError("write a port number after the last colon, as in `:5000`")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("write an IPv6 address in brackets: `[::1]:5000`")
    if not host.isprintable() or any(character in host for character in " /[]"):
        raise ValueError("write `host:port`, as in `127.0.0.1:5000`")
    return TcpAddress(host, int(port))
