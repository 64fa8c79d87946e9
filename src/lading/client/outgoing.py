"""Requests as they are sent: a head, and the body whose length it says."""

from collections.abc import Iterable, Mapping

from lading.client.opening import Connection

Content = bytes | Iterable[bytes] | None
"""What a request has as its body: bytes, or pieces of which its headers say where they end."""

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "CONNECT"})


def head_of(method: str, target: str, headers: Mapping[str, str], body: Content) -> bytes:
    """The head of a request.

    Raises:
        ValueError: a header has lines, which would be others.
    """
    if "Content-Length" not in headers and method not in _WITHOUT_BODY:
        if isinstance(body, bytes | None):
            headers = {**headers, "Content-Length": str(len(body or b""))}
        elif "Transfer-Encoding" not in headers:
            raise ValueError(f"{method} has a body without a length")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"{name} has lines")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("iso-8859-1")


def send(connection: Connection, head: bytes, body: Content) -> bool:
    """Send a request; whether all of it was taken.

    Who refuses it may answer early and hang up, as of a body that is too large: what was answered
    counts then.

    Raises:
        OSError: it is not taken in time, or the pieces cannot be had.
    """
    if isinstance(body, bytes | None):
        return _is_taken(connection, head + body if body else head)
    return _is_taken(connection, head) and all(_is_taken(connection, piece) for piece in body)


def _is_taken(connection: Connection, data: bytes) -> bool:
    try:
        connection.sendall(data)
    except BlockingIOError:
        raise TimeoutError("timed out") from None
    except (BrokenPipeError, ConnectionResetError):
        return False
    except OSError as error:
        import ssl  # noqa: PLC0415 - it takes long to load

        if not isinstance(error, ssl.SSLEOFError):  # the same, by TLS
            raise
        return False
    return True
