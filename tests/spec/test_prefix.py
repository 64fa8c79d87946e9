"""A registry below a path: its own prefix, and one that a proxy takes off before it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lading.config.document import ConfigurationError
from lading.config.loading import load
from tests.support.client import Answer, Client
from tests.support.guarded import basic, guarded_registry
from tests.support.lading import lading_serve
from tests.support.pushes import digest_of

TRUSTED = {"REGISTRY_HTTP_TRUSTEDPROXIES": "[127.0.0.1]"}
OWN = {"REGISTRY_HTTP_PREFIX": "/own/"}


@contextmanager
def registry(directory: Path, env: dict[str, str]) -> Iterator[Client]:
    with lading_serve(directory, env=env) as lading:
        yield lading.client


def push(client: Client, path: str, shown: str, **headers: str) -> None:
    """Push a blob and two tags below a path; all that is said of places is below another one."""
    data = b"{}"
    started = client.ask("POST", f"{path}/v2/a/b/blobs/uploads/", b"", **headers)
    assert started.status == 202, started
    location = started.headers["Location"]
    assert location.startswith(f"{shown}/v2/a/b/blobs/uploads/")
    inside = path + location.removeprefix(shown)
    ended = client.ask("PUT", f"{inside}?digest={digest_of(data)}", data, **headers)
    assert ended.headers["Location"] == f"{shown}/v2/a/b/blobs/{digest_of(data)}"
    manifest = (
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    )
    for tag in ("v1", "v2"):
        answer = client.ask(
            "PUT",
            f"{path}/v2/a/b/manifests/{tag}",
            manifest,
            content_type="application/vnd.oci.image.index.v1+json",
            **headers,
        )
        assert answer.headers["Location"].startswith(f"{shown}/v2/a/b/manifests/sha256:")
    tags = client.ask("GET", f"{path}/v2/a/b/tags/list?n=1", b"", **headers)
    assert tags.headers["Link"].startswith(f"<{shown}/v2/a/b/tags/list?")
    moved = client.ask("GET", f"{path}/v2//a/b/tags/list", b"", **headers)
    assert moved.headers["Location"] == f"{shown}/v2/a/b/tags/list"


def test_all_is_below_its_prefix(tmp_path: Path) -> None:
    with registry(tmp_path, OWN) as client:
        push(client, "/own", "/own")
        for path in ("/v2/", "/ownv2/", "/own2", "/own2/v2/", "/x/own/v2/"):
            assert client.ask("GET", path).status == 404
        bare = client.ask("GET", "/own")
        assert (bare.status, bare.headers["Location"]) == (301, "/own/")
        assert client.ask("GET", "/own/v2/").status == 200


def test_whether_it_is_alive_is_asked_at_the_root(tmp_path: Path) -> None:
    """As in Distribution: what watches over a container need not know the prefix."""
    with registry(tmp_path, OWN) as client:
        for path in ("/", "/own/"):
            assert client.ask("GET", path).status == 200
            assert client.ask("HEAD", path).status == 200


def test_who_asks_beside_it_is_told_where_it_is(tmp_path: Path) -> None:
    with registry(tmp_path, OWN) as client:
        assert b"under /own/v2/" in client.ask("GET", "/v2/").body
        assert b"under /own/v2/" in client.ask("GET", "/own/x").body


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("//own/v2/", "/own/v2/"),
        ("/own//v2/", "/own/v2/"),
        ("/own///v2//a/tags/list/?n=1", "/own/v2/a/tags/list?n=1"),
        ("//own//v2//", "/own/v2/"),
        ("//own//", "/own/"),
    ],
)
def test_a_slash_too_many_before_it_or_behind_it(tmp_path: Path, path: str, place: str) -> None:
    with registry(tmp_path, OWN) as client:
        moved = client.ask("GET", path)

        assert (moved.status, moved.headers["Location"]) == (301, place)
        assert client.ask("GET", "//v2/").status == 404


@pytest.mark.parametrize(
    ("host", "shown", "own"),
    [
        ("https://r.example", "/outer/own", "/own"),
        ("https://r.example/registry", "/registry", "/own"),
        ("https://r.example/registry/", "/registry", ""),
    ],
)
def test_a_path_in_the_host_is_all_there_is_before_the_registry(
    tmp_path: Path, host: str, shown: str, own: str
) -> None:
    """As in Distribution, where `prefix` and a `host` that ends with it go together."""
    env = {**TRUSTED, "REGISTRY_HTTP_PREFIX": f"{own}/", "REGISTRY_HTTP_HOST": host}
    with guarded_registry(tmp_path, env=env) as guarded:
        client = guarded.client
        headers = {"authorization": basic("admin"), "x_forwarded_prefix": "/outer"}
        started = client.ask("POST", f"{own}/v2/a/blobs/uploads/", b"", **headers)
        moved = client.ask("GET", f"{own}/v2//a/tags/list", b"", **headers)
        asked = client.ask("GET", f"{own}/v2/", b"", x_forwarded_prefix="/outer")

    base = f"https://r.example{shown}"
    assert started.headers["Location"].startswith(f"{base}/v2/a/blobs/uploads/")
    assert moved.headers["Location"] == f"{shown}/v2/a/tags/list"
    assert f'realm="{base}/token"' in asked.headers["WWW-Authenticate"]


def test_a_prefix_that_a_trusted_proxy_took_off(tmp_path: Path) -> None:
    with registry(tmp_path, TRUSTED) as client:
        push(client, "", "/outer/one", x_forwarded_prefix="/outer/one")
        push(client, "", "/outer", x_forwarded_prefix="/x, /outer/")


def test_both_at_once(tmp_path: Path) -> None:
    with registry(tmp_path, {**TRUSTED, **OWN}) as client:
        push(client, "/own", "/outer/own", x_forwarded_prefix="/outer")


def test_nobody_else_says_where_it_is(tmp_path: Path) -> None:
    with registry(tmp_path, {}) as client:
        push(client, "", "", x_forwarded_prefix="/outer")


@pytest.mark.parametrize(
    "hostile",
    [
        "//evil.example",
        "/a//evil",
        "evil",
        "/a?b",
        "/a#b",
        "/..",
        "/a/../b",
        "/a b",
        "/\xe4",
        "/" * 9,
    ],
)
def test_what_is_no_prefix_is_ignored(tmp_path: Path, hostile: str) -> None:
    with registry(tmp_path, TRUSTED) as client:
        push(client, "", "", x_forwarded_prefix=hostile)


def test_tokens_are_had_below_it(tmp_path: Path) -> None:
    with guarded_registry(tmp_path, env={**TRUSTED, **OWN}) as guarded:
        client = guarded.client
        asked = client.ask("GET", "/own/v2/", b"", x_forwarded_prefix="/outer")
        realm = re.search(r'realm="http://[^/]+([^"]+)"', asked.headers["WWW-Authenticate"])
        assert realm is not None
        assert realm[1] == "/outer/own/token"
        answer: Answer = client.ask("GET", "/own/token", b"", authorization=basic("reader"))
        assert answer.status == 200


@pytest.mark.parametrize("prefix", ["own/", "/own", "//own/", "/../", "/a b/"])
def test_a_prefix_that_is_none_is_refused(prefix: str) -> None:

    with pytest.raises(ConfigurationError, match="begins and ends with a slash"):
        load(None, {"REGISTRY_HTTP_PREFIX": prefix})
