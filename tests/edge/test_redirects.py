"""Blobs in an object store: sent by the registry, or got by the client at an address."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest

from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.core.ranges import ByteRange
from lading.edge.application import Application, WayIn
from lading.edge.asgi import PIPES, Message
from lading.edge.callers import Admission
from lading.edge.endpoints import Audited, Endpoint, Match, Need, Route
from lading.edge.options import EdgeOptions
from lading.edge.redirects import RedirectRule, agent_pattern
from lading.edge.request import Request
from lading.edge.response import BlobBody, PartsBody, Response
from lading.ports.object_sources import Chunks, LostObject, Piped
from tests.edge.requests import request
from tests.support.people import People
from tests.support.segments import MemorySegments, taken

DATA = os.urandom(300_000)
SIZES = (100_000, 1, 0, 150_000, 49_999)
HEADERS = {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": Digest.of(DATA),
    "ETag": f'"{Digest.of(DATA)}"',
    "Accept-Ranges": "bytes",
    "Cache-Control": "max-age=31536000",
}
EVERYBODY = RedirectRule(seconds=600)


@dataclass
class Page:
    """The context of a request for the blob."""

    request: Request


class BlobPage(WayIn[Page]):
    """A way in to one blob."""

    def __init__(self, source: Chunks, *parts: tuple[int, int], status: int = 206) -> None:
        self._source = source
        self._parts = [ByteRange(*part) for part in parts]
        self._status = status
        endpoint = Endpoint("blob", self._blob, Audited("blob"), Need.NOTHING)
        self.routes = (Route("blob", re.compile("/(?P<argument>.*)"), {"GET": endpoint}),)

    async def _blob(self, _: Page) -> Response:
        match self._parts:
            case []:
                whole = BlobBody(self._source, ByteRange(0, len(DATA)))
                return Response(200, HEADERS, whole, Digest.of(DATA))
            case [part]:
                return Response(
                    self._status, HEADERS, BlobBody(self._source, part), Digest.of(DATA)
                )
            case _:
                several = PartsBody(self._source, self._parts, len(DATA))
                return Response(206, HEADERS, several, Digest.of(DATA))

    def context(self, request: Request, admission: Admission, match: Match[Page]) -> Page:
        return Page(request)

    async def error(self, request: Request, error: Exception) -> Response:
        return Response(503, {}, str(error).encode())

    async def not_found(self, request: Request) -> Response:
        return Response(404)


@dataclass
class Visit:
    """An answer as the client has it."""

    status: int
    headers: dict[str, str]
    body: bytes


async def visit(
    people: People,
    page: BlobPage,
    rule: RedirectRule | None = None,
    sent: list[Message] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    extensions: Mapping[str, object] = {},
) -> Visit:
    messages: list[Message] = [] if sent is None else sent

    async def send(message: Message) -> None:
        if message["type"] == PIPES:
            body = taken(Piped(message["file"], message["count"]))
            message = {**message, "body": body}
        messages.append(message)

    options = EdgeOptions(redirects=rule or RedirectRule())
    application: Application[Any] = Application(page, people.registry, options)
    coming = request("GET", "/blob", headers)
    coming.scope["extensions"] = extensions
    await application(coming.scope, coming.receive, send)
    found = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    body = b"".join(bytes(message["body"]) for message in messages[1:])
    return Visit(messages[0]["status"], found, body)


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, 300_000),
        (0, 1),
        (99_999, 100_002),
        (100_000, 100_001),
        (100_001, 250_001),
        (50_000, 290_000),
        (299_999, 300_000),
        (250_001, 300_000),
    ],
)
async def test_segments_are_sent_as_one_blob(people: People, start: int, stop: int) -> None:
    store = MemorySegments(DATA, SIZES)
    answer = await visit(people, BlobPage(store.chunks, (start, stop)))
    assert answer.status == 206
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.body == DATA[start:stop]


async def test_a_server_that_takes_pipes_is_given_them(people: People) -> None:
    """For one range or several, with what comes between them in its place."""
    store, sent = MemorySegments(DATA, SIZES), list[Message]()
    parts = BlobPage(store.chunks, (0, 80_000), (90_000, 240_010))
    plain = await visit(people, parts)
    answer = await visit(people, parts, sent=sent, extensions={PIPES: {}})
    assert len(answer.body) == len(plain.body)
    assert DATA[:80_000] in answer.body
    assert DATA[90_000:240_010] in answer.body
    assert sum(message.get("count", 0) for message in sent) == 80_000 + 150_010
    assert all(message["more_body"] for message in sent[1:-1])


async def test_all_of_the_blob_is_sent(people: People) -> None:
    answer = await visit(people, BlobPage(MemorySegments(DATA, SIZES).chunks))
    assert (answer.status, answer.body) == (200, DATA)


async def test_several_parts_are_sent_in_one_answer(people: People) -> None:
    """Even where redirects are made: stores do not know such answers."""
    page = BlobPage(MemorySegments(DATA, SIZES).one, (10, 20), (99_000, 210_000), (5, 7))
    answer = await visit(people, page, EVERYBODY, headers={"Range": "bytes=10-19,99000-209999,5-6"})
    assert answer.status == 206
    assert len(answer.body) == int(answer.headers["content-length"])
    assert answer.body.count(DATA[99_000:210_000]) == 1


async def test_a_store_that_is_away_is_an_error_and_no_answer_that_ends(people: People) -> None:
    store = MemorySegments(DATA, SIZES)
    store.broken = {"o/0": Unavailable("the store is away")}
    answer = await visit(people, BlobPage(store.chunks))
    assert (answer.status, answer.body) == (503, b"the store is away")
    parts = BlobPage(store.chunks, (0, 80_000), (90_000, 90_010))
    assert (await visit(people, parts)).status == 503


@pytest.mark.parametrize("error", [Unavailable("the store is away"), LostObject("gone")])
async def test_an_answer_is_cut_where_the_store_breaks(people: People, error: Exception) -> None:
    """So that the server closes the connection, and never ends it as if it were whole."""
    store = MemorySegments(DATA, SIZES)
    store.broken = {"o/3": error}
    sent: list[Message] = []
    with pytest.raises(type(error)):
        await visit(people, BlobPage(store.chunks), sent=sent)
    assert b"".join(bytes(message["body"]) for message in sent[1:]) == DATA[:100_001]
    assert sent[-1]["more_body"]
    assert store.closed == 3


async def test_a_client_is_sent_to_the_store(people: People) -> None:
    answer = await visit(people, BlobPage(MemorySegments(DATA, SIZES).one), EVERYBODY)
    assert answer.status == 307
    assert answer.headers.pop("x-request-id")
    assert answer.headers == {
        "location": "https://store.example.com/all?seconds=600",
        "docker-content-digest": Digest.of(DATA),
        "cache-control": "no-store",
        "content-length": "0",
    }
    assert answer.body == b""


@pytest.mark.parametrize("asked", ["bytes=5-7,6-9", "bytes=5-9,-0", "bytes=5-9,"])
async def test_a_client_that_wants_one_part_by_several_ranges_is_not(
    people: People, asked: str
) -> None:
    """The store would send all."""
    page = BlobPage(MemorySegments(DATA, SIZES).one, (5, 10))
    answer = await visit(people, page, EVERYBODY, headers={"Range": asked})
    assert (answer.status, answer.body) == (206, DATA[5:10])


async def test_a_client_that_wants_one_part_is_sent_there(people: People) -> None:
    page = BlobPage(MemorySegments(DATA, SIZES).one, (5, 10))
    answer = await visit(people, page, EVERYBODY, headers={"Range": "bytes=5-9"})
    assert answer.status == 307
    assert "content-range" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Range": HEADERS["ETag"]},
        {"If-Match": HEADERS["ETag"]},
        {"If-Modified-Since": "Sat, 29 Oct 1994 19:43:31 GMT"},
        {"If-Unmodified-Since": "Sat, 29 Oct 2094 19:43:31 GMT"},
        {"Range": "lines=1-2"},  # which is not obeyed here
    ],
)
async def test_what_the_store_would_answer_otherwise_is_answered_here(
    people: People, headers: dict[str, str]
) -> None:
    answer = await visit(
        people, BlobPage(MemorySegments(DATA, SIZES).one), EVERYBODY, headers=headers
    )
    assert (answer.status, answer.body) == (200, DATA)


async def test_a_blob_of_several_objects_is_sent_here(people: People) -> None:
    answer = await visit(people, BlobPage(MemorySegments(DATA, SIZES).chunks), EVERYBODY)
    assert (answer.status, answer.body) == (200, DATA)


HERE = (ip_network("192.0.2.0/24"),)
ELSEWHERE = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
DOCKER = (agent_pattern("docker/*"),)
OTHERS = (agent_pattern("containerd/*"), agent_pattern("*skopeo*"))


@pytest.mark.parametrize(
    ("rule", "sent_there"),
    [
        (RedirectRule(), False),
        (RedirectRule(60, networks=HERE), True),
        (RedirectRule(60, networks=ELSEWHERE), False),
        (RedirectRule(60, but_networks=HERE), False),
        (RedirectRule(60, but_networks=ELSEWHERE), True),
        (RedirectRule(60, networks=HERE, but_networks=HERE), False),
        (RedirectRule(60, agents=DOCKER), True),
        (RedirectRule(60, agents=OTHERS), False),
        (RedirectRule(60, but_agents=DOCKER), False),
        (RedirectRule(60, but_agents=OTHERS), True),
        (RedirectRule(60, networks=ELSEWHERE, agents=DOCKER), False),
    ],
)
async def test_the_operator_says_who_is_sent_there(
    people: People, rule: RedirectRule, sent_there: bool
) -> None:
    page = BlobPage(MemorySegments(DATA, SIZES).one)
    answer = await visit(people, page, rule, headers={"User-Agent": "docker/28.1 go/go1.24"})
    assert (answer.status == 307) == sent_there
