"""How much one client may ask for, and how large things may be."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lading.edge.limits import client_of
from tests.support.client import Answer, Client
from tests.support.guarded import basic, guarded_registry
from tests.support.lading import lading_serve
from tests.support.pushes import Repository, digest_of, encode, image
from tests.support.workers import one_connection_each

KIB = 1024


@contextmanager
def serving(directory: Path, *, proxies: tuple[str, ...] = (), **limits: Any) -> Iterator[Client]:
    """A registry of one worker with limits."""
    http = {"addr": "127.0.0.1:0", "workers": 1, "trustedproxies": list(proxies)}
    with lading_serve(directory, settings={"http": http, "limits": limits}) as registry:
        yield registry.client


def test_a_client_that_asks_too_often_has_to_wait(tmp_path: Path) -> None:
    with serving(tmp_path, requestrate=1, requestburst=5) as client:
        assert [client.ask("GET", "/v2/").status for _ in range(5)] == [200] * 5
        while (refused := client.ask("GET", "/v2/")).status == 200:
            pass
        assert (refused.status, refused.codes) == (429, ["TOOMANYREQUESTS"])
        time.sleep(int(refused.headers["Retry-After"]))
        assert client.ask("GET", "/v2/").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/v2/", 204),
        ("OPTIONS", "/nowhere", 204),
        ("GET", "/nowhere", 404),
        ("GET", "/v2/BAD/tags/list", 400),
        ("PATCH", "/v2/", 405),
        ("PROPFIND", "/", 405),
        ("GET", "/", 200),
        ("GET", "/token", 404),
    ],
)
def test_every_request_counts(tmp_path: Path, method: str, path: str, status: int) -> None:
    """Whatever it is for, and whether there is anything."""
    with serving(tmp_path, requestrate=1, requestburst=2) as client:
        answers = [client.ask(method, path).status for _ in range(3)]
        assert answers == [status, status, 429]


def test_clients_behind_a_proxy_are_told_apart(tmp_path: Path) -> None:
    with serving(tmp_path, proxies=("127.0.0.1",), requestrate=1, requestburst=2) as client:
        for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
            asked = [client.ask("GET", "/v2/", x_forwarded_for=address) for _ in range(3)]
            assert [answer.status for answer in asked] == [200, 200, 429]
        same_network = client.ask("GET", "/v2/", x_forwarded_for="2001:db8::ffff:1")
        assert same_network.status == 429


def test_a_stranger_cannot_choose_its_address(tmp_path: Path) -> None:
    with serving(tmp_path, requestrate=1, requestburst=2) as client:
        asked = [client.ask("GET", "/v2/", x_forwarded_for=f"192.0.2.{n}") for n in range(3)]
        assert [answer.status for answer in asked] == [200, 200, 429]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "20010db800000000"),
        ("2001:db8:0:0:ffff::", "20010db800000000"),
        ("2001:db8:0:1::", "20010db800000001"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("somewhere", "somewhere"),
    ],
)
def test_who_a_client_is(address: str, client: str) -> None:
    """Whoever has an IPv6 network has all its addresses."""
    assert client_of(address) == client


def test_a_client_with_too_many_uploads_has_to_wait(tmp_path: Path) -> None:
    """Other requests of it are answered, and it may go on once an upload is done."""
    with serving(tmp_path, uploads=2) as client, ExitStack() as stack:
        repository = Repository(client, "limits/uploads")
        places = [repository.start_upload() for _ in range(3)]
        under_way = []
        for place in places[:2]:
            connection = stack.enter_context(client.connection())
            connection.request("PATCH", place, b"", content_length="4")
            connection.send(b"da")
            under_way.append(connection)
        wait_for_refusal(client, places[2])
        assert client.ask("GET", places[2]).status == 204
        under_way[0].send(b"ta")
        assert under_way[0].receive().status == 202
        assert client.ask("PATCH", places[2], b"data").status == 202


def test_a_client_leaves_so_many_uploads_unfinished(tmp_path: Path) -> None:
    """However many workers take them; who finishes or cancels some can begin others."""
    http = {"addr": "127.0.0.1:0", "workers": 2, "trustedproxies": ["127.0.0.1"]}
    limits = {"unfinisheduploads": 6}
    with (
        lading_serve(tmp_path, settings={"http": http, "limits": limits}) as registry,
        one_connection_each(registry.client) as connections,
    ):
        place = "/v2/limits/unfinished/blobs/uploads/"

        def begin(number: int, address: str = "192.0.2.1") -> Answer:
            connection = connections[number % 2]
            connection.request("POST", place, b"", x_forwarded_for=address)
            return connection.receive()

        begun = [begin(number) for number in range(6)]
        assert [answer.status for answer in begun] == [202] * 6
        for number in range(2):
            refused = begin(number)
            assert (refused.status, refused.codes) == (429, ["TOOMANYREQUESTS"])
            assert int(refused.headers["Retry-After"]) > 0
            assert begin(number, "192.0.2.2").status == 202
        for method, answer in zip(("DELETE", "PUT"), begun, strict=False):
            query = f"?digest={digest_of(b'')}" if method == "PUT" else ""
            assert registry.client.ask(method, answer.headers["Location"] + query).status < 300
        assert [begin(number).status for number in range(3)] == [202, 202, 429]


def test_all_clients_leave_about_so_many_uploads_unfinished(tmp_path: Path) -> None:
    """Beyond, who has more than a few of them has to wait."""
    http = {"addr": "127.0.0.1:0", "workers": 1}
    with lading_serve(
        tmp_path, settings={"http": http, "limits": {"allunfinisheduploads": 20}}
    ) as registry:
        place = "/v2/limits/unfinished/blobs/uploads/"
        answers = [registry.client.ask("POST", place, b"") for _ in range(21)]

        assert [answer.status for answer in answers[:20]] == [202] * 20
        assert (answers[-1].status, answers[-1].codes) == (503, ["UNAVAILABLE"])
        assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_user_s_uploads_are_not_another_s_at_the_same_address(tmp_path: Path) -> None:
    """Of an office that has only one."""
    http = {"addr": "127.0.0.1:0", "workers": 1}
    with guarded_registry(tmp_path, http=http, limits={"uploads": 1}) as guarded:
        client = guarded.client
        writer, admin = ({"authorization": basic(name)} for name in ("writer", "admin"))
        place = "/v2/team/app/blobs/uploads/"
        start = client.ask("POST", place, b"", **writer).headers["Location"]
        with client.connection() as connection:
            connection.request("PATCH", start, b"", content_length="4", **writer)
            connection.send(b"da")
            while client.ask("POST", place, b"", **writer).status != 429:
                time.sleep(0.05)
            assert client.ask("POST", place, b"", **admin).status == 202


def wait_for_refusal(client: Client, place: str) -> None:
    """The others' requests may take a moment to arrive."""
    deadline = time.monotonic() + 60
    while True:
        answer = client.ask("PATCH", place, b"")
        if answer.status == 429:
            assert answer.codes == ["TOOMANYREQUESTS"]
            assert int(answer.headers["Retry-After"]) > 0
            return
        assert answer.status == 202
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_blob_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """However it comes: with its length, without, in one request, in several."""
    fits, too_much = b"x" * 64 * KIB, b"x" * (64 * KIB + 1)
    with serving(tmp_path, blobsize="64 KiB") as client:
        repository = Repository(client, "limits/sizes")
        repository.push_blob(fits)
        digest = digest_of(too_much)
        refusals = [
            client.ask("PUT", f"{repository.start_upload()}?digest={digest}", too_much),
            client.ask("PUT", f"{repository.start_upload()}?digest={digest}", [fits, b"x"]),
            client.ask("POST", f"{repository.path}/blobs/uploads/?digest={digest}", too_much),
        ]
        place = repository.start_upload()
        assert client.ask("PATCH", place, fits).status == 202
        refusals.append(client.ask("PATCH", place, b"x"))
        refusals.append(client.ask("PUT", f"{place}?digest={digest}", b"x"))
        for answer in refusals:
            assert (answer.status, answer.codes) == (413, ["SIZE_INVALID"])
            assert answer.json["errors"][0]["detail"] == {"limit": 64 * KIB}
        assert client.ask("PUT", f"{place}?digest={digest_of(fits)}").status == 201
        assert repository.ask("HEAD", f"/blobs/{digest}").status == 404


def test_a_manifest_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, manifestsize=64 * KIB) as client:
        repository = Repository(client, "limits/manifests")
        repository.push_blob(b"{}")
        document = image(annotations={"note": "x" * 64 * KIB})
        answer = repository.put_manifest(document, "latest")
        assert (answer.status, answer.codes) == (413, ["MANIFEST_INVALID"])
        assert len(encode(document)) > 64 * KIB
        repository.push_manifest(image(annotations={"note": "x" * 63 * KIB}), "latest")


def test_headers_that_are_too_large_are_refused(tmp_path: Path) -> None:
    """One that is, several together, and one that never ends; what is close to it is read."""
    with serving(tmp_path, headers="8 KiB") as client:
        assert client.ask("GET", "/v2/", x_padding="x" * 7 * KIB).status == 200
        many = {f"x_padding_{number}": "x" * KIB for number in range(8)}
        for headers in ({"x_padding": "x" * 8 * KIB}, many):
            answer = client.ask("GET", "/v2/", b"", **headers)
            assert (answer.status, answer.codes) == (431, ["UNSUPPORTED"])
            assert "at most 8192 bytes" in answer.json["errors"][0]["message"]
        with client.connection() as connection:
            connection.send(b"GET /v2/ HTTP/1.1\r\nX-Padding: " + b"x" * KIB * KIB)
            assert connection.receive().status == 431


def test_headers_may_be_large_where_the_operator_says_so(tmp_path: Path) -> None:
    """As of those who have hundreds of groups in their tokens."""
    with serving(tmp_path, headers="512 KiB") as client:
        padding = {f"x_padding_{number}": "x" * 60 * KIB for number in range(8)}
        assert client.ask("GET", "/v2/", b"", **padding).status == 200


def test_guessing_is_slowed_down_wherever_a_password_is_taken(tmp_path: Path) -> None:
    """As `docker login` guesses: by OAuth2's form, then with Basic; that counts as one guess."""
    http = {"addr": "127.0.0.1:0", "workers": 1}
    with guarded_registry(tmp_path, http=http, limits={"failedlogins": 5}) as guarded:
        client = guarded.client
        assert client.ask("GET", "/v2/", authorization=basic("reader")).status == 200
        for number in range(5):
            for answer in log_in(client, "writer", f"guess {number}"):
                assert (answer.status, answer.codes) == (401, ["UNAUTHORIZED"])
        for answer in log_in(client, "writer", "one more guess"):
            assert (answer.status, answer.codes) == (429, ["TOOMANYREQUESTS"])
            assert 1 <= int(answer.headers["Retry-After"]) <= 12
        assert client.ask("GET", "/v2/", authorization=basic("reader")).status == 200
        assert client.ask("GET", "/v2/").status == 401


def log_in(client: Client, name: str, password: str) -> tuple[Answer, ...]:
    """In the three ways that there are."""
    form = {"grant_type": "password", "username": name, "password": password}
    return (
        client.send_form("/token", form),
        client.ask("GET", "/token", authorization=basic(name, password)),
        client.ask("GET", "/v2/", authorization=basic(name, password)),
    )
