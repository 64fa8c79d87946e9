"""Registries for tests: what a test does to one, and what its clients then see."""

import base64
import json
import ssl
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from gzip import decompress
from http.client import IncompleteRead
from io import BytesIO
from pathlib import Path

import pytest

from lading.core.errors import ManifestUnknown, NameInvalid
from lading.testing import Registry
from tests.support.client import Client
from tests.support.open_things import threads
from tests.support.pushes import Repository, digest_of


@pytest.fixture
def registry() -> Iterator[Registry]:
    """An empty registry."""
    with Registry() as registry:
        yield registry


def basic(name: str, password: str) -> str:
    """The header of a login."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_clients_push_and_pull_by_http(registry: Registry) -> None:
    repository = Repository(Client(registry.host), "app")

    digest = repository.push_image("1", b"layer")

    assert registry.tags("app") == ["1"]
    assert registry.digest("app:1") == digest
    assert registry.manifest(f"{registry.host}/app:1")["layers"][0]["size"] == 5
    assert registry.blob("app", digest_of(b"layer")) == b"layer"
    assert registry.repositories() == ["app"]


def test_an_image_is_made_of_files(registry: Registry) -> None:
    """As layers in gzip, whose uncompressed digests are in the configuration."""
    digest = registry.push_image(
        "team/app:1", files=[{"etc/": b"", "etc/motd": "hello"}, {"b": b"2"}], labels={"a": "b"}
    )

    manifest = registry.manifest("team/app:1")
    assert registry.digest(f"team/app@{digest}") == digest
    config = json.loads(registry.blob("team/app", manifest["config"]["digest"]))
    assert config["config"]["Labels"] == {"a": "b"}
    first = decompress(registry.blob("team/app", manifest["layers"][0]["digest"]))
    assert config["rootfs"]["diff_ids"][0] == digest_of(first)
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"]) == 2
    with tarfile.open(fileobj=BytesIO(first)) as tar:
        assert tar.getnames() == ["etc", "etc/motd"]
        member = tar.extractfile("etc/motd")
        assert member is not None
        assert member.read() == b"hello"


def test_the_same_image_has_the_same_digest(registry: Registry) -> None:
    assert registry.push_image("a:1", files={"x": "1"}) == registry.push_image(
        "b:2", files={"x": "1"}
    )


def test_an_index_has_an_image_for_each_platform(registry: Registry) -> None:
    digest = registry.push_image("app", platforms=["linux/amd64", "linux/arm64/v8"])

    index = registry.manifest("app")
    assert registry.digest("app:latest") == digest
    assert [child["platform"] for child in index["manifests"]] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
    ]
    for child in index["manifests"]:
        assert registry.manifest(f"app@{child['digest']}")["config"]["digest"]


@pytest.mark.parametrize("platform", ["linux", "a/b/c/d", "linux/"])
def test_what_is_no_platform_is_refused(registry: Registry, platform: str) -> None:
    with pytest.raises(ValueError, match="is no platform"):
        registry.push_image("app", platforms=[platform])


def test_an_artifact_refers_to_its_subject(registry: Registry) -> None:
    image = registry.push_image("app:1")

    sbom = registry.push_artifact(
        "app", {"sbom.json": b"{}"}, artifact_type="application/spdx+json", subject="app:1"
    )

    answer = Client(registry.host).ask("GET", f"/v2/app/referrers/{image}")
    assert [found["digest"] for found in answer.json["manifests"]] == [sbom]
    assert registry.tags("app") == ["1"]
    layer = registry.manifest(f"app@{sbom}")["layers"][0]
    assert layer["annotations"] == {"org.opencontainers.image.title": "sbom.json"}


def test_a_subject_may_be_a_digest_alone(registry: Registry) -> None:
    """As `push_image` gives it."""
    image = registry.push_image("app:1")

    sbom = registry.push_artifact("app", b"{}", artifact_type="application/x", subject=image)

    assert registry.manifest(f"app@{sbom}")["subject"]["digest"] == image


def test_what_is_not_there_is_told(registry: Registry) -> None:
    registry.push_image("app:1")

    assert registry.tags("other") == []
    with pytest.raises(ManifestUnknown):
        registry.manifest("app:2")
    with pytest.raises(NameInvalid):
        registry.push_image("No Name")


def test_events_are_what_clients_asked_for(registry: Registry) -> None:
    """Not what the test did itself."""
    client = Client(registry.host)
    registry.push_image("app:1")
    client.ask("GET", "/v2/app/manifests/1")
    client.ask("GET", "/v2/app/manifests/2")

    assert [(event.what, event.status) for event in registry.events] == [
        ("manifest.pull", 200),
        ("manifest.pull", 404),
    ]
    assert registry.events[0].digest == registry.digest("app:1")
    assert registry.events[0].reference == "1"


def test_requests_fail_as_often_as_they_are_told_to(registry: Registry) -> None:
    client = Client(registry.host)
    registry.push_image("app:1")
    registry.fail(times=2, status=429, on="manifest", method="GET", retry_after=7)

    answers = [client.ask("GET", "/v2/app/manifests/1") for _ in range(3)]

    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].codes == ["TOOMANYREQUESTS"]
    assert [event.status for event in registry.events] == [429, 429, 200]


def test_other_requests_do_not_meet_a_fault(registry: Registry) -> None:
    client = Client(registry.host)
    registry.push_image("app:1")
    registry.fail(times=1, status=503, on="blob", repository="other")

    assert client.ask("GET", "/v2/app/manifests/1").status == 200
    assert client.ask("POST", "/v2/app/blobs/uploads/").status == 202
    assert client.ask("POST", "/v2/other/blobs/uploads/").codes == ["UNAVAILABLE"]
    with pytest.raises(ValueError, match="blob, upload"):
        registry.fail(on="blobs")


def test_a_fault_is_met_however_its_request_is_written(registry: Registry) -> None:
    """One that no request can meet would have a test pass that tests nothing."""
    client = Client(registry.host)
    registry.push_image("app:1")
    registry.fail(on="manifest", method="get", repository=f"{registry.host}/app")

    assert client.ask("GET", "/v2/app/manifests/1").status == 503
    with pytest.raises(NameInvalid):
        registry.fail(repository="App")


def test_its_name_says_where_it_is(registry: Registry) -> None:
    """In what pytest shows of a test that fails."""
    assert repr(registry) == f"<lading.testing.Registry at {registry.url}>"


def test_an_answer_is_cut_off_where_the_test_says(registry: Registry) -> None:
    registry.push_image("app:1", files={"x": b"x" * 1000})
    digest = registry.manifest("app:1")["layers"][0]["digest"]
    registry.fail(status=None, on="blob", after=30)

    with (
        urllib.request.urlopen(f"{registry.url}/v2/app/blobs/{digest}") as answer,
        pytest.raises(IncompleteRead) as cut,
    ):
        answer.read()

    assert len(cut.value.partial) == 30
    with urllib.request.urlopen(f"{registry.url}/v2/app/blobs/{digest}") as answer:
        assert digest_of(answer.read()) == digest


def test_a_reset_leaves_nothing_and_keeps_connections(registry: Registry) -> None:
    client = Client(registry.host)
    registry.push_image("app:1")
    registry.fail(times=5)

    with client.connection() as connection:
        connection.request("GET", "/v2/")
        assert connection.receive().status == 503
        registry.reset()
        connection.request("GET", "/v2/app/tags/list")
        assert connection.receive().status == 404

    assert registry.repositories() == []
    assert [event.what for event in registry.events] == ["tags.list"]


def test_a_reset_takes_milliseconds(registry: Registry) -> None:
    """Of a processor, as others use them, too; and it waits for nothing."""
    registry.reset()
    took = [_seconds(registry) for _ in range(5)]

    assert min(of_processor for of_processor, _ in took) < 0.05
    assert min(in_all for _, in_all in took) < 1


def _seconds(registry: Registry) -> tuple[float, float]:
    """What a reset takes of a processor, and in all."""
    began = time.process_time(), time.perf_counter()
    registry.reset()
    return time.process_time() - began[0], time.perf_counter() - began[1]


def test_users_log_in_with_their_passwords() -> None:
    with Registry(users={"ci": "secret"}) as registry:
        client = Client(registry.host)

        refused = client.ask("GET", "/v2/")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"] == 'Basic realm="lading"'
        assert client.ask("GET", "/v2/", authorization=basic("ci", "secret")).status == 200
        assert client.ask("GET", "/v2/", authorization=basic("ci", "wrong")).status == 401
        assert client.ask("GET", "/v2/", authorization=basic("no", "secret")).status == 401
        assert [event.user for event in registry.events] == ["", "ci", "", ""]


def test_permissions_are_written_as_in_the_configuration() -> None:
    rules = {"rules": [{"users": ["ci"], "repositories": ["team/**"], "actions": ["pull"]}]}
    with Registry(users={"ci": "secret"}, permissions=rules) as registry:
        registry.push_image("team/app:1")
        registry.push_image("other:1")
        client, login = Client(registry.host), basic("ci", "secret")

        assert client.ask("GET", "/v2/team/app/tags/list", authorization=login).status == 200
        assert client.ask("GET", "/v2/other/tags/list", authorization=login).status == 403
        started = client.ask("POST", "/v2/team/app/blobs/uploads/", authorization=login)
        assert started.status == 403


def test_wrong_permissions_are_told() -> None:
    with pytest.raises(ValueError, match="preset"):
        Registry(permissions="publik")


def test_anybody_gets_a_token_where_anybody_may_pull() -> None:
    with Registry(users={"ci": "secret"}, permissions="public") as registry:
        registry.push_image("app:1")
        client = Client(registry.host)

        challenge = client.ask("GET", "/v2/").headers["WWW-Authenticate"]
        assert f'realm="http://{registry.host}/token"' in challenge
        token = client.ask("GET", "/token?service=lading&scope=repository:app:pull").json["token"]
        pulled = client.ask("GET", "/v2/app/manifests/1", authorization=f"Bearer {token}")

        assert pulled.status == 200


def test_clients_may_be_kept_from_deleting() -> None:
    with Registry(delete=False) as registry:
        digest = registry.push_image("app:1")

        assert Client(registry.host).ask("DELETE", f"/v2/app/manifests/{digest}").status == 405


def test_https_with_an_authority_of_its_own() -> None:
    with Registry(tls=True) as registry:
        registry.push_image("app:1")
        context = ssl.create_default_context(cafile=registry.ca)
        url = f"{registry.url}/v2/app/tags/list"

        with urllib.request.urlopen(url, context=context) as answer:
            assert json.load(answer)["tags"] == ["1"]
        assert registry.url.startswith("https://127.0.0.1:")


def test_the_environment_has_a_login_and_whom_to_trust() -> None:
    with Registry(users={"ci": "secret", "dev": "other"}, tls=True) as registry:
        env = registry.env()

        auths = json.loads(Path(env["DOCKER_CONFIG"], "config.json").read_text())["auths"]
        assert base64.b64decode(auths[registry.host]["auth"]) == b"ci:secret"
        assert json.loads(Path(env["REGISTRY_AUTH_FILE"]).read_text())["auths"] == auths
        assert "insecure = false" in Path(env["CONTAINERS_REGISTRIES_CONF"]).read_text()
        context = ssl.create_default_context(cafile=env["SSL_CERT_FILE"])
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(registry.url + "/v2/", context=context)
        assert registry.env("dev")["DOCKER_CONFIG"] != env["DOCKER_CONFIG"]
        with pytest.raises(KeyError):
            registry.env("nobody")
        folder = Path(env["DOCKER_CONFIG"])
    assert not folder.exists()


def test_nothing_is_left_of_a_registry_that_was_closed() -> None:
    before = threads()
    with Registry() as registry, Client(registry.host).connection() as connection:
        connection.request("GET", "/v2/")
        connection.receive()
        registry.close()

        assert connection.rest() == b""
    assert threads() <= before


def test_two_registries_share_nothing() -> None:
    with Registry() as one, Registry() as other:
        one.push_image("app:1")

        assert other.repositories() == []
        assert one.host != other.host


def test_a_registry_that_is_closed_says_so() -> None:
    registry = Registry()
    registry.close()
    registry.close()

    for use in (lambda: registry.tags("app"), registry.reset, lambda: registry.events):
        with pytest.raises(RuntimeError, match="this registry is closed"):
            use()


def test_a_user_may_have_any_name() -> None:
    with Registry(users={"../team/ci": "secret"}) as registry:
        folder = Path(registry.env()["DOCKER_CONFIG"])

        assert (folder / "config.json").is_file()
        assert folder.parent.name.startswith("lading-testing-")


FORKED = """
import os, sys, urllib.request
from lading.testing import Registry

with Registry(users={"ci": "secret"}) as registry:
    folder = registry.env()["DOCKER_CONFIG"]
    child = os.fork()
    if child == 0:
        try:
            registry.tags("app")
        except RuntimeError as error:
            print(error, flush=True)
        sys.exit()  # out of the block, and by all that is done at the end of a process
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.path.exists(folder)
    assert registry.tags("app") == []
assert not os.path.exists(folder)
"""


def test_a_process_that_was_forked_takes_nothing_away() -> None:
    """It has a copy of the registry, without the thread that answers."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)

    assert done.returncode == 0, done.stderr
    assert "is of the process that made it" in done.stdout
