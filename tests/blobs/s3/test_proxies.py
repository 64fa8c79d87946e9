"""Proxies before the object store: one rule for all requests that are made of it."""

import time
from dataclasses import replace

import pytest

from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.s3.opening import options_of
from lading.blobs.s3.signed_requests import SignedRequests
from tests.support.client_tls import forward_proxy
from tests.support.s3 import S3, unfinished

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
    assert await unfinished(store, time.time()) == []
    await store.delete(["a"])


@pytest.mark.parametrize(
    ("environ", "asked_by"),
    [({}, ""), ({"HTTP_PROXY": PROXY}, PROXY), ({"HTTP_PROXY": PROXY, "NO_PROXY": "*"}, "")],
)
def test_obstore_asks_by_no_proxy_but_the_one_of_the_rule(
    environ: dict[str, str], asked_by: str
) -> None:
    options = options_of("http://s3.test:9000", environ)

    if not asked_by and environ:  # it looks at no variable by itself
        assert options.pop("proxy_excludes") == "s3.test"
    assert set(options) == ({"proxy_url"} if environ else set())
    assert not asked_by or options["proxy_url"] == asked_by


async def test_a_proxy_of_another_kind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.test:1080")
    asked = SignedRequests(S3Bucket("images", endpoint="http://s3.test"), AccessKeys("a", "s"))
    with pytest.raises(OSError, match="a proxy of socks5"):
        await asked.list_unfinished({})


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
