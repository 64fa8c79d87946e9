"""A client believes nothing that a registry says, and shows its login to nobody else."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count, repeat
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lading.client import (
    BlobContent,
    Client,
    ClientError,
    ContentWrong,
    HostLogin,
    NotPermitted,
    RemoteManifest,
    RemoteRepository,
    SessionOptions,
    Unreachable,
)
from lading.client.copy_rules import CopyRules, CopySteps
from lading.client.copying import Copier
from lading.client.workers import Workers
from lading.core.digest import Digest
from tests.support.odd_registry import OddRegistry, Reply, Sent, odd_registry

LOGIN = HostLogin("ann", "secret-of-ann")
OPTIONS = SessionOptions(plain_http=True, retries=1)
SHA = "sha256:" + "a" * 64
MIB = 1024 * 1024
INDEX = "application/vnd.oci.image.index.v1+json"


def endless() -> Iterator[bytes]:
    return repeat(b"x" * MIB)


def client_of(registry: OddRegistry, login: HostLogin | None = LOGIN) -> Client:
    return Client(registry.host, login=login, options=OPTIONS)


def asks_basic(answer: Callable[[Sent], Reply]) -> Callable[[Sent], Reply]:
    """Answers only whoever shows a login."""

    def checked(sent: Sent) -> Reply:
        if sent.login:
            return answer(sent)
        return Reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    return checked


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_login_is_not_carried_to_where_a_registry_sends_its_clients(status: int) -> None:
    data = b"bytes of a blob"
    with (
        odd_registry(lambda _: Reply(body=data)) as store,
        odd_registry(
            asks_basic(lambda _: Reply(status, headers={"Location": f"http://{store.host}/b"}))
        ) as registry,
        client_of(registry) as client,
    ):
        assert b"".join(client.blob("app", Digest.of(data))) == data

    assert LOGIN.header in [one.login for one in registry.sent]
    assert [one.login for one in store.sent] == [""]


def test_an_upload_at_another_host_gets_the_bytes_and_no_login() -> None:
    data = b"x" * 300_000
    with odd_registry(lambda _: Reply(201)) as store:

        def answer(sent: Sent) -> Reply:
            if sent.method == "POST":
                return Reply(202, headers={"Location": f"http://{store.host}/up?state=1"})
            return Reply(404)

        with odd_registry(asks_basic(answer)) as registry, client_of(registry) as client:
            content = BlobContent(Digest.of(data), len(data), lambda o, n: [data[o : o + n]])
            assert client.repository("app").push_blob(content)

    (put,) = store.sent
    assert (put.method, put.body, put.login) == ("PUT", data, "")


def test_a_list_that_goes_on_at_another_host_is_not_followed() -> None:
    with odd_registry(lambda _: Reply(body=b'{"tags": ["mine"]}')) as other:
        link = {"Link": f'<http://{other.host}/v2/app/tags/list>; rel="next"'}
        with (
            odd_registry(lambda _: Reply(body=b'{"tags": ["1"]}', headers=link)) as registry,
            client_of(registry) as client,
            pytest.raises(ContentWrong, match="does not end"),
        ):
            list(client.tags("app"))
    assert other.sent == []


def test_a_list_in_a_circle_ends() -> None:
    link = {"Link": '</v2/app/tags/list?n=1000&last=1>; rel="next"'}
    with (
        odd_registry(lambda _: Reply(body=b'{"tags": ["1"]}', headers=link)) as registry,
        client_of(registry) as client,
        pytest.raises(ContentWrong, match="does not end"),
    ):
        list(client.tags("app"))
    assert len(registry.sent) == 2


@pytest.mark.parametrize("knows_pages", [True, False])
@pytest.mark.parametrize("many", [0, 2, 3, 6, 7])
def test_a_list_that_is_cut_without_a_word_is_read_to_its_end(
    knows_pages: bool, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some registries send no `Link`; others know no pages, and send all each time."""
    monkeypatch.setattr("lading.client.registry._PAGE", 3)
    names = [f"v{number}" for number in range(many)]

    def answer(sent: Sent) -> Reply:
        last = parse_qs(urlsplit(sent.path).query).get("last", [""])[0]
        found = [name for name in names if name > last][:3] if knows_pages else names
        return Reply(body=json.dumps({"tags": found, "repositories": found}).encode())

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert list(client.tags("app")) == names
        assert list(client.repositories()) == names
        assert len(registry.sent) <= 2 * (many // 3 + 1)


@pytest.mark.parametrize("status", [400, 404, 405])
def test_a_list_that_is_whole_is_not_lost_where_nothing_is_told_behind_it(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some take for `last` only what they gave themselves, or know no list behind its end."""
    monkeypatch.setattr("lading.client.registry._PAGE", 3)

    def answer(sent: Sent) -> Reply:
        if "last=" in sent.path:
            return Reply(status)
        return Reply(body=json.dumps({"tags": ["v1", "v2", "v3"]}).encode())

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert list(client.tags("app")) == ["v1", "v2", "v3"]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_list_that_cannot_be_read_to_its_end_is_none(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.client.registry._PAGE", 3)
    monkeypatch.setattr("lading.client.sending.HostSender.wait", lambda *_: None)

    def answer(sent: Sent) -> Reply:
        if "last=" in sent.path:
            return Reply(status)
        return Reply(body=json.dumps({"tags": ["v1", "v2", "v3"]}).encode())

    with (
        odd_registry(answer) as registry,
        client_of(registry) as client,
        pytest.raises(ClientError),
    ):
        list(client.tags("app"))


def test_who_says_that_a_list_goes_on_is_believed_where_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lading.client.registry._PAGE", 3)

    def answer(sent: Sent) -> Reply:
        if "page=2" in sent.path:
            return Reply(body=b'{"tags": ["v4", "v5", "v6"]}')
        link = {"Link": '</v2/app/tags/list?page=2>; rel="next"'}
        return Reply(body=b'{"tags": ["v1", "v2", "v3"]}', headers=link)

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert list(client.tags("app")) == [f"v{number}" for number in range(1, 7)]
        assert len(registry.sent) == 2


def test_what_is_no_tag_in_a_list_is_left_out() -> None:
    tags = json.dumps({"tags": ["v1", "../../x", 7, None, "a b", "x" * 200]}).encode()
    with odd_registry(lambda _: Reply(body=tags)) as registry, client_of(registry) as client:
        assert list(client.tags("app")) == ["v1"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda repository: repository.manifest("1"),
        lambda repository: list(repository.tags()),
        lambda repository: repository.referrers(SHA),
    ],
    ids=["manifest", "tags", "referrers"],
)
def test_an_answer_without_end_is_given_up(ask: Callable[[RemoteRepository], object]) -> None:
    with (
        odd_registry(lambda _: Reply(body=endless())) as registry,
        client_of(registry) as client,
        pytest.raises(ContentWrong, match="more than"),
    ):
        ask(client.repository("app"))


def test_an_error_without_end_is_still_that_error() -> None:
    with (
        odd_registry(lambda _: Reply(403, body=endless())) as registry,
        client_of(registry) as client,
        pytest.raises(NotPermitted),
    ):
        client.manifest("app", "1")


def test_a_part_of_a_blob_has_no_more_bytes_than_were_asked_for() -> None:
    with (
        odd_registry(lambda _: Reply(206, body=endless())) as registry,
        client_of(registry) as client,
    ):
        assert len(b"".join(client.blob("app", SHA, 0, 3 * MIB))) == 3 * MIB


def test_what_is_shorter_than_was_said_is_no_blob() -> None:
    short = {"Content-Length": "100"}

    def answer(_: Sent) -> Reply:
        return Reply(body=iter([b"x" * 60]), headers=short)

    with (
        odd_registry(answer) as registry,
        client_of(registry) as client,
        pytest.raises((Unreachable, ContentWrong)),
    ):
        list(client.blob("app", Digest.of(b"x" * 100)))


def test_nothing_is_decompressed() -> None:
    packed = b"\x1f\x8b no archive at all"
    coded = {"Content-Encoding": "gzip"}
    with (
        odd_registry(lambda _: Reply(body=packed, headers=coded)) as registry,
        client_of(registry) as client,
    ):
        assert b"".join(client.blob("app", Digest.of(packed))) == packed


@pytest.mark.parametrize(
    "said",
    [
        b'{"manifests": 7}',
        b'{"manifests": [7]}',
        b'{"manifests": [{"digest": "../../etc/passwd"}]}',
        b'{"manifests": [{"digest": "sha256:x"}]}',
        b'{"manifests": [{"size": "large", "digest": "' + SHA.encode() + b'"}]}',
        b'{"manifests": [{"size": -1, "digest": "' + SHA.encode() + b'"}]}',
    ],
)
def test_descriptors_are_looked_at_before_anything_is_asked_for(said: bytes) -> None:
    with pytest.raises(ContentWrong, match="no descriptor"):
        _ = RemoteManifest(Digest.of(said), INDEX, said).children


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"7", b"\xff"])
def test_what_is_no_document_is_said_so(body: bytes) -> None:
    with (
        odd_registry(lambda _: Reply(body=body)) as registry,
        client_of(registry) as client,
        pytest.raises(ClientError, match="no JSON"),
    ):
        list(client.tags("app"))


def test_a_digest_that_is_none_is_an_error_of_the_registry() -> None:
    said = {"Docker-Content-Digest": "md5:0"}
    with (
        odd_registry(lambda _: Reply(body=b"{}", headers=said)) as registry,
        client_of(registry) as client,
    ):
        for ask in (client.repository("app").digest, client.repository("app").manifest):
            with pytest.raises(ContentWrong, match="no digest"):
                ask("1")


@pytest.mark.parametrize("known", ["", SHA])
def test_what_is_not_modified_is_what_is_known_and_otherwise_asked_for(known: str) -> None:
    """A registry, or what is before it, may say so though nobody has named a digest."""
    body = b'{"schemaVersion": 2}'

    def answer(sent: Sent) -> Reply:
        return Reply(304) if sent.method == "HEAD" else Reply(body=body)

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert client.repository("app").digest("1", known) == (known or Digest.of(body))


@pytest.mark.parametrize("status", [200, 304])
def test_a_registry_may_say_another_digest_than_is_known(status: int) -> None:
    """Whatever it takes for not modified: a tag is copied that it does not say to be the same."""
    other = SHA.replace("a" * 64, "b" * 64)
    said = Reply(status, headers={"Docker-Content-Digest": other})
    with odd_registry(lambda _: said) as registry, client_of(registry) as client:
        assert client.repository("app").digest("1", SHA) == other


def test_a_blob_that_is_longer_than_its_descriptor_is_not_brought() -> None:
    blob = {"mediaType": "application/x", "digest": SHA, "size": 10}
    body = json.dumps({"schemaVersion": 2, "config": blob}).encode()

    def source_answer(sent: Sent) -> Reply:
        return Reply(body=endless()) if "/blobs/" in sent.path else Reply(body=body)

    with (
        odd_registry(source_answer) as source,
        odd_registry(lambda _: Reply(404)) as target,
        client_of(source) as left,
        client_of(target) as right,
    ):
        copier = copier_of(left, right)
        with pytest.raises(ContentWrong, match="longer than 10 bytes"):
            copier.copy("1", "1")


def test_a_blob_that_is_shorter_than_its_descriptor_is_not_waited_for() -> None:
    """The target would wait for the rest of it, as long as the client for its answer."""
    data = b"ten bytes."
    blob = {"mediaType": "application/x", "digest": Digest.of(data), "size": 20}
    body = json.dumps({"schemaVersion": 2, "config": blob}).encode()
    with (
        odd_registry(lambda sent: Reply(body=data if "/blobs/" in sent.path else body)) as source,
        odd_registry(lambda _: Reply(404)) as target,
        client_of(source) as left,
        client_of(target) as right,
    ):
        copier = copier_of(left, right)
        with pytest.raises(ContentWrong, match="shorter than 20 bytes"):
            copier.copy("1", "1")


def test_indexes_in_indexes_end() -> None:
    documents: dict[str, bytes] = {}
    inner = SHA
    for _ in range(50):
        child = {"mediaType": INDEX, "digest": inner, "size": 1}
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}).encode()
        inner = Digest.of(body)
        documents[inner] = body

    def answer(sent: Sent) -> Reply:
        found = documents.get(sent.path.rpartition("/")[2])
        return Reply(404) if found is None else Reply(body=found)

    with (
        odd_registry(answer) as source,
        odd_registry(lambda _: Reply(404)) as target,
        client_of(source) as left,
        client_of(target) as right,
        pytest.raises(ContentWrong, match="is an index in more than"),
    ):
        copier_of(left, right).copy(inner, inner)


def test_what_is_about_many_is_brought_once() -> None:
    """Each of a level is about all of the level before: hundreds of ways lead to the last."""
    levels = [[_artifact(f"{level}.{number}") for number in range(3)] for level in range(7)]
    next_ones = {
        Digest.of(body): [_descriptor_of(one) for one in levels[level + 1]]
        for level, bodies in enumerate(levels[:-1])
        for body in bodies
    }
    bodies = {Digest.of(body): body for bodies in levels for body in bodies}
    asked: list[str] = []

    def answer(sent: Sent) -> Reply:
        wanted = sent.path.partition("?")[0].rpartition("/")[2]
        if "/referrers/" in sent.path:
            body = json.dumps({"manifests": next_ones.get(Digest(wanted), [])})
            return Reply(body=body.encode())
        if "/tags/" in sent.path:
            return Reply(body=b'{"tags": ["1"]}')
        asked.append(wanted)
        return Reply(body=levels[0][0] if wanted == "1" else bodies[Digest(wanted)])

    def take(sent: Sent) -> Reply:
        return Reply(404) if sent.method in {"GET", "HEAD"} else Reply(201)

    with (
        odd_registry(answer) as source,
        odd_registry(take) as target,
        client_of(source) as left,
        client_of(target) as right,
    ):
        copier_of(left, right).copy("1", "1")
    assert sorted(asked) == sorted({"1", *bodies} - {Digest.of(body) for body in levels[0]})


def _artifact(name: str) -> bytes:
    return json.dumps({"schemaVersion": 2, "annotations": {"name": name}}).encode()


def _descriptor_of(body: bytes) -> dict[str, Any]:
    kind = "application/vnd.oci.image.manifest.v1+json"
    return {"mediaType": kind, "digest": Digest.of(body), "size": len(body)}


def copier_of(left: Client, right: Client) -> Copier:
    """A copier of repositories named alike."""
    rules = CopyRules()
    return Copier(left.repository("app"), right.repository("app"), rules, CopySteps(), Workers(1))


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "http://a:99999999/"]
)
def test_another_scheme_is_no_place_to_go_to(place: str) -> None:
    with (
        odd_registry(lambda _: Reply(307, headers={"Location": place})) as registry,
        client_of(registry) as client,
        pytest.raises(ClientError, match="no address"),
    ):
        list(client.blob("app", SHA))


def test_a_redirect_in_a_circle_ends_and_shows_no_login_of_an_address() -> None:
    def answer(sent: Sent) -> Reply:
        place = f"http://me:p4ss@{sent.headers['Host']}/v2/app/blobs/{SHA}?signed=s3cret"
        return Reply(307, headers={"Location": place, "Set-Cookie": "session=1"})

    with (
        odd_registry(answer) as registry,
        client_of(registry) as client,
        pytest.raises(ClientError, match="more than 5 redirects") as caught,
    ):
        list(client.blob("app", SHA))

    assert len(registry.sent) == 5
    assert "p4ss" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert all("Cookie" not in sent.headers and not sent.login for sent in registry.sent)


def challenge(realm: str) -> dict[str, str]:
    return {"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'}


def test_a_refresh_token_is_posted_and_shown_to_the_token_server_alone() -> None:
    def token_server(_: Sent) -> Reply:
        return Reply(body=b'{"access_token": "abc", "expires_in": 300}')

    with odd_registry(token_server) as tokens:

        def answer(sent: Sent) -> Reply:
            if sent.login == "Bearer abc":
                return Reply(body=b'{"tags": ["1"]}')
            return Reply(401, headers=challenge(f"http://{tokens.host}/token"))

        login = HostLogin(refresh_token="long-lived")
        with odd_registry(answer) as registry, client_of(registry, login) as client:
            assert list(client.tags("app")) == ["1"]

    (asked,) = tokens.sent
    assert asked.method == "POST"
    assert b"grant_type=refresh_token" in asked.body
    assert b"refresh_token=long-lived" in asked.body
    assert b"scope=repository%3Aapp%3Apull" in asked.body
    assert all("long-lived" not in f"{one.path}{dict(one.headers)}" for one in registry.sent)


def test_a_token_of_a_registry_is_shown_to_it_as_it_is_and_to_nobody_else() -> None:
    with odd_registry(lambda _: Reply()) as tokens:

        def answer(sent: Sent) -> Reply:
            if sent.login == "Bearer as-it-is":
                return Reply(body=b'{"tags": ["1"]}')
            return Reply(401, headers=challenge(f"http://{tokens.host}/token"))

        with odd_registry(answer) as registry:
            with client_of(registry, HostLogin(registry_token="as-it-is")) as client:
                assert list(client.tags("app")) == ["1"]
            with (
                client_of(registry, HostLogin(registry_token="wrong")) as client,
                pytest.raises(NotPermitted),
            ):
                list(client.tags("app"))

    assert tokens.sent == []


@pytest.mark.parametrize(
    "said",
    [
        b'{"token": "a\\r\\nX-Evil: 1"}',
        b'{"token": ["a"]}',
        b'{"token": ""}',
        b"{}",
        b"[]",
    ],
)
def test_what_is_no_token_becomes_no_header(said: bytes) -> None:
    with odd_registry(lambda _: Reply(body=said)) as tokens:
        asks = Reply(401, headers=challenge(f"http://{tokens.host}/token"))
        with (
            odd_registry(lambda _: asks) as registry,
            client_of(registry) as client,
            pytest.raises(ClientError),
        ):
            list(client.tags("app"))


@pytest.mark.parametrize("seconds", [b'"soon"', b"-1", b"1e400", b"null", b"[]"])
def test_a_time_that_makes_no_sense_is_that_of_the_specification(seconds: bytes) -> None:
    said = b'{"token": "abc", "expires_in": ' + seconds + b"}"
    with odd_registry(lambda _: Reply(body=said)) as tokens:

        def answer(sent: Sent) -> Reply:
            if sent.login:
                return Reply(body=b'{"tags": []}')
            return Reply(401, headers=challenge(f"http://{tokens.host}/token"))

        with odd_registry(answer) as registry, client_of(registry) as client:
            assert list(client.tags("app")) == []


def test_a_token_that_ends_while_a_registry_lets_wait_is_no_refusal() -> None:
    """Each is good for a second, and longer waits each request that had a good one."""
    born: list[str] = []
    good: set[str] = set()
    refusals = 0

    def answer(sent: Sent) -> Reply:
        nonlocal refusals
        if sent.path.startswith("/token"):
            token = f"t{len(born)}"
            born.append(token)
            good.add(token)
            return Reply(body=json.dumps({"token": token, "expires_in": 1}).encode())
        token = sent.login.removeprefix("Bearer ")
        if token not in good:
            return Reply(401, headers=challenge(f"http://{registry.host}/token"))
        refusals += 1
        if refusals <= 2:
            good.clear()
            return Reply(429, headers={"Retry-After": "2"})
        return Reply(body=b'{"tags": ["1"]}')

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert list(client.tags("app")) == ["1"]
        assert len(born) == 3


def test_a_login_that_is_refused_is_not_tried_for_ever() -> None:
    def answer(sent: Sent) -> Reply:
        if sent.path.startswith("/token"):
            body = b'{"token": "t%d", "expires_in": 0.001}' % len(registry.sent)
            return Reply(body=body)
        return Reply(401, headers=challenge(f"http://{registry.host}/token"))

    with odd_registry(answer) as registry, client_of(registry) as client:
        with pytest.raises(NotPermitted):
            list(client.tags("app"))
        assert len(registry.sent) <= 12


def test_a_token_server_that_sends_on_gets_no_second_host_the_password() -> None:
    with odd_registry(lambda _: Reply(body=b'{"token": "abc"}')) as thief:
        to = {"Location": f"http://{thief.host}/token"}
        with odd_registry(lambda _: Reply(307, headers=to)) as tokens:
            asks = Reply(401, headers=challenge(f"http://{tokens.host}/token"))
            with (
                odd_registry(lambda _: asks) as registry,
                client_of(registry) as client,
                pytest.raises(ClientError),
            ):
                list(client.tags("app"))
    assert thief.sent == []


def test_all_wait_when_a_registry_asks_one_to_by_seconds_or_by_a_date() -> None:
    answers = count()
    waits: list[float] = []

    def answer(_: Sent) -> Reply:
        number = next(answers)
        if number == 0:
            return Reply(429, headers={"Retry-After": "1"})
        if number == 1:
            later = datetime.now(UTC) + timedelta(seconds=5)
            return Reply(429, headers={"Retry-After": format_datetime(later, usegmt=True)})
        return Reply(body=b'{"tags": []}')

    options = SessionOptions(plain_http=True, on_wait=lambda _, s: waits.append(s))
    begun = time.monotonic()
    with odd_registry(answer) as registry, Client(registry.host, options=options) as client:
        assert list(client.tags("app")) == []
    assert waits[0] == 1
    assert 0 < waits[1] <= 5
    assert time.monotonic() - begun >= sum(waits)


@pytest.mark.parametrize("said", ["-5", "soon", "1e9", "\xb2", "Mon, 99 Foo 2020", ""])
def test_a_time_to_wait_that_makes_no_sense_is_not_waited(said: str) -> None:
    answers = count()

    def answer(_: Sent) -> Reply:
        headers = {"Retry-After": said}
        return Reply(503, headers=headers) if next(answers) == 0 else Reply(body=b'{"tags": []}')

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert list(client.tags("app")) == []


def test_a_registry_without_referrers_is_asked_once() -> None:
    def answer(sent: Sent) -> Reply:
        return Reply(404, body=b"404 page not found") if "referrers" in sent.path else Reply(404)

    with odd_registry(answer) as registry, client_of(registry) as client:
        repository = client.repository("app")
        for number in range(3):
            assert repository.referrers(Digest.of(b"%d" % number), frozenset({"1"})) == []

    assert len(registry.sent) == 1


def test_a_password_is_sent_as_it_is_kept() -> None:
    with (
        odd_registry(asks_basic(lambda _: Reply(body=b'{"tags": []}'))) as registry,
        client_of(registry, HostLogin("ann", "pä:ss")) as client,
    ):
        assert list(client.tags("app")) == []
    shown = registry.sent[-1].login.removeprefix("Basic ")
    assert base64.b64decode(shown).decode() == "ann:pä:ss"


def test_requests_become_smaller_until_they_are_taken() -> None:
    """413, as proxies say it: at first a blob is too large, and then each chunk of it."""
    data = bytes(range(256)) * (5 * 4096)
    taken = bytearray()
    refused: list[int] = []

    def answer(sent: Sent) -> Reply:
        at = {"Location": "/up/1", "Range": f"0-{max(0, len(taken) - 1)}"}
        if len(sent.body) > MIB * 3 // 2:
            refused.append(len(sent.body))
            return Reply(413)
        if sent.method == "HEAD":
            return Reply(404)
        taken.extend(sent.body)
        return Reply({"GET": 204, "PUT": 201}.get(sent.method, 202), headers=at)

    with odd_registry(answer) as registry, client_of(registry) as client:
        client._chunks.size = 4 * MIB
        content = BlobContent(Digest.of(data), len(data), lambda o, n: [data[o : o + n]])
        assert client.repository("app").push_blob(content)

    assert bytes(taken) == data
    assert refused == [4 * MIB, 2 * MIB]
    assert client._chunks.size == MIB
