"""What the nginx of deploy/compose adds and must not take away.

The tests of the protocol all run through it, too; here is what only a proxy does, or could spoil.
"""

import functools
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.commands import REPOSITORY
from tests.support.lading import Lading, lading_serve
from tests.support.nginx import BEHIND_NGINX, nginx_before
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of

pytestmark = pytest.mark.e2e

# More than nginx allows by default (1 MiB), and than any of its buffers.
DATA = bytes(range(256)) * 40_000


@dataclass(frozen=True)
class Front:
    """nginx, and the registry behind it."""

    client: Client
    registry: Lading
    log: Path

    @property
    def repository(self) -> Repository:
        """A repository to push to through nginx."""
        return Repository(self.client, "deploy/test")

    def file(self, digest: str) -> Path:
        """Where the bytes of a blob are."""
        algorithm, _, value = digest.partition(":")
        blobs = self.registry.root / "docker" / "registry" / "v2" / "blobs"
        return blobs / algorithm / value[:2] / value / "data"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """As `docker-compose up` starts them."""
    with (
        lading_serve(tmp_path, env=BEHIND_NGINX) as registry,
        nginx_before(registry, tmp_path) as host,
    ):
        yield Front(Client(host), registry, tmp_path / "access.log")


def test_a_blob_is_as_large_as_it_is(front: Front) -> None:
    """nginx's own limit would be 1 MiB, answered with 413."""
    digest = front.repository.push_blob(DATA)

    assert front.file(digest).stat().st_size == len(DATA)


def test_a_registry_below_a_path(tmp_path: Path) -> None:
    """As deploy/README.md has it; each place that is told leads through nginx again."""
    readme = (REPOSITORY / "deploy" / "README.md").read_text()
    location = readme.partition("```nginx\n")[2].partition("```")[0]
    assert "/images/" in location
    with (
        lading_serve(tmp_path, env=BEHIND_NGINX) as registry,
        nginx_before(registry, tmp_path, listening=location) as host,
    ):
        client = Client(host)
        started = client.ask("POST", "/images/v2/a/blobs/uploads/", b"")
        digest = digest_of(DATA)
        pushed = client.ask("PUT", f"{started.headers['Location']}?digest={digest}", DATA)
        assert pushed.headers["Location"] == f"/images/v2/a/blobs/{digest}"
        assert client.ask("GET", pushed.headers["Location"]).body == DATA


def test_an_upload_reaches_the_registry_while_it_is_sent(front: Front) -> None:
    """Nothing waits in nginx, so what came before the connection broke need not be sent again."""
    location, half = front.repository.start_upload(), len(DATA) // 2
    written = functools.partial(_largest_file, front.registry.root)
    with front.client.connection() as connection:
        connection.send(
            f"PATCH {location} HTTP/1.1\r\nHost: {front.client.host}\r\n"
            f"Content-Length: {len(DATA)}\r\n\r\n".encode()
        )
        connection.send(DATA[:half])
        # The registry writes in large pieces.
        wait_until(lambda: written() > half // 2, "what was sent to arrive")

    digest = digest_of(DATA)

    def goes_on() -> bool:
        kept = int(front.client.ask("GET", location).headers["Range"].removeprefix("0-")) + 1
        assert half // 2 < kept <= half
        span = f"{kept}-{len(DATA) - 1}"
        target = f"{location}?digest={digest}"
        return front.client.ask("PUT", target, DATA[kept:], content_range=span).status == 201

    wait_until(goes_on, "the registry to know that the client has left")
    assert front.file(digest).read_bytes() == DATA


def test_nginx_sends_the_bytes_of_a_blob_itself(front: Front) -> None:
    """The registry only says where they are; the content, whole or in part, is the same."""
    digest = front.repository.push_blob(DATA)

    whole = front.repository.ask("GET", f"/blobs/{digest}")
    part = front.repository.ask("GET", f"/blobs/{digest}", range="bytes=5-5")

    assert (whole.body, part.body) == (DATA, DATA[5:6])
    value = digest.removeprefix("sha256:")
    told = f'accel="/_blobs/sha256/{value[:2]}/{value}/data"'
    wait_until(lambda: front.log.read_text().count(told) == 2, "nginx's log of both")
    assert "X-Accel-Redirect" not in whole.headers
    assert "sandbox" in whole.headers["Content-Security-Policy"]


@pytest.mark.parametrize("range_", [None, "bytes=5-5"])
def test_a_condition_that_is_met_here_is_met_there(front: Front, range_: str | None) -> None:
    digest = front.repository.push_blob(DATA)
    ranged = {} if range_ is None else {"range": range_}
    for condition in (
        {"if_match": f'"{digest}"'},
        {"if_match": "*"},
        {"if_unmodified_since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"if_modified_since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"if_none_match": '"other"'},
        {"if_range": f'"{digest}"'},
    ):
        answer = front.repository.ask("GET", f"/blobs/{digest}", b"", **ranged, **condition)
        assert (answer.status, answer.body) == (
            (200, DATA) if range_ is None else (206, DATA[5:6])
        ), condition
    answer = front.repository.ask("GET", f"/blobs/{digest}", if_match='"other"')
    assert answer.status == 412


def test_the_files_are_not_to_be_had_by_their_place(front: Front) -> None:
    """The registry decides who reads what; nginx has no way around it."""
    digest = front.repository.push_blob(DATA).removeprefix("sha256:")

    answer = front.client.ask("GET", f"/_blobs/sha256/{digest[:2]}/{digest}/data")

    assert answer.status == 404
    assert len(answer.codes) == 1


def test_a_client_cannot_say_that_it_is_another(front: Front) -> None:
    """Limits count by address; here the client is even where trusted proxies are."""
    front.client.ask("GET", "/v2/_catalog", x_forwarded_for="203.0.113.9")

    wait_until(lambda: "/v2/_catalog" in front.registry.log.read_text(), "the registry's log")
    [line] = [s for s in front.registry.log.read_text().splitlines() if "/v2/_catalog" in s]
    assert line.startswith("127.0.0.1 ")


def test_nor_by_which_id_its_requests_are_found(front: Front) -> None:
    answer = front.client.ask("GET", "/v2/", x_request_id="forged")

    assert answer.headers["X-Request-ID"] != "forged"
    assert front.registry.has_said(answer.headers["X-Request-ID"])
    assert "forged" not in front.registry.log.read_text()


@pytest.mark.parametrize("file", ["compose/nginx.conf", "scale-out/nginx.conf", "README.md"])
def test_whatever_the_registry_believes_of_nginx_is_said_by_nginx(file: str) -> None:
    """A client's own header is passed on unless there is such a line."""
    text = (REPOSITORY / "deploy" / file).read_text()
    forwarded = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix")
    for name in (*forwarded, "X-Request-Id", "traceparent"):
        assert f"proxy_set_header {name} " in text, name


def test_a_file_that_is_gone_is_an_error_of_the_protocol(front: Front) -> None:
    digest = front.repository.push_blob(DATA)
    front.file(digest).unlink()

    first, second = (front.repository.ask("GET", f"/blobs/{digest}") for _ in range(2))

    # The first to ask finds out; from then on it is not there, so that a push brings it back.
    assert (first.status, first.codes) == (503, ["UNAVAILABLE"])
    assert (second.status, second.codes) == (404, ["BLOB_UNKNOWN"])
    assert first.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_a_registry_that_is_down_is_an_error_of_the_protocol(front: Front) -> None:
    os.kill(front.registry.pid, signal.SIGTERM)
    wait_until(lambda: front.client.ask("GET", "/v2/").status != 200, "the end of the registry")

    answer = front.client.ask("GET", "/v2/")

    assert answer.status == 502
    assert answer.codes == ["UNAVAILABLE"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /v2/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /v2/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"TRACE /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /v2/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 400),
        (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ],
    ids=["no host", "zero byte", "trace", "long header", "long url"],
)
def test_what_nginx_refuses_it_refuses_in_the_words_of_the_protocol(
    front: Front, request_: bytes, status: int
) -> None:
    """Docker shows a person the page of HTML that it gets instead."""
    with front.client.connection() as connection:
        connection.send(request_)
        answer = connection.receive()

    assert answer.status == status
    assert answer.codes == ["UNSUPPORTED"]
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def _largest_file(root: Path) -> int:
    return max(path.stat().st_size for path in root.rglob("*") if path.is_file())
