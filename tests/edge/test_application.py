"""The pipeline, with another way in than the registry protocol: pages that say hello."""

import errno
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from lading.core.errors import RegistryError, Unavailable, Unsupported
from lading.edge.application import Application, WayIn
from lading.edge.asgi import Message
from lading.edge.callers import Admission
from lading.edge.endpoints import Audited, Endpoint, Match, Need, Route
from lading.edge.observers import Answered, Observer
from lading.edge.options import EdgeOptions
from lading.edge.request import Request
from lading.edge.response import Response
from tests.edge.requests import request
from tests.support.people import People


@dataclass
class Page:
    """The context of a page."""

    request: Request
    argument: str


async def hello(page: Page) -> Response:
    if page.argument == "nobody":
        raise RegistryError("nobody is here")
    if page.argument == "bug":
        raise ZeroDivisionError
    if page.argument == "much":
        raise MemoryError
    if page.argument == "pages":
        raise OSError(errno.ENOMEM, "no memory")
    return Response(200, {}, f"hello {page.argument}".encode(), "sha256:1")


class Pages(WayIn[Page]):
    """A way in with one path."""

    routes = (
        Route(
            "hello",
            re.compile("/hello/(?P<argument>.*)"),
            {
                "GET": Endpoint("hello", hello, Audited("hello"), Need.NOTHING),
                "POST": Endpoint("greet", hello, Audited("greet"), Need.NOTHING, writes=True),
            },
        ),
    )

    def context(self, request: Request, admission: Admission, match: Match[Page]) -> Page:
        return Page(request, match.argument)

    async def error(self, request: Request, error: Exception) -> Response:
        status = 405 if isinstance(error, Unsupported) else 500
        status = 503 if isinstance(error, Unavailable) else status
        return Response(status, {}, f"<p>{error}".encode())

    async def not_found(self, request: Request) -> Response:
        return Response(404, {}, b"<p>nothing")


class Noted(Observer):
    """Remembers all answers."""

    def __init__(self) -> None:
        self.all: list[Answered] = []

    def note(self, answered: Answered) -> None:
        self.all.append(answered)


@dataclass
class Visit:
    """An answer as the client has it, and as the observer was told of it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    told: Answered


Ask = Callable[..., Awaitable[Visit]]


@pytest.fixture
def ask(people: People) -> Ask:
    async def ask(method: str, path: str, *, read_only: bool = False) -> Visit:
        noted, sent = Noted(), list[Message]()

        async def send(message: Message) -> None:
            sent.append(message)

        options = EdgeOptions(read_only=read_only)
        application = Application(Pages(), people.registry, options, None, [noted])
        coming = request(method, path)
        await application(coming.scope, coming.receive, send)
        (told,) = noted.all
        body = b"".join(message["body"] for message in sent[1:])
        return Visit(sent[0]["status"], dict(sent[0]["headers"]), body, told)

    return ask


async def test_an_observer_is_told_of_an_answer_in_one_value(ask: Ask, people: People) -> None:
    visit = await ask("GET", "/hello/you")
    told = visit.told
    assert (visit.status, visit.body) == (200, b"hello you")
    assert (told.status, told.size, told.digest) == (200, 9, "sha256:1")
    assert told.endpoint is Pages.routes[0].endpoints["GET"]
    assert told.at == people.now
    assert 0 <= told.seconds < 60
    assert visit.headers[b"x-request-id"] == told.request.id.encode() != b""


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "endpoint"),
    [
        ("GET", "/hello/nobody", 500, b"<p>nobody is here", "hello"),
        ("GET", "/hello/bug", 500, b"<p>", "hello"),
        ("GET", "/hello/much", 503, b"<p>the registry is short of memory", "hello"),
        ("GET", "/hello/pages", 503, b"<p>the registry is short of memory", "hello"),
        ("GET", "/bye", 404, b"<p>nothing", None),
        ("PUT", "/hello/you", 405, b"<p>the method", None),
        ("GET", "//hello/you", 301, b"", None),
        ("OPTIONS", "/hello/you", 204, b"", None),
    ],
)
async def test_what_goes_wrong_is_answered_by_the_way_in(
    ask: Ask, method: str, path: str, status: int, body: bytes, endpoint: str | None
) -> None:
    """And the observer is told of it as well."""
    visit = await ask(method, path)
    assert visit.status == visit.told.status == status
    assert visit.body.startswith(body)
    assert (visit.told.endpoint and visit.told.endpoint.id) == endpoint


async def test_a_405_says_what_is_allowed(ask: Ask) -> None:
    """All that the path has; while the registry is read-only, what does not write."""
    assert (await ask("PUT", "/hello/you")).headers[b"allow"] == b"GET, POST, OPTIONS"
    refused = await ask("POST", "/hello/you", read_only=True)
    assert refused.status == 405
    assert refused.headers[b"allow"] == b"GET, OPTIONS"
