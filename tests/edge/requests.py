"""Makes requests as the server hands them over."""

import base64
from collections.abc import Mapping

from lading.edge.asgi import Message
from lading.edge.observers import Answered
from lading.edge.request import Request


async def _unread() -> Message:
    raise AssertionError("the body was read")


def request(
    method: str, path: str, headers: Mapping[str, str] | None = None, *, peer: str = "192.0.2.7"
) -> Request:
    """A request whose body must not be read."""
    path, _, query = path.partition("?")
    raw = [(name.lower().encode(), text.encode()) for name, text in (headers or {}).items()]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": query.encode(),
        "headers": raw,
        "client": (peer, 50000),
        "server": ("127.0.0.1", 5000),
    }
    return Request(scope, _unread)


def basic(text: str) -> str:
    """The header of a name and a password."""
    return "Basic " + base64.b64encode(text.encode()).decode()


def answered(request: Request, status: int = 200, size: int = 0) -> Answered:
    """An answer to a request, at the beginning of time."""
    return Answered(request, None, None, status, size, received=0, digest="", at=0, seconds=0)
