"""A client does what a registry lets it, and says what to do when it does not."""

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lading.client import (
    AsyncClient,
    BlobContent,
    Client,
    ClientError,
    ContentWrong,
    HostLogin,
    LayoutFolder,
    NotPermitted,
    NotThere,
    RemoteManifest,
    RemoteRepository,
    SessionOptions,
    Unreachable,
)
from lading.core.digest import Digest
from lading.testing import Registry
from tests.support.odd_registry import Reply, odd_registry

OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def server() -> Iterator[Registry]:
    with Registry() as registry:
        yield registry


@pytest.fixture
def registry(server: Registry) -> Registry:
    server.reset()
    return server


@pytest.fixture
def client(registry: Registry) -> Iterator[Client]:
    with Client(registry.host) as found:
        yield found


def content(data: bytes, mount_from: str = "") -> BlobContent:
    def read(offset: int, length: int) -> Iterator[bytes]:
        part = data[offset : offset + length]
        for start in range(0, len(part), 100_000):
            yield part[start : start + 100_000]

    return BlobContent(Digest.of(data), len(data), read, mount_from)


def test_what_was_pushed_is_listed_and_read(registry: Registry, client: Client) -> None:
    digest = registry.push_image("team/app:1")
    registry.push_image("other:2")

    assert list(client.repositories()) == ["other", "team/app"]
    assert list(client.tags("team/app")) == ["1"]
    manifest = client.manifest("team/app", "1")
    assert manifest.digest == digest
    for blob in manifest.blobs:
        data = b"".join(client.blob("team/app", blob["digest"]))
        assert Digest.of(data) == blob["digest"]
        part = b"".join(client.blob("team/app", blob["digest"], 3, 5))
        assert part == data[3:8]


def test_tags_are_read_page_by_page(registry: Registry, client: Client) -> None:
    digest = registry.push_image("app:t0")
    repository = client.repository("app")
    manifest = repository.manifest(digest)
    for number in range(1, 5):
        repository.push_manifest(f"t{number}", manifest)

    pages = list(client.pages("/v2/app/tags/list?n=2", ("repository:app:pull",)))

    assert [page["tags"] for page in pages] == [["t0", "t1"], ["t2", "t3"], ["t4"]]


def test_blobs_and_manifests_are_pushed_and_deleted(client: Client) -> None:
    repository = client.repository("new")
    config = content(b"{}")
    assert repository.push_blob(config)
    large = content(os.urandom(300_000))
    assert repository.push_blob(large)
    assert not repository.push_blob(large)
    body = (
        f'{{"schemaVersion":2,"mediaType":"{OCI}","config":{{"mediaType":"application/x",'
        f'"digest":"{config.digest}","size":2}},"layers":[]}}'
    ).encode()
    manifest = RemoteManifest(Digest.of(body), OCI, body)
    repository.push_manifest("1", manifest)
    assert repository.digest("1") == manifest.digest

    repository.delete(manifest.digest)
    assert repository.digest("1") == ""


def test_a_blob_is_mounted_from_its_neighbour(registry: Registry, client: Client) -> None:
    client.repository("here").push_blob(content(b"shared"))

    assert not client.repository("there").push_blob(content(b"shared", "here"))
    assert [e.method for e in registry.events if e.repository == "there"] == ["POST"]


def test_a_request_is_tried_again_where_that_helps(registry: Registry, client: Client) -> None:
    registry.push_image("app:1")
    registry.fail(2, 503, on="manifest")

    assert client.manifest("app", "1").digest


def test_a_cut_download_goes_on_where_it_was(registry: Registry, client: Client) -> None:
    data = os.urandom(3_000_000)
    client.repository("app").push_blob(content(data))
    registry.fail(1, None, on="blob", method="GET", after=1_000_000)

    assert b"".join(client.blob("app", Digest.of(data))) == data
    assert len([e for e in registry.events if e.method == "GET" and "blobs" in e.path]) == 2


def test_a_download_that_is_cut_before_much_has_come_goes_on_all_the_same(
    registry: Registry, client: Client
) -> None:
    """As where a slow line meets a proxy that gives each answer some seconds."""
    data = os.urandom(200_000)
    client.repository("app").push_blob(content(data))
    registry.fail(20, None, on="blob", method="GET", after=20_000)

    assert b"".join(client.blob("app", Digest.of(data))) == data


def test_a_failed_upload_goes_on_where_the_server_is(registry: Registry, client: Client) -> None:
    data = os.urandom(2_000_000)
    registry.fail(1, 500, method="PUT")
    seen: list[int] = []
    told = BlobContent(Digest.of(data), len(data), content(data).read, "", seen.append)

    assert client.repository("app").push_blob(told)
    assert sum(seen) == len(data)
    assert b"".join(client.blob("app", Digest.of(data))) == data


@pytest.mark.parametrize("tokens", [False, True])
def test_a_login_is_shown_when_it_is_asked_for(tokens: bool) -> None:
    users = {"ann": "secret-of-ann"}
    with Registry(users=users, tokens=tokens) as registry:
        registry.push_image("app:1")
        login = HostLogin("ann", "secret-of-ann")
        with Client(registry.host, login=login) as client:
            assert client.ping() == f"http://{registry.host}/v2/"
            assert client.manifest("app", "1").digest
            sent = dict(client.session.counted)
            assert client.manifest("app", "1").digest
            assert client.session.counted["GET"] == sent["GET"] + 1
        guessed = HostLogin("ann", "guessed")
        with (
            Client(registry.host, login=guessed) as client,
            pytest.raises(NotPermitted, match="sign in first"),
        ):
            client.manifest("app", "1")


def test_another_authority_is_trusted_if_it_is_named() -> None:
    with Registry(tls=True) as registry:
        assert registry.ca is not None
        with Client(registry.host, options=SessionOptions(authorities=Path(registry.ca))) as client:
            assert client.ping().startswith("https://")
        with Client(registry.host) as client, pytest.raises(Unreachable, match=r"certs\.d"):
            client.ping()


def test_errors_have_the_code_and_what_to_do(client: Client) -> None:
    with pytest.raises(NotThere, match="check the name") as caught:
        client.manifest("nowhere", "1")

    assert caught.value.status == 404
    assert caught.value.code in {"MANIFEST_UNKNOWN", "NAME_UNKNOWN"}


def test_nobody_there_is_said_so() -> None:
    options = SessionOptions(retries=0)
    with Client("127.0.0.1:1", options=options) as client, pytest.raises(Unreachable):
        client.ping()


def test_a_client_that_is_closed_tries_nothing_again(registry: Registry) -> None:
    registry.fail(1, 503, on="base", retry_after=60)
    waits = threading.Event()
    client = Client(registry.host, options=SessionOptions(on_wait=lambda *_: waits.set()))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.ping)
        assert waits.wait(30)
        client.close()
        with pytest.raises(ClientError, match="was closed"):
            asked.result(30)


@pytest.mark.parametrize(("number", "waits"), [(socket.EAI_NONAME, 0), (socket.EAI_AGAIN, 2)])
def test_a_name_that_nobody_has_is_not_asked_for_again(
    number: int, waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "as the test wants it")

    monkeypatch.setattr("socket.getaddrinfo", fail)
    waited: list[float] = []
    options = SessionOptions(retries=2, on_wait=lambda _, seconds: waited.append(seconds))
    with Client("typo.example.com", options=options) as client, pytest.raises(Unreachable):
        client.ping()
    assert len(waited) == waits


@pytest.mark.parametrize("host", ["a..b:5000", "127..1:5000", f"{'a' * 64}.example.com"])
def test_a_name_that_no_host_can_have_is_said_to_be_none(host: str) -> None:
    """It is not tried again. A registry may send its clients there, too."""
    waited: list[str] = []
    options = SessionOptions(on_wait=lambda why, _seconds: waited.append(why))
    with Client(host, options=options) as client, pytest.raises(Unreachable) as found:
        client.ping()
    assert "no host can be called so; check the name" in str(found.value)
    assert waited == []


def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody listen anywhere from now on."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.create_connection", refuse)


@pytest.mark.parametrize(("told", "waits"), [({}, 2), ({"refused_retries": 0}, 0)])
def test_who_refuses_connections_is_tried_for_a_second(
    told: dict[str, int], waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    options = SessionOptions(on_wait=lambda _, seconds: waited.append(seconds), **told)  # type: ignore[arg-type]
    refusing(monkeypatch)

    with Client("127.0.0.1:1", options=options) as client, pytest.raises(Unreachable):
        client.ping()

    assert len(waited) == waits
    assert sum(waited) < 2


def test_who_has_answered_and_starts_anew_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    options = SessionOptions(
        retries=2, refused_retries=0, on_wait=lambda _, seconds: waited.append(seconds)
    )
    with (
        odd_registry(lambda _: Reply(headers={"Connection": "close"})) as restarted,
        Client(restarted.host, options=options) as client,
    ):
        client.ping()
        refusing(monkeypatch)
        with pytest.raises(Unreachable):
            client.ping()

    assert len(waited) == 2


def test_a_layout_keeps_what_a_registry_has(
    registry: Registry, client: Client, tmp_path: Path
) -> None:
    registry.push_image("app:1")
    source = client.repository("app")
    folder = LayoutFolder(tmp_path / "layout")
    manifest = source.manifest("1")
    for blob in manifest.blobs:
        folder.push_blob(content(b"".join(source.blob(blob["digest"]))))
    folder.push_manifest("1", manifest)

    assert list(folder.tags()) == ["1"]
    assert folder.manifest("1") == manifest
    with pytest.raises(NotThere):
        folder.manifest("2")


def test_a_layout_takes_no_bytes_of_another_digest(tmp_path: Path) -> None:
    folder = LayoutFolder(tmp_path)
    wrong = BlobContent(Digest.of(b"a"), 1, content(b"b").read)

    with pytest.raises(ContentWrong):
        folder.push_blob(wrong)
    assert not folder.has_blob(wrong.digest)


async def test_an_event_loop_goes_on_meanwhile(registry: Registry) -> None:
    digest = registry.push_image("app:1")
    async with AsyncClient(registry.host) as client:
        assert [tag async for tag in client.tags("app")] == ["1"]
        assert await client.digest("app", "1") == digest
        with pytest.raises(ClientError):
            await client.manifest("app", "2")


def test_referrers_are_those_of_the_api(registry: Registry, client: Client) -> None:
    subject = registry.push_image("app:1")
    digest = registry.push_artifact("app", b"x", artifact_type="application/sig", subject="app:1")

    repository = client.repository("app")
    assert isinstance(repository, RemoteRepository)
    assert [one["digest"] for one in repository.referrers(subject)] == [digest]
