"""Sessions of TLS with which clients go on, without showing their certificate anew."""

import asyncio
import ssl
import time


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
