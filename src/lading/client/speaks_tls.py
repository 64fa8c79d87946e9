"""Question of a host on this machine: whether it speaks TLS."""

import os
import socket
from urllib.parse import urlsplit

# Of TLS's records: `alert` and `handshake` (RFC 8446, 5.1), by which all answers to a greeting go.
_ANSWERS = frozenset({b"\x15", b"\x16"})
_VERSION = b"\x03\x03"
# TLS_ECDHE_{RSA,ECDSA}_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_GCM_SHA256 (RFC 5289, 5288).
_CIPHERS = b"\xc0\x2f\xc0\x2b\x00\x9c"
# P-256; uncompressed points; SHA-256 with RSA and with ECDSA (RFC 8422, 5.1; RFC 5246, 7.4.1.4.1).
_EXTENSIONS = (
    b"\x00\x0a\x00\x04\x00\x02\x00\x17"
    b"\x00\x0b\x00\x02\x01\x00"
    b"\x00\x0d\x00\x06\x00\x04\x04\x01\x04\x03"
)


def speaks_tls(host: str, seconds: float) -> bool:
    """Whether who listens at a host speaks TLS; its certificate is looked at by the first request.

    A greeting is all that is sent: Python's own TLS takes longer to load than the answer to come.

    Args:
        host: with its port, if it has one.
        seconds: for which an answer is waited.
    """
    parts = urlsplit(f"https://{host}")
    try:
        with socket.create_connection((parts.hostname, parts.port or 443), seconds) as connection:
            connection.sendall(_greeting())
            return connection.recv(1) in _ANSWERS
    except OSError:
        return False


def _greeting() -> bytes:
    """The first message of a handshake, `ClientHello` (RFC 5246, 7.4.1.2)."""
    hello = _VERSION + os.urandom(32) + b"\0" + _sized(_CIPHERS, 2) + b"\x01\0"
    hello += _sized(_EXTENSIONS, 2)
    return b"\x16\x03\x01" + _sized(b"\x01" + _sized(hello, 3), 2)


def _sized(data: bytes, length: int) -> bytes:
    return len(data).to_bytes(length) + data
