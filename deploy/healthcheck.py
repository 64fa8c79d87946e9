"""Whether this container's registry answers, by HTTP or by HTTPS; `/` never asks for a login."""

import http.client
import ssl
import sys

ADDRESS = "127.0.0.1:5000"
TIMEOUT = 4.0


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
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return answers(http.client.HTTPConnection(ADDRESS, timeout=TIMEOUT / 2)) or answers(
        http.client.HTTPSConnection(ADDRESS, timeout=TIMEOUT / 2, context=context)
    )


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
