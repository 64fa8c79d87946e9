"""How the names of headers are written: as scripts expect that grep for them, in every answer."""

from collections.abc import Iterator

import pytest

from tests.support.client import Answer, Client
from tests.support.guarded import Guarded
from tests.support.lading import lading_serve
from tests.support.pushes import OCI_MANIFEST, Repository, descriptor, digest_of, encode, image

SUBJECT = descriptor(b"subject", OCI_MANIFEST)
ARTIFACT = encode(image(subject=SUBJECT))
CONFIGURED = {"x-frame-options": ["DENY"], "X-XSS-PROTECTION": ["0"], "server": ["a registry"]}


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A registry whose operator wants more headers, and does not care how they are written."""
    http = {"http": {"addr": "127.0.0.1:0", "workers": 1, "headers": CONFIGURED}}
    with lading_serve(tmp_path_factory.mktemp("names"), settings=http) as registry:
        yield registry.client


@pytest.fixture(scope="module")
def pushed(configured: Client) -> Repository:
    repository = Repository(configured, "names")
    repository.push_image("latest", b"layer")
    repository.put_manifest(image(subject=SUBJECT), "artifact")
    return repository


UPLOADS = "/v2/names/blobs/uploads/"
REFERRERS = f"/v2/names/referrers/{SUBJECT['digest']}"
BLOB = f"/v2/names/blobs/{digest_of(b'layer')}"
USUAL = {
    "Date",
    "Docker-Distribution-Api-Version",
    "X-Content-Type-Options",
    "Content-Security-Policy",
    *("X-Frame-Options", "X-XSS-Protection", "Server"),
}


@pytest.mark.parametrize(
    ("method", "path", "body", "names"),
    [
        ("GET", "/v2/", b"", {"Content-Type", "Content-Length", "X-Request-ID"}),
        ("GET", BLOB, b"", {"Content-Length", "Docker-Content-Digest", "ETag", "Accept-Ranges"}),
        ("HEAD", BLOB, b"", {"Content-Length", "Docker-Content-Digest", "ETag", "Cache-Control"}),
        ("GET", "/v2/names/manifests/latest", b"", {"Content-Type", "Docker-Content-Digest"}),
        ("PUT", "/v2/names/manifests/a", ARTIFACT, {"Location", "OCI-Subject"}),
        ("GET", "/v2/names/tags/list?n=1", b"", {"Link", "Content-Type"}),
        ("GET", f"{REFERRERS}?artifactType=a", b"", {"Content-Type", "OCI-Filters-Applied"}),
        ("POST", UPLOADS, b"", {"Location", "Range", "Docker-Upload-UUID"}),
        ("POST", f"{UPLOADS}?digest={digest_of(b'x')}", b"x", {"Location", "Content-Length"}),
        ("OPTIONS", "/v2/", b"", {"Allow"}),
        ("GET", "/v2/names/manifests/none", b"", {"Content-Type", "Content-Length"}),
        ("PATCH", "/v2/", b"", {"Allow", "Content-Type"}),
        ("GET", "/" + "x" * 20_000, b"", {"Content-Type", "Content-Length", "Connection"}),
        ("NONSENSE", "/v2/", b"", {"Content-Type", "Content-Length", "Connection"}),
    ],
)
def test_every_answer_writes_them_in_the_usual_way(
    configured: Client, pushed: Repository, method: str, path: str, body: bytes, names: set[str]
) -> None:
    """Those that the operator wants as well, and those of what is no request."""
    answer = configured.ask(method, path, body)

    assert names | USUAL <= set(answer.headers)
    assert_usual(answer)
    assert len(answer.headers) == len(set(answer.headers))


def test_a_part_of_a_blob_does_so(configured: Client, pushed: Repository) -> None:
    answer = configured.ask("GET", BLOB, b"", range="bytes=1-2")
    assert answer.status == 206
    assert "Content-Range" in list(answer.headers)
    assert_usual(answer)


def test_a_challenge_and_a_token_do_so(guarded: Guarded) -> None:
    challenge = guarded.client.ask("GET", "/v2/")
    assert "WWW-Authenticate" in list(challenge.headers)
    assert_usual(challenge)
    token = guarded.client.ask("GET", "/token?service=x")
    assert "Cache-Control" in list(token.headers)
    assert_usual(token)


def test_a_proxy_is_told_where_a_file_is_in_the_same_way(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    environment = {
        "REGISTRY_HTTP_TRUSTEDPROXIES": "[127.0.0.1]",
        "REGISTRY_HTTP_ACCELREDIRECT": "/_blobs/",
    }
    with lading_serve(tmp_path_factory.mktemp("accelerated"), env=environment) as registry:
        digest = Repository(registry.client, "app").push_blob(bytes(100_000))
        path = f"/v2/app/blobs/{digest}"
        answer = registry.client.ask("GET", path, b"", x_sendfile_type="X-Accel-Redirect")
    assert "X-Accel-Redirect" in list(answer.headers)
    assert_usual(answer)


def assert_usual(answer: Answer) -> None:
    """Each part of each name begins with a capital."""
    for name in answer.headers:
        assert all(part[0].isupper() for part in name.split("-")), name
