"""Endpoints of object stores: over TLS, and with the bucket in the host."""

import os
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest

from lading.blobs.s3 import attempts
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.object_store import ObjectStore
from lading.core.errors import Unavailable
from tests.support.certificates import Certificates, make_certificates
from tests.support.client_tls import forward_proxy
from tests.support.s3 import S3, SERVER, address_of, running_s3, unfinished

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(SERVER != "versitygw", reason="the options are versitygw's"),
]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), "localhost")


@pytest.fixture(scope="module")
def secure(certificates: Certificates) -> Iterator[S3]:
    """A server that speaks HTTPS, with the certificate of an authority that nobody knows."""
    files = certificates.tls
    options = ["--cert", str(files["certificate"]), "--key", str(files["key"])]
    with running_s3(*options, endpoint="https://localhost:{port}") as server:
        known = replace(server.bucket, authorities=certificates.ca.read_bytes())
        yield replace(server, bucket=known)


async def test_an_authority_of_one_s_own_is_believed(secure: S3) -> None:
    store = ObjectStore(secure.bucket)
    data = os.urandom(20 * 1024 * 1024)

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    await store.put_pieces("large", pieces())
    await store.put("small", data[:100])
    assert await store.read("large", 0, len(data)) == data
    assert await store.read("small", 0, 100) == data[:100]
    assert await unfinished(store, 0) == []
    assert (await address_of(store, "small")).startswith("https://localhost:")


async def test_a_proxy_on_the_way_is_asked_for_a_tunnel(
    secure: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By all requests; it sees nothing of them."""
    with forward_proxy(secure.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{proxy.host}")
        store = ObjectStore(secure.bucket)
        await store.put("a", b"some bytes")
        assert await unfinished(store, 0) == []
        del store
    assert len(proxy.heads) >= 2
    for head in proxy.heads:
        assert head.startswith("CONNECT localhost:")
        assert "proxy-authorization: basic" in head.lower()


async def test_a_server_is_not_believed_without(
    secure: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PATIENCE", 0.5)
    store = ObjectStore(replace(secure.bucket, authorities=b""))
    with pytest.raises(Unavailable):
        await store.put("a", b"some bytes")
    with pytest.raises(Unavailable):
        await unfinished(store, 0)


async def test_the_operator_may_believe_any_server(secure: S3) -> None:
    store = ObjectStore(replace(secure.bucket, authorities=b"", verify=False))
    await store.put("b", b"some bytes")
    assert await unfinished(store, 0) == []


async def test_the_bucket_may_be_in_the_host() -> None:
    """An address is asked for at this machine, as no name of a bucket leads here."""
    with running_s3("--virtual-domain", "example.com") as server:
        await ObjectStore(server.bucket).put("a", b"some bytes")
        there = replace(server.bucket, endpoint="http://example.com", path_style=False)
        address = await address_of(ObjectStore(there), "a")
        assert address.startswith("http://blobs.example.com/registry/a?")
        here = address.replace("blobs.example.com", f"127.0.0.1:{server.port}")
        request = urllib.request.Request(here, headers={"Host": "blobs.example.com"})
        with urllib.request.urlopen(request) as answer:
            assert answer.read() == b"some bytes"


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (lambda bucket: replace(bucket, name="nobodys"), "storage.s3.bucket"),
        (lambda bucket: replace(bucket, secret_key="wrong"), "storage.s3.accesskey"),
        (lambda bucket: replace(bucket, access_key="wrong"), "storage.s3.accesskey"),
        (
            lambda bucket: replace(bucket, endpoint="https://localhost:1"),
            "storage.s3.regionendpoint",
        ),
        (lambda bucket: replace(bucket, authorities=b""), "storage.s3.cafile"),
    ],
    ids=["bucket", "secret", "key", "nobody listens", "certificate"],
)
async def test_a_store_that_cannot_be_used_at_the_start_says_what_to_change(
    secure: S3,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wrong: Callable[[S3Bucket], S3Bucket],
    advice: str,
) -> None:
    monkeypatch.setattr(attempts, "PATIENCE", 0.5)
    with pytest.raises(Unavailable):
        await ObjectStore(wrong(secure.bucket)).check()
    assert advice in caplog.text
