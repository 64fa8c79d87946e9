"""Prefaces: how a connection begins that is not to go on as one of HTTP, or not at all."""

import asyncio
import ssl
import time

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


def goes_on_for_the_ended(transport: asyncio.Transport) -> bool:
    """Whether a client goes on with a session that it began with a certificate that has ended.

    OpenSSL looks at the time of a certificate when that is shown, and keeps sessions of TLS 1.2 for
    two hours after; Python has no way to have it keep none.
    """
    encrypted: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if encrypted is None or not encrypted.session_reused:
        return False
    shown = encrypted.getpeercert() or {}
    return "notAfter" in shown and ssl.cert_time_to_seconds(str(shown["notAfter"])) < time.time()
