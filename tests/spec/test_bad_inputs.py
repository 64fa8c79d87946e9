"""Bad inputs, and the answer that each gets: names, digests, blobs, uploads and lists.

After each of them the registry keeps exactly what it kept before, down to the last byte and row,
and no answer tells anything of its insides. Bad manifests are in `test_bad_manifests.py`, what is
not even HTTP in `test_bad_http.py`, clients that leave or collide in `test_interruptions.py`.
"""

from collections.abc import Iterator

import pytest

from tests.support.pushes import digest_of, image
from tests.support.victims import LAYER, Bad, Victim, bad, label

HEX = "0123456789abcdef" * 4
ABSENT = f"sha256:{HEX}"

NAMES = (
    *("UPPER", "-a", "a-", "_a", ".a", "a.", "a..b", "a___b", "a._b", "a:b", "a;b"),
    *("..", ".", "a/../../etc", "a/./b", "%2e%2e", "a%2f%2e%2e%2fb", "%2e%2e%2f%2e%2e%2fetc"),
    *("a%00b", "a%0d%0ab", "a%20b", "a%", "a%zz", "a%ff", "a%5c..%5cb", "%C3%A9", "a%EF%BC%8Fb"),
    *("%ED%A0%80", "a@b", "a%3Fb", "a" * 256, "a/" * 128 + "a", ""),
)
TAGS = (
    *(".a", "-a", "..", "%2e%2e", "a%20b", "a%00", "a%0ab", "%C3%A9", "a+b", "a@b", "a%25", "a%zz"),
    *("a" * 129, "%ED%A0%80", ""),
)
DIGESTS = (
    *("sha256:", "sha256:abc", ":", f":{HEX}", f"sha256:{HEX.upper()}", f"SHA256:{HEX}"),
    *(f"sha256:{HEX[:-1]}", f"sha256:{HEX}0", f"sha256:{'g' * 64}", f"sha512:{HEX}", f"md5:{HEX}"),
    *(f"sha384:{HEX}{HEX[:32]}", f"sha256:{HEX}%00", f"sha256:{HEX}%0a", f"%00sha256:{HEX}"),
    *(f"sha256:sha256:{HEX}", "sha256:..", "sha256:%2e%2e", f"sha256:{'%EF%BC%91' * 64}"),
    f"sha256:{'a' * 8000}",
)
UPLOADS = (
    *("00000000-0000-4000-8000-000000000000", "x", "..", "%2e%2e", "%00", "x" * 4000, "%C3%A9"),
    *("00000000-0000-4000-8000-00000000000A", "00000000-0000-4000-8000-000000000000%00"),
    "00000000000040008000000000000000",
)
OUT_OF_THE_STORE = (
    *("/v2/app/blobs/sha256:../../../etc/passwd", "/v2/app/blobs/uploads/../../../../etc/passwd"),
    *(
        "/v2/app/blobs/sha256:%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/../../etc/passwd",
        "/v2/../metadata",
    ),
    *("/%2e%2e/lading/metadata.sqlite3", "/v2/app/blobs/uploads/%2e%2e%2fmetadata.sqlite3"),
)
# Not what `Content-Range` of a chunk looks like.
NO_SPANS = (
    *("", "x", "10", "10-", "-10", "-1-5", "10-9", "0x0-0x1", "1e1-2e1", "\xb2-\xb3"),
    *("bytes=10-16", "10-16/x", "10-16,", "10-16, 10-16", "bytes */17", "9" * 20 + "-" + "9" * 20),
)
NO_SIZES = ("-1", "x", "1.5", "0x10", "1e3", "%20", "%00", "%FF", "%D9%A3", "+1", "9" * 5000)


def names_tags_and_digests() -> Iterator[Bad]:
    for name in NAMES:
        yield bad("GET", f"/v2/{name}/tags/list", "400 NAME_INVALID")
        yield bad("PUT", f"/v2/{name}/manifests/v1", "400 NAME_INVALID", image())
        yield bad("POST", f"/v2/{name}/blobs/uploads/", "400 NAME_INVALID")
    for tag in TAGS:
        # What no manifest can be called is not there.
        yield bad("GET", f"/v2/app/manifests/{tag}", "404 MANIFEST_UNKNOWN")
        yield bad("PUT", f"/v2/app/manifests/{tag}", "400 TAG_INVALID", image())
        yield bad("DELETE", f"/v2/app/manifests/{tag}", "404 MANIFEST_UNKNOWN")
        query = f"{{manifest}}?tag=good&tag={tag.replace('+', '%2B')}"
        yield bad("PUT", f"/v2/app/manifests/{query}", "400 TAG_INVALID", image(LAYER))
    for digest in DIGESTS:
        yield bad("GET", f"/v2/app/blobs/{digest}", "400 DIGEST_INVALID")
        yield bad("DELETE", f"/v2/app/blobs/{digest}", "400 DIGEST_INVALID")
        yield bad("GET", f"/v2/app/manifests/{digest}", "400 DIGEST_INVALID")
        yield bad("PUT", f"/v2/app/manifests/{digest}", "400 DIGEST_INVALID", image())
        yield bad("GET", f"/v2/app/referrers/{digest}", "400 DIGEST_INVALID")
        yield bad("POST", f"/v2/app/blobs/uploads/?digest={digest}", "400 DIGEST_INVALID", LAYER)
        yield bad("POST", f"/v2/app/blobs/uploads/?mount={digest}", "400 DIGEST_INVALID")
        yield bad("PUT", f"{{upload}}?digest={digest}", "400 DIGEST_INVALID", LAYER)
    for path in OUT_OF_THE_STORE:
        yield bad("GET", path, "404 UNSUPPORTED")


def blobs_and_uploads() -> Iterator[Bad]:
    yield bad("GET", f"/v2/app/blobs/{ABSENT}", "404 BLOB_UNKNOWN")
    yield bad("DELETE", f"/v2/app/blobs/{ABSENT}", "404 BLOB_UNKNOWN")
    yield bad("DELETE", "/v2/app/blobs/{blob}", "405 UNSUPPORTED")
    yield bad("GET", "/v2/other/blobs/{blob}", "404 BLOB_UNKNOWN")
    yield bad("POST", f"/v2/app/blobs/uploads/?digest={ABSENT}", "400 DIGEST_INVALID", LAYER)
    yield bad("POST", "/v2/app/blobs/uploads/?digest={blob}", "400 DIGEST_INVALID")
    yield bad("POST", "/v2/app/blobs/uploads/?digest-algorithm=md5", "400 DIGEST_INVALID")
    for asked in ("7-", "7-7", "5-3", "-0", "9999999999999999999-"):
        path = "/v2/app/blobs/{blob}"
        yield bad("GET", path, "416 RANGE_INVALID", range=f"bytes={asked}")
    for upload in UPLOADS:
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            path = f"/v2/app/blobs/uploads/{upload}?digest={digest_of(LAYER)}"
            yield bad(method, path, "404 BLOB_UPLOAD_UNKNOWN", LAYER)
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        yield bad(method, "{foreign}?digest={blob}", "404 BLOB_UPLOAD_UNKNOWN", LAYER)
    yield bad("PUT", "{upload}", "400 DIGEST_INVALID", LAYER)
    yield bad("PUT", "{upload}?digest=", "400 DIGEST_INVALID", LAYER)
    yield bad("PUT", f"{{upload}}?digest={ABSENT}", "400 DIGEST_INVALID", LAYER)
    yield bad("PUT", "{upload}?digest={blob}", "400 DIGEST_INVALID", LAYER)
    yield bad("PUT", "{upload}?digest={blob}", "400 DIGEST_INVALID")
    for method, path in (("PATCH", "{upload}"), ("PUT", "{upload}?digest={blob}")):
        for span in ("0-6", "9-15", "11-17", "9999999999999999998-9999999999999999999"):
            yield bad(method, path, "416 RANGE_INVALID", LAYER, content_range=span)
        for span in ("10-10", "10-15", "10-17", "10-9999999999999999999"):
            yield bad(method, path, "400 SIZE_INVALID", LAYER, content_range=span)
            chunks = (LAYER[:3], LAYER[3:])
            yield bad(method, path, "400 SIZE_INVALID", chunks, content_range=span)
        for span in NO_SPANS:
            yield bad(method, path, "400 BLOB_UPLOAD_INVALID", LAYER, content_range=span)


def lists() -> Iterator[Bad]:
    for path in ("/v2/app/tags/list", "/v2/_catalog", f"/v2/app/referrers/{ABSENT}"):
        for size in NO_SIZES:
            yield bad("GET", f"{path}?n={size}", "400 PAGINATION_NUMBER_INVALID")
    yield bad("GET", "/v2/nobody/tags/list", "404 NAME_UNKNOWN")


@pytest.mark.parametrize(
    "row", [*names_tags_and_digests(), *blobs_and_uploads(), *lists()], ids=label
)
def test_it_gets_this_answer_and_changes_nothing(victim: Victim, row: Bad) -> None:
    row.try_on(victim)
