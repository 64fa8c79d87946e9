"""Proxies before the object store: one rule for all requests that are made of it."""

import time
from dataclasses import replace

import pytest

from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.proxies import login_of, options_of, proxy_for
from tests.support.client_tls import forward_proxy
from tests.support.s3 import S3

PROXY = "http://proxy.test:3128"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


async def use(store: ObjectStore) -> None:
    """Make requests of all kinds."""
    await store.put("a", b"some bytes")
    assert await store.content("a") == b"some bytes"
    pieces = [bytes(piece) async for piece in store.pieces("a", 0, 10)]
    assert b"".join(pieces) == b"some bytes"
    assert await store.unfinished_parts(time.time()) == []
    await store.delete(["a"])


@pytest.mark.parametrize(
    ("address", "environ", "found"),
    [
        ("http://s3.test", {}, ""),
        ("http://s3.test", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://s3.test", {"HTTPS_PROXY": PROXY}, ""),
        ("https://s3.test", {"HTTPS_PROXY": PROXY, "HTTP_PROXY": "http://other"}, PROXY),
        ("https://s3.test", {"ALL_PROXY": PROXY}, PROXY),
        ("https://s3.test", {"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, PROXY),
        ("http://s3.test", {"HTTP_PROXY": "proxy.test:3128"}, PROXY),
        ("http://s3.test:9000", {"HTTP_PROXY": PROXY, "NO_PROXY": "other.test, s3.test"}, ""),
        ("http://s3.test:9000", {"HTTP_PROXY": PROXY, "NO_PROXY": "s3.test:9000"}, ""),
        ("http://s3.test:9000", {"HTTP_PROXY": PROXY, "NO_PROXY": "s3.test:9001"}, PROXY),
        ("http://a.s3.test", {"HTTP_PROXY": PROXY, "NO_PROXY": ".s3.test"}, ""),
        ("http://a.s3.test", {"HTTP_PROXY": PROXY, "no_proxy": "s3.test"}, ""),
        ("http://as3.test", {"HTTP_PROXY": PROXY, "NO_PROXY": "s3.test"}, PROXY),
        ("http://s3.test", {"HTTP_PROXY": PROXY, "NO_PROXY": "*"}, ""),
        ("http://a.s3.test", {"HTTP_PROXY": PROXY, "NO_PROXY": "*.S3.test"}, ""),
        ("http://s3.test", {"HTTP_PROXY": PROXY, "NO_PROXY": ",, "}, PROXY),
        ("http://10.1.2.3:9000", {"HTTP_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, ""),
        ("http://11.1.2.3:9000", {"HTTP_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8,x/y"}, PROXY),
        ("http://[fd00::1]:9000", {"HTTP_PROXY": PROXY, "NO_PROXY": "fd00::/8"}, ""),
        ("http://[fd00::1]:9000", {"HTTP_PROXY": PROXY, "NO_PROXY": "[fd00::1]"}, ""),
    ],
)
def test_the_environment_says_by_which_proxy_a_server_is_asked(
    address: str, environ: dict[str, str], found: str
) -> None:
    assert proxy_for(address, environ) == found
    options = options_of(address, environ)
    if not found and environ:  # obstore looks at no variable by itself
        assert options.pop("proxy_excludes") in address
    assert set(options) == ({"proxy_url"} if environ else set())


def test_a_login_of_a_proxy_is_a_header() -> None:
    assert login_of(PROXY) == {}
    assert login_of("http://me:p%40ss@proxy.test") == {"Proxy-Authorization": "Basic bWU6cEBzcw=="}


@pytest.mark.e2e
async def test_all_requests_go_by_the_proxy(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no other way to a server of that name."""
    with forward_proxy(s3.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@{proxy.host}")
        store = ObjectStore(replace(s3.bucket, endpoint="http://store.test:9000"))
        await use(store)
        del store
    assert len(proxy.heads) >= 2
    assert all(" http://store.test:9000/" in head for head in proxy.heads)
    assert all("proxy-authorization: basic" in head.lower() for head in proxy.heads)


@pytest.mark.e2e
@pytest.mark.parametrize("excluded", ["127.0.0.1", "127.0.0.0/8", "*"])
async def test_no_request_goes_by_a_proxy_that_is_not_for_the_server(
    s3: S3, monkeypatch: pytest.MonkeyPatch, excluded: str
) -> None:
    """The one that the environment names is not there."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", excluded)
    await use(ObjectStore(s3.bucket))
