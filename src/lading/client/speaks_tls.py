"""Question of a host on this machine: whether it speaks TLS."""

import socket
from urllib.parse import urlsplit


def speaks_tls(host: str, seconds: float) -> bool:
    """Whether who listens at a host speaks TLS; its certificate is looked at by the first request.

    Args:
        host: with its port, if it has one.
        seconds: for which an answer is waited.
    """
    import ssl  # noqa: PLC0415 - it takes long to load

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    parts = urlsplit(f"https://{host}")
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), seconds) as connection,
            context.wrap_socket(connection, server_hostname=parts.hostname),
        ):
            return True
    except ssl.SSLError as error:
        # Who wants a certificate of the client, or another version, refuses in words of TLS.
        return "ALERT" in str(error.reason) or error.reason == "UNSUPPORTED_PROTOCOL"
    except (OSError, UnicodeError):  # nobody is there, or can be: `127..1`
        return False
