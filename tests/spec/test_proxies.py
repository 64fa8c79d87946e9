"""Behind proxies: where clients are sent, and whose word on where they came from is taken."""

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.client import Answer, Client
from tests.support.lading import Lading, lading_serve
from tests.support.processes import wait_until
from tests.support.pushes import OCI_MANIFEST, Repository, descriptor, digest_of, encode, image

_numbers = itertools.count(1)

FORGED = {
    "host": "evil.example",
    "x_forwarded_host": "evil.example",
    "x_forwarded_proto": "gopher",
    "x_forwarded_port": "666",
    "x_forwarded_for": "6.6.6.6",
    "x_forwarded_prefix": "/evil",
    "forwarded": "for=6.6.6.6;host=evil.example;proto=gopher",
}


def locations(repository: Repository, **headers: str) -> list[str]:
    """Every place that an answer of this API can send a client to."""
    other = Repository(repository.client, f"{repository.name}/other")
    for each in (repository, other):
        each.push_image()
    blob = other.push_blob(b"elsewhere")
    subject = descriptor(b"subject", OCI_MANIFEST)
    for number in range(2):
        repository.push_manifest(image(subject=subject, number=number), f"v{number}")
    upload = repository.start_upload()

    def ask(method: str, path: str, body: bytes = b"") -> Answer:
        return repository.client.ask(method, path, body, **headers)

    answers = [
        ask("POST", f"{repository.path}/blobs/uploads/"),
        ask("POST", f"{repository.path}/blobs/uploads/?mount={blob}&from={other.name}"),
        ask("POST", f"{repository.path}/blobs/uploads/?digest={digest_of(b'{}')}", b"{}"),
        ask("PATCH", upload, b"x"),
        ask("GET", upload),
        ask("PUT", f"{upload}?digest={digest_of(b'x')}"),
        ask("PUT", f"{repository.path}/manifests/latest", encode(image())),
        ask("GET", f"{repository.path}/tags/list?n=1"),
        ask("GET", f"{repository.path}/referrers/{subject['digest']}?n=1"),
        ask("GET", "/v2/_catalog?n=1"),
    ]
    return [answer.headers["Location"] or answer.headers["Link"].strip("<") for answer in answers]


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["plain", "forged"])
def test_clients_are_sent_on_where_they_are(
    repository: Repository, headers: dict[str, str]
) -> None:
    """A path is right behind any proxy, and no header can send them elsewhere."""
    for location in locations(repository, **headers):
        assert location.startswith("/v2/")


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({"host": "https://registry.example"}, "https://registry.example/v2/"),
        ({"host": "https://registry.example", "relativeurls": True}, "/v2/"),
    ],
)
def test_clients_are_sent_where_the_operator_says(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, object], base: str
) -> None:
    http = {"http": {"addr": "127.0.0.1:0", "workers": 2, **settings}}
    with lading_serve(tmp_path_factory.mktemp("host"), settings=http) as registry:
        *others, tags, referrers, catalog = locations(Repository(registry.client, "app"), **FORGED)
    for location in others:
        assert location.startswith(base)
    for link in (tags, referrers, catalog):
        assert link.startswith("/v2/")


def logged_address(registry: Lading, **headers: str) -> str:
    """Where the access log says that a request came from."""
    target = f"/v2/?{next(_numbers)}"
    registry.client.ask("GET", target, b"", **headers)
    return logged_lines(registry, target)[0].split()[0]


def logged_lines(registry: Lading, target: str) -> list[str]:
    """What the access log says of requests for a target."""

    def lines() -> list[str]:
        return [line for line in registry.log.read_text().splitlines() if f" {target} " in line]

    wait_until(lambda: bool(lines()), "the line in the log")  # which is written after the answer
    return lines()


def trusting(proxies: str, directory: Path) -> AbstractContextManager[Lading]:
    """A registry that trusts some proxies, which send files themselves."""
    environment = {
        "REGISTRY_HTTP_TRUSTEDPROXIES": f"[{proxies}]",
        "REGISTRY_HTTP_ACCELREDIRECT": "/_blobs/",
    }
    return lading_serve(directory, env=environment)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A registry that is told that this machine is a proxy, and 10.0.0.0/8 are more of them."""
    with trusting("127.0.0.1, 10.0.0.0/8", tmp_path_factory.mktemp("behind")) as registry:
        yield registry


# What is smaller may be kept in memory, and then no file is read at all.
LARGE = bytes(100_000)


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A registry whose proxy is another machine."""
    with trusting("10.0.0.0/8", tmp_path_factory.mktemp("exposed")) as registry:
        yield registry


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3.4, 10.1.1.1, 10.2.2.2", "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4, 10.1.1.1", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("1.2.3.4, garbage", "127.0.0.1"),
        ("1.2.3.4, garbage, 10.1.1.1", "10.1.1.1"),
        ("", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_believed(behind: Lading, forwarded: str, address: str) -> None:
    """As far back as the chain consists of trusted ones, and no further."""
    assert logged_address(behind, x_forwarded_for=forwarded) == address


def test_a_trailer_is_no_header(behind: Lading) -> None:
    """Which a proxy passes on as it came (RFC 9110, 6.5.1)."""
    target = f"/v2/?{next(_numbers)}"
    with behind.client.connection() as connection:
        head = f"GET {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        trailers = "X-Forwarded-For: 1.2.3.4\r\nUser-Agent: forged\r\nReferer: forged\r\n"
        connection.send(f"{head}0\r\n{trailers}\r\n".encode())
        assert connection.receive().status == 200

    (line,) = logged_lines(behind, target)
    assert line.startswith("127.0.0.1 ")
    assert "forged" not in line


def test_anybody_else_is_not_believed(exposed: Lading) -> None:
    assert logged_address(exposed, x_forwarded_for="1.2.3.4") == "127.0.0.1"


def test_a_trusted_proxy_may_send_the_file_itself(behind: Lading) -> None:
    """It is told which; all headers of the blob are still the registry's."""
    client: Client = behind.client
    digest = Repository(client, "app").push_blob(LARGE)
    path = f"/v2/app/blobs/{digest}"

    answer = client.ask("GET", path, b"", x_sendfile_type="X-Accel-Redirect")

    assert answer.status == 200
    assert answer.body == b""
    key = answer.headers["X-Accel-Redirect"].removeprefix("/_blobs/")
    assert (behind.root / "docker/registry/v2/blobs" / key).read_bytes() == LARGE
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["ETag"] == f'"{digest}"'
    assert "X-Accel-Redirect" not in client.ask("GET", path).headers


@pytest.mark.parametrize(
    "condition",
    [{"if_match": "*"}, {"if_unmodified_since": "Thu, 01 Jan 1970 00:00:00 GMT"}],
    ids=["if-match", "if-unmodified-since"],
)
def test_what_a_proxy_would_judge_otherwise_is_sent_from_here(
    behind: Lading, condition: dict[str, str]
) -> None:
    digest = Repository(behind.client, "app").push_blob(LARGE)
    path = f"/v2/app/blobs/{digest}"

    answer = behind.client.ask("GET", path, b"", x_sendfile_type="X-Accel-Redirect", **condition)

    assert "X-Accel-Redirect" not in answer.headers
    assert answer.body == LARGE


def test_nobody_else_is_told_where_files_are(exposed: Lading) -> None:
    digest = Repository(exposed.client, "app").push_blob(LARGE)

    answer = exposed.client.ask(
        "GET", f"/v2/app/blobs/{digest}", b"", x_sendfile_type="X-Accel-Redirect"
    )

    assert answer.body == LARGE
    assert "X-Accel-Redirect" not in answer.headers
