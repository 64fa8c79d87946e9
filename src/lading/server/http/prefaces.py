"""Prefaces: how a connection begins that is to be one of another protocol than HTTP."""

# A handshake, of a version that begins with 3 (RFC 8446, 5.1).
_TLS = b"\x16\x03"
# Of both versions (haproxy.org/download/3.2/doc/proxy-protocol.txt, 2.1 and 2.2).
_PROXY = (b"PROXY ", b"\r\n\r\n\x00\r\nQUIT\n")

LONGEST = 12


def is_tls(data: bytes) -> bool:
    """Whether a client begins with TLS."""
    return data.startswith(_TLS)


def is_proxy_protocol(data: bytes) -> bool:
    """Whether a proxy begins by saying for whom it comes, in the PROXY protocol."""
    return data.startswith(_PROXY)
