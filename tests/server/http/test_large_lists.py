"""Lists of much: what they take of a worker is bounded, whatever is listed and however slowly."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from lading.wiring.paths import metadata_path
from tests.spec.test_tags import next_page
from tests.support.client import Client, Connection
from tests.support.lading import Lading, lading_serve
from tests.support.memory import forget_peaks, memory_of_workers, peak_of_workers
from tests.support.pushes import OCI_MANIFEST, Repository, descriptor, image

MIB = 1024 * 1024
TAGS = 200_000
READERS = 50


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A registry of one process, with a repository of many tags."""
    directory = tmp_path_factory.mktemp("lists")
    with lading_serve(directory, env={"REGISTRY_HTTP_WORKERS": "1"}) as registry:
        Repository(registry.client, "many").push_image("latest")
        add_tags(registry.root, TAGS)
        yield registry


def add_tags(root: Path, count: int) -> None:
    """Point as many tags at the one manifest as it would take hours to push."""
    with closing(sqlite3.connect(metadata_path(root))) as connection, connection:
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO tags SELECT repository_id, printf('v%07d', i), digest, updated_at"
            " FROM tags, n WHERE name = 'latest'",
            (count - 1,),
        )


@pytest.fixture
def client(registry: Lading) -> Client:
    return registry.client


@pytest.fixture
def readers(client: Client) -> Iterator[list[Connection]]:
    """Clients with a connection each."""
    with ExitStack() as stack:
        yield [stack.enter_context(client.connection()) for _ in range(READERS)]


def test_all_tags_reach_a_client_that_asks_for_no_pages(client: Client) -> None:
    """One document, in order, each tag once; and the connection goes on."""
    with client.connection() as connection:
        for _ in range(2):
            connection.request("GET", "/v2/many/tags/list")
            answer = connection.receive()

            assert answer.status == 200
            assert answer.headers["Transfer-Encoding"] == "chunked"
            assert answer.headers["Link"] is None
            expected = ["latest", *(f"v{number:07}" for number in range(1, TAGS))]
            assert answer.json == {"name": "many", "tags": expected}


def test_all_tags_after_one_are_listed(client: Client) -> None:
    """Also so many that they leave in pieces."""
    last = TAGS - 1000
    answer = client.ask("GET", f"/v2/many/tags/list?last=v{last:07}")

    assert answer.json["tags"] == [f"v{number:07}" for number in range(last + 1, TAGS)]


def test_a_list_of_unknown_length_has_a_head(client: Client) -> None:
    """And no body: the next answer follows at once."""
    with client.connection() as connection:
        connection.request("HEAD", "/v2/many/tags/list")
        head = connection.receive(head=True)
        assert (head.status, head.headers["Content-Length"]) == (200, None)
        connection.request("GET", "/v2/")
        assert connection.receive().json == {}


def test_a_client_that_knows_no_chunks_gets_a_list_that_ends_with_its_connection(
    client: Client,
) -> None:
    """RFC 9112, 6.3: "the message body length is determined by the number of octets received"."""
    with client.connection() as connection:
        connection.send(b"GET /v2/many/tags/list HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = connection.receive(head=True)
        assert answer.headers["Transfer-Encoding"] is None
        assert answer.headers["Connection"] == "close"
        assert connection.rest().count(b'"v0') == TAGS - 1


def test_lists_that_nobody_takes(
    registry: Lading, client: Client, readers: list[Connection]
) -> None:
    """Many tags, many clients that take none of them, a few MiB; others notice nothing."""
    before = memory_of_workers(registry)[0]
    for reader in readers:
        reader.request("GET", "/v2/many/tags/list")
        assert reader.receive(head=True).status == 200

    assert Repository(client, "many").push_image("latest")
    assert client.ask("GET", "/v2/many/manifests/latest").status == 200
    assert memory_of_workers(registry)[0] < before + 30


def test_referrers_with_large_annotations(registry: Lading, client: Client) -> None:
    """No more of them is read than an answer holds; each is on a page of its own."""
    repository = Repository(client, "annotated")
    repository.push_image()
    subject = descriptor(b"subject", OCI_MANIFEST)
    pushed = set()
    for number in range(24):
        annotations = {"padding": "x" * (4 * MIB - 2048), "emoji": "\N{SHIP}", "n": str(number)}
        document = image(subject=subject, annotations=annotations)
        pushed.add(repository.push_manifest(document))
    forget_peaks(registry)
    before = peak_of_workers(registry)[0]

    found = []
    page: str | None = f"/v2/annotated/referrers/{subject['digest']}"
    while page:
        answer = client.ask("GET", page)
        (entry,) = answer.json["manifests"]
        assert entry["annotations"]["emoji"] == "\N{SHIP}"
        found.append(entry["digest"])
        page = next_page(answer)

    assert set(found) == pushed
    assert len(found) == len(pushed)
    assert peak_of_workers(registry)[0] < before + 50
