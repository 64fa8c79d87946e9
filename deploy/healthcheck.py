"""Whether this container's registry is well: what `/readyz` says, or else whether `/` answers.

`/readyz` is at the address that the image's own configuration has for who watches it; where another
configuration has none, the registry is asked for `/`, by HTTP or by HTTPS, which never needs
a login. A full disk is left out: it stops pushes, and starting again would not help.
"""

import http.client
import ssl
import sys

WATCHED = "127.0.0.1:5001"
READY = "/readyz?exclude=room&exclude=changes"
ADDRESS = "127.0.0.1:5000"
TIMEOUT = 4.0


def is_ready() -> bool | None:
    """Whether the registry says that it is ready; `None` if nobody says anything there."""
    connection = http.client.HTTPConnection(WATCHED, timeout=TIMEOUT)
    try:
        connection.request("GET", READY)
        status = connection.getresponse().status
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return status == 200 if status in {200, 503} else None


def answers(connection: http.client.HTTPConnection) -> bool:
    """Ask; a server that wants a certificate of its client first is there, too."""
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except ssl.SSLError as error:
        return "CERTIFICATE_REQUIRED" in str(error)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> bool:
    """Try both; whose certificate it is does not matter here."""
    ready = is_ready()
    if ready is not None:
        return ready
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return answers(http.client.HTTPConnection(ADDRESS, timeout=TIMEOUT / 2)) or answers(
        http.client.HTTPSConnection(ADDRESS, timeout=TIMEOUT / 2, context=context)
    )


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
