"""A client copes with what registries and proxies do that the specification has otherwise."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count

import pytest

from lading.client import (
    BlobContent,
    Client,
    ClientError,
    ContentWrong,
    HostLogin,
    NotPermitted,
    RemoteManifest,
    SessionOptions,
    Unreachable,
)
from lading.client.copy_rules import CopiedImage, CopyRules, CopySteps
from lading.client.copying import Copier
from lading.client.kept_uploads import SMALL
from lading.client.workers import Workers
from lading.core.digest import Digest
from tests.support.odd_registry import OddRegistry, Reply, Sent, odd_registry

LOGIN = HostLogin("ann", "secret-of-ann")
OPTIONS = SessionOptions(plain_http=True, retries=2)
TAGS = b'{"name": "app", "tags": ["1"]}'
MANIFEST = b'{"schemaVersion": 2, "layers": []}'
OCI = "application/vnd.oci.image.manifest.v1+json"


def client_of(registry: OddRegistry, login: HostLogin | None = LOGIN) -> Client:
    return Client(registry.host, login=login, options=OPTIONS)


def content_of(data: bytes, mount_from: str = "") -> BlobContent:
    return BlobContent(Digest.of(data), len(data), lambda o, n: [data[o : o + n]], mount_from)


@pytest.mark.parametrize(
    ("challenge", "login", "shown"),
    [
        ('Basic realm="x", {bearer}', None, "Bearer token-of-all"),
        ('Basic realm="x", {bearer}', LOGIN, LOGIN.header),
        ('{bearer}, Basic realm="x"', LOGIN, "Bearer token-of-all"),
        ('Bearer, Basic realm="x"', LOGIN, LOGIN.header),
        ('Bearer realm="/token", Basic realm="a, Bearer realm=b"', LOGIN, LOGIN.header),
        ('Negotiate, NTLM TlRMTVNTUAAB=, basic realm="x"', LOGIN, LOGIN.header),
    ],
)
def test_of_several_ways_to_log_in_one_is_gone_that_can_be(
    challenge: str, login: HostLogin | None, shown: str
) -> None:
    def answer(sent: Sent) -> Reply:
        if sent.path.startswith("/token"):
            return Reply(body=b'{"token": "token-of-all"}')
        if sent.login:
            return Reply(body=TAGS)
        bearer = f'Bearer realm="http://{sent.headers["Host"]}/token",service="a,b"'
        return Reply(401, headers={"WWW-Authenticate": challenge.format(bearer=bearer)})

    with odd_registry(answer) as registry, client_of(registry, login) as client:
        if login is None:
            client.session._tokens._find = lambda _: None
        assert [*client.tags("app")] == ["1"]
    assert registry.sent[-1].login == shown


def test_a_single_way_that_cannot_be_gone_is_said() -> None:
    asks = {"WWW-Authenticate": 'Bearer realm="/token"'}
    with (
        odd_registry(lambda _: Reply(401, headers=asks)) as registry,
        client_of(registry) as client,
        pytest.raises(NotPermitted, match="which is not safe"),
    ):
        client.ping()


@pytest.mark.parametrize(
    "link",
    [
        '</v2/app/tags/list?n=1&last=1>; rel="next"',
        "</v2/app/tags/list?n=1&last=1>;rel=next",
        '</v2/app/tags/list?last=0>; rel="prev", </v2/app/tags/list?n=1&last=1>; rel="next"',
        '</a,b>; title="x, <y>; rel=next"; rel="first", </v2/app/tags/list?last=1>; Rel="NEXT"',
        '<list?last=1>; rel="last next"; type="application/json"',
    ],
)
def test_the_next_page_is_found_among_other_links(link: str) -> None:
    def answer(sent: Sent) -> Reply:
        if "last=1" in sent.path:
            return Reply(body=b'{"tags": ["2"]}')
        return Reply(body=TAGS, headers={"Link": link})

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert [*client.tags("app")] == ["1", "2"]


@pytest.mark.parametrize("link", ['</x>; rel="prev"', "</x>", "/x; rel=next", "", '<x>;"rel=next'])
def test_a_link_to_anything_else_is_no_next_page(link: str) -> None:
    reply = Reply(body=TAGS, headers={"Link": link})
    with odd_registry(lambda _: reply) as registry, client_of(registry) as client:
        assert [*client.tags("app")] == ["1"]


ASKS: list[tuple[bytes, Callable[[Client], object]]] = [
    (MANIFEST, lambda client: client.manifest("app", "1").body),
    (TAGS, lambda client: [*client.tags("app")]),
    (b'{"manifests": []}', lambda client: client.repository("app").referrers(Digest.of(b""))),
]


@pytest.mark.parametrize(("body", "ask"), ASKS, ids=["manifest", "tags", "referrers"])
def test_a_document_that_is_cut_off_is_asked_for_again(
    body: bytes, ask: Callable[[Client], object]
) -> None:
    answers = count()

    def answer(_: Sent) -> Reply:
        if next(answers):
            return Reply(body=body)
        return Reply(body=iter([body[:9]]), headers={"Content-Length": str(len(body))})

    with odd_registry(answer) as registry, client_of(registry) as client:
        ask(client)
    assert len(registry.sent) == 2


def test_a_document_that_is_always_cut_off_is_given_up() -> None:
    def answer(_: Sent) -> Reply:
        return Reply(body=iter([TAGS[:9]]), headers={"Content-Length": "99"})

    with (
        odd_registry(answer) as registry,
        client_of(registry) as client,
        pytest.raises(Unreachable, match="cut off"),
    ):
        list(client.tags("app"))
    assert len(registry.sent) == 3


@pytest.mark.parametrize("status", [405, 501])
def test_where_head_is_not_let_through_all_is_found_by_get(status: int) -> None:
    def answer(sent: Sent) -> Reply:
        if sent.method == "HEAD":
            return Reply(status)
        if sent.method == "POST":
            return Reply(202, headers={"Location": "/up"})
        if sent.method == "PUT":
            return Reply(201)
        return Reply(404) if "none" in sent.path else Reply(body=MANIFEST)

    with odd_registry(answer) as registry, client_of(registry) as client:
        repository = client.repository("app")
        assert repository.digest("1") == Digest.of(MANIFEST)
        assert repository.digest("none") == ""
        assert repository.push_blob(content_of(bytes(SMALL + 1)))
    assert [sent.method for sent in registry.sent].count("HEAD") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 501])
def test_where_a_mount_is_refused_the_bytes_go(status: int) -> None:
    def answer(sent: Sent) -> Reply:
        if "mount=" in sent.path:
            return Reply(status)
        return Reply(201) if "digest=" in sent.path else Reply(202, headers={"Location": "/up"})

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert client.repository("app").push_blob(content_of(b"layer", "team/other"))
    assert registry.sent[-1].body == b"layer"


@pytest.mark.parametrize("status", [400, 405, 411, 501])
def test_where_a_blob_may_not_come_at_once_its_upload_is_begun(status: int) -> None:
    def answer(sent: Sent) -> Reply:
        if sent.method == "POST":
            return Reply(status) if sent.body else Reply(202, headers={"Location": "/up"})
        return Reply(201)

    with odd_registry(answer) as registry, client_of(registry) as client:
        for data in (b"one", b"two"):
            assert client.repository("app").push_blob(content_of(data))
    assert [sent.method for sent in registry.sent] == ["POST", "POST", "PUT", "POST", "PUT"]


def test_a_mount_is_no_upload() -> None:
    with (
        odd_registry(lambda _: Reply(201, headers={"Location": "/b"})) as registry,
        client_of(registry) as client,
    ):
        assert not client.repository("app").push_blob(content_of(b"layer", "team/other"))
    assert len(registry.sent) == 1


def test_an_upload_that_begins_anew_may_be_done_at_once() -> None:
    """As another one has shown meanwhile that a blob may come with the request that begins it."""
    data = bytes(SMALL + 1)
    client: Client

    def answer(sent: Sent) -> Reply:
        if sent.method == "POST" and sent.body:
            return Reply(201, headers={"Location": "/v2/app/blobs/x"})
        if sent.method == "POST":
            client._chunks.one_request = True
            return Reply(202, headers={"Location": "/up"})
        return Reply(404)

    with odd_registry(answer) as registry, client_of(registry) as client:
        assert client.repository("app").push_blob(content_of(data))
    assert registry.sent[-1].body == data


def test_a_time_to_wait_until_is_one_of_their_clock() -> None:
    waits: list[float] = []
    answers = count()
    now = datetime.now(UTC) + timedelta(minutes=10)

    def answer(_: Sent) -> Reply:
        if next(answers):
            return Reply(body=TAGS)
        said = {"Date": now, "Retry-After": now + timedelta(seconds=1)}
        return Reply(429, headers={k: format_datetime(v, usegmt=True) for k, v in said.items()})

    options = SessionOptions(plain_http=True, on_wait=lambda _, seconds: waits.append(seconds))
    begun = time.monotonic()
    with odd_registry(answer) as registry, Client(registry.host, options=options) as client:
        assert [*client.tags("app")] == ["1"]
    assert waits == [1]
    assert time.monotonic() - begun < 60


def test_a_manifest_that_became_another_one_is_not_pushed() -> None:
    manifest = RemoteManifest(Digest.of(MANIFEST), OCI, MANIFEST)
    said = {"Docker-Content-Digest": Digest.of(b"another one")}
    with (
        odd_registry(lambda _: Reply(201, headers=said)) as registry,
        client_of(registry) as client,
    ):
        with pytest.raises(ContentWrong, match="was pushed as"):
            client.repository("app").push_manifest("1", manifest)
        sha512 = Digest.of(MANIFEST, "sha512")
        assert not client.repository("app").push_manifest(
            "1", RemoteManifest(sha512, OCI, MANIFEST)
        )


def test_an_answer_that_is_no_document_is_asked_for_once() -> None:
    with (
        odd_registry(lambda _: Reply(body=b"<html>")) as registry,
        client_of(registry) as client,
        pytest.raises(ClientError, match="no JSON"),
    ):
        list(client.tags("app"))
    assert len(registry.sent) == 1


@pytest.mark.parametrize("status", [201, 202, 204])
def test_what_is_taken_may_be_said_otherwise_than_by_201(status: int) -> None:
    """Registries of today say 202 of manifests, too."""
    large = bytes(SMALL + 1)

    def answer(sent: Sent) -> Reply:
        if sent.method == "PUT":
            return Reply(status)
        if sent.method == "POST":
            return Reply(202, headers={"Location": "/v2/app/blobs/uploads/1"})
        return Reply(404 if sent.method == "HEAD" else 204)

    with odd_registry(answer) as registry, client_of(registry) as client:
        repository = client.repository("app")
        assert repository.push_blob(content_of(large))
        repository.push_manifest("1", RemoteManifest(Digest.of(MANIFEST), OCI, MANIFEST))
        repository.delete("1")


def test_a_page_is_nothing_that_was_taken() -> None:
    page = Reply(200, b"<html>", {"Content-Type": "text/html"})
    with (
        odd_registry(lambda _: page) as registry,
        client_of(registry) as client,
        pytest.raises(ClientError, match="200"),
    ):
        client.repository("app").push_manifest(
            "1", RemoteManifest(Digest.of(MANIFEST), OCI, MANIFEST)
        )


@pytest.mark.parametrize("kind", ["application/vnd.docker.distribution.manifest.v1+prettyjws", OCI])
def test_an_image_of_schema_1_is_called_that(kind: str) -> None:
    """Its digest is of a part of it: that is no sign that something has changed it."""
    body = b'{"schemaVersion": 1, "fsLayers": [], "signatures": []}'
    headers = {"Content-Type": kind, "Docker-Content-Digest": Digest.of(b"a part of it")}
    with (
        odd_registry(lambda _: Reply(body=body, headers=headers)) as registry,
        client_of(registry) as client,
        pytest.raises(ClientError, match=r"schema 1.*--format v2s2"),
    ):
        client.manifest("app", "1")


def test_who_may_not_list_what_is_attached_is_told_how_to_do_without() -> None:
    def answer(sent: Sent) -> Reply:
        if "/referrers/" in sent.path:
            return Reply(403)
        if "/tags/list" in sent.path:
            return Reply(body=TAGS)
        if sent.method == "PUT":
            return Reply(201)
        return Reply(404 if "/new/" in sent.path else 200, MANIFEST, {"Content-Type": OCI})

    with odd_registry(answer) as registry, client_of(registry) as client:
        source, target = client.repository("old"), client.repository("new")
        with pytest.raises(NotPermitted, match="--no-referrers"):
            Copier(source, target, CopyRules(), CopySteps(), Workers(1)).copy("1", "1")
        rules = CopyRules(referrers=False)
        assert Copier(source, target, rules, CopySteps(), Workers(1)).copy("1", "1").copied


def test_what_a_target_lists_and_takes_for_absent_by_head_is_not_sent_again() -> None:
    def answer(sent: Sent) -> Reply:
        if "/tags/list" in sent.path:
            return Reply(body=TAGS)
        if sent.method == "HEAD" and sent.path.startswith("/v2/new/"):
            return Reply(404)
        return Reply(body=MANIFEST, headers={"Content-Type": OCI})

    with odd_registry(answer) as registry, client_of(registry) as client:
        source, target = client.repository("old"), client.repository("new")
        copier = Copier(source, target, CopyRules(), CopySteps(), Workers(1), many=True)
        assert not copier.copy("1", "1").copied
    assert {sent.method for sent in registry.sent} == {"HEAD", "GET"}


def test_what_head_takes_for_absent_is_copied_if_get_has_it() -> None:
    """The target has the tag: the source is asked by HEAD whether that is still the same."""

    def answer(sent: Sent) -> Reply:
        if sent.method == "HEAD" and sent.path.startswith("/v2/old/"):
            return Reply(404)
        kept = {"Content-Type": OCI, "Docker-Content-Digest": Digest.of(MANIFEST)}
        return Reply(body=MANIFEST, headers=kept)

    with odd_registry(answer) as registry, client_of(registry) as client:
        source, target = client.repository("old"), client.repository("new")
        copier = Copier(source, target, CopyRules(), CopySteps(), Workers(1))
        assert copier.copy("1", "1") == CopiedImage(Digest.of(MANIFEST), copied=False)
