"""Opening a bucket: what cannot be made sense of is told, before anything is asked."""

from dataclasses import replace

import pytest

from lading.blobs.s3.bucket import BucketUnusable, S3Bucket
from lading.blobs.s3.opening import open_bucket

BUCKET = S3Bucket("images", access_key="key", secret_key="secret")
NO_CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("bucket", "proxy", "advice"),
    [
        (replace(BUCKET, authorities=b"garbage"), "", r"certificates.*storage\.s3\.cafile"),
        (replace(BUCKET, authorities=NO_CERTIFICATE), "", r"storage\.s3\.cafile"),
        (replace(BUCKET, endpoint="http://["), "", "Invalid IPv6 URL"),
        (BUCKET, "http://[", "client"),
    ],
    ids=["no certificates", "a broken one", "no address", "no proxy"],
)
def test_a_bucket_that_cannot_be_opened_is_told_in_one_line(
    bucket: S3Bucket, proxy: str, advice: str
) -> None:
    with pytest.raises(BucketUnusable, match=advice) as raised:
        open_bucket(bucket, {"HTTPS_PROXY": proxy})

    assert "\n" not in str(raised.value)
