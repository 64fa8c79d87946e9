"""Requests as they go over the wire, and what is looked at of their answers."""

from collections.abc import Mapping
from typing import NamedTuple

from bench.http import UnexpectedAnswer, lines, path_of

Part = bytes | memoryview


class Request(NamedTuple):
    """A request that is ready to be sent.

    Attributes:
        parts: what is sent, the head first.
        bodiless: whether the answer has no body, whatever length it tells.
    """

    parts: tuple[Part, ...]
    bodiless: bool = False


class Writer:
    """Writes requests to one registry.

    Args:
        headers: of every request.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._common = "Host: localhost\r\n" + lines(headers)

    def get(self, path: str, headers: str = "") -> Request:
        """A GET; `headers` are whole lines."""
        return Request((f"GET {path} HTTP/1.1\r\n{self._common}{headers}\r\n".encode(),))

    def head(self, path: str, headers: str = "") -> Request:
        """A HEAD."""
        head = f"HEAD {path} HTTP/1.1\r\n{self._common}{headers}\r\n"
        return Request((head.encode(),), bodiless=True)

    def send(self, method: str, path: str, *body: Part, headers: str = "") -> Request:
        """A POST, PATCH or PUT, with the parts of its body."""
        size = sum(map(len, body))
        head = f"{method} {path} HTTP/1.1\r\n{self._common}{headers}Content-Length: {size}\r\n\r\n"
        return Request((head.encode(), *body))

    def commit(self, location: str, digest: str) -> Request:
        """The PUT that ends an upload."""
        mark = "&" if "?" in location else "?"
        return self.send("PUT", f"{location}{mark}digest={digest.replace(':', '%3A')}")


class Answer(NamedTuple):
    """What came back.

    Attributes:
        head: as it is.
        size: bytes of the body.
        beginning: what of the body came with the head.
    """

    status: int
    head: bytes
    size: int
    beginning: bytes = b""

    def expect(self, *statuses: int) -> None:
        """Go on only with one of these statuses.

        Raises:
            UnexpectedAnswer: it has another.
        """
        if self.status not in statuses:
            told = self.beginning[:300]
            raise UnexpectedAnswer(f"{self.status} instead of {statuses}: {told!r}")

    @property
    def location(self) -> str:
        """The path of what it points to."""
        return path_of(_header(self.head, b"location").decode())


_WITHOUT_BODY = frozenset({204, 304})


def read_answer(received: bytes, request: Request) -> Answer | None:
    """An answer whose body is still to come; `None` if some of its head is."""
    head, end, beginning = received.partition(b"\r\n\r\n")
    if not end:
        return None
    status = int(head[9:12])
    bodiless = request.bodiless or status in _WITHOUT_BODY
    size = 0 if bodiless else int(_header(head, b"content-length"))
    return Answer(status, head, size, beginning)


def _header(head: bytes, name: bytes) -> bytes:
    mark = b"\r\n" + name + b":"
    start = head.lower().find(mark)
    if start < 0:
        raise UnexpectedAnswer(f"no {name.decode()} in {head!r}")
    start += len(mark)
    end = head.find(b"\r\n", start)
    return head[start : end if end > 0 else None].strip()
