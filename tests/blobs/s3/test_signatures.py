"""Signed addresses are those that the store expects, for whatever objects and endpoints."""

import re
import time
from dataclasses import replace
from datetime import timedelta

import obstore
import pytest
from obstore.store import S3Store

from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.signatures import SignedAddresses, SigningScope

KEYS = AccessKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
LOCAL = S3Bucket("images", endpoint="http://127.0.0.1:9000", path_style=True)


def test_an_address_is_the_one_of_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    """See "Authenticating Requests: Using Query Parameters" of the S3 API."""

    def then(region: str) -> SigningScope:
        return SigningScope("20130524T000000Z", f"20130524/{region}/s3/aws4_request")

    monkeypatch.setattr(SigningScope, "of", then)
    bucket = S3Bucket("examplebucket", endpoint="https://s3.amazonaws.com")
    assert SignedAddresses(bucket).make(KEYS, "test.txt", 86400.9) == (
        "https://examplebucket.s3.amazonaws.com/test.txt"
        "?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


@pytest.mark.parametrize("path", ["objects/ab/cd", "a folder/~b/ü/a+b=c&d", "x" * 500])
@pytest.mark.parametrize("token", ["", "FwoG/a+token=="])
@pytest.mark.parametrize(
    "bucket",
    [
        pytest.param(LOCAL, id="path"),
        pytest.param(replace(LOCAL, endpoint="http://localhost:9000", path_style=False), id="host"),
        pytest.param(replace(LOCAL, endpoint="http://store.example.com:80/"), id="port-http"),
        pytest.param(replace(LOCAL, endpoint="https://store.example.com:443"), id="port-https"),
        pytest.param(replace(LOCAL, endpoint="http://[::1]:9000"), id="ipv6"),
        pytest.param(replace(LOCAL, endpoint="http://127.0.0.1:9000/below"), id="below"),
        pytest.param(replace(LOCAL, endpoint="https://Store.Example.com:9000"), id="capitals"),
        pytest.param(S3Bucket("images", region="eu-central-1"), id="amazon"),
    ],
)
def test_an_address_is_the_one_that_another_program_makes(
    bucket: S3Bucket, token: str, path: str
) -> None:
    config = {
        "bucket": bucket.name,
        "region": bucket.region,
        "endpoint": bucket.public_address,
        "virtual_hosted_style_request": not bucket.path_style,
        "access_key_id": KEYS.id,
        "secret_access_key": KEYS.secret,
        **({"session_token": token} if token else {}),
    }
    store = S3Store(config=config, client_options={"allow_http": True})  # type: ignore[arg-type]
    addresses, keys = SignedAddresses(bucket), replace(KEYS, token=token)
    while True:
        # As the clock of `gmtime` may begin a second some milliseconds later than the others.
        began = int(time.time() - 0.1)
        ours = addresses.make(keys, path, 600)
        others = obstore.sign(store, "GET", path, timedelta(seconds=600))
        if int(time.time()) == began:
            break
    assert sorted(re.split("[?&]", ours)) == sorted(re.split("[?&]", others))
