"""What the conformance suite of the specification 1.1.1 asks, in its order and its words.

Its successor, which `tests/conformance` runs, does not ask all of it. Where the suite takes several
answers, the best one is asked for here.
"""

import json
from dataclasses import dataclass

import pytest

from tests.support.client import Answer, Client
from tests.support.pushes import (
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    descriptor,
    digest_of,
)

CONFIG = b'\n{\n    "architecture": "amd64",\n    "os": "linux",\n    "rootfs": {}\n}\n'
LAYER = b"a tar archive, perhaps"
BLOB = b"NBA Jam on my NBA toast"
CHUNKS = (b"Hel", b"lo, how are you today?")
CHUNKED = b"".join(CHUNKS)
EMPTY = b"{}"
NOWHERE = digest_of(b"hello world")
NO_MANIFEST = ".INVALID_MANIFEST_NAME"
# The codes of the specification; an error that has none of them does not conform.
CODES = {
    *("BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID"),
    *("MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID"),
    *("NAME_UNKNOWN", "SIZE_INVALID", "TAG_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED"),
}


def manifest(number: int, **fields: object) -> bytes:
    """One of the suite's manifests; they differ in a number."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(CONFIG, OCI_CONFIG),
        "layers": [descriptor(LAYER, OCI_LAYER)],
        "annotations": {"number": str(number)},
        **fields,
    }
    return json.dumps(document, indent="\t").encode()


def index_of(child: bytes, media_type: str, **fields: object) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "artifactType": "application/vnd.food.stand",
        "manifests": [descriptor(child, media_type)],
        **fields,
    }
    return json.dumps(document, indent="\t").encode()


@dataclass
class Suite:
    """The suite's client: it asks for paths of its namespace, and follows locations."""

    client: Client
    name: str

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        at = path if path.startswith("/v2/") else f"/v2/{self.name}/{path}"
        return self.client.ask(method, at, body, **headers)

    def begin(self) -> str:
        answer = self.ask("POST", "blobs/uploads/", content_length="0")
        assert answer.status == 202
        return str(answer.headers["Location"])

    def upload(self, data: bytes) -> None:
        answer = self.ask(
            "PUT",
            f"{self.begin()}?digest={digest_of(data)}",
            data,
            content_type="application/octet-stream",
        )
        assert (answer.status, bool(answer.headers["Location"])) == (201, True)

    def chunk(self, location: str, start: int, data: bytes) -> Answer:
        return self.ask(
            "PATCH",
            location,
            data,
            content_type="application/octet-stream",
            content_range=f"{start}-{start + len(data) - 1}",
        )

    def put(self, reference: str, body: bytes, media_type: str = OCI_MANIFEST) -> Answer:
        answer = self.ask("PUT", f"manifests/{reference}", body, content_type=media_type)
        assert (answer.status, bool(answer.headers["Location"])) == (201, True), answer
        return answer

    def tags(self, query: str = "") -> list[str]:
        answer = self.ask("GET", f"tags/list{query}")
        assert answer.status == 200
        tags: list[str] = answer.json["tags"]
        return tags


@pytest.fixture
def suite(client: Client, request: pytest.FixtureRequest) -> Suite:
    """A namespace of each test, with the blobs that its manifests need."""
    name = f"earlier/{request.node.originalname.removeprefix('test_')}"
    suite = Suite(client, name)
    for data in (CONFIG, LAYER, EMPTY):
        suite.upload(data)
    return suite


@pytest.mark.endpoint("end-2", "GET", "HEAD")
@pytest.mark.endpoint("end-3", "GET", "HEAD")
def test_pull(suite: Suite) -> None:
    body = manifest(0)
    suite.put("tagtest0", body)
    assert suite.tags() == ["tagtest0"]

    for method in ("HEAD", "GET"):
        assert suite.ask(method, f"blobs/{NOWHERE}").status == 404
        blob = suite.ask(method, f"blobs/{digest_of(CONFIG)}")
        assert (blob.status, blob.headers["Docker-Content-Digest"]) == (200, digest_of(CONFIG))
        assert suite.ask(method, f"manifests/{NO_MANIFEST}").status == 404
        for reference in (digest_of(body), "tagtest0"):
            found = suite.ask(method, f"manifests/{reference}", accept=OCI_MANIFEST)
            assert (found.status, found.headers["Docker-Content-Digest"]) == (200, digest_of(body))

    refused = suite.ask(
        "PUT", "manifests/sha256:totallywrong", b"blablabla", content_type=OCI_MANIFEST
    )
    assert refused.status == 400
    assert set(refused.codes) <= CODES


@pytest.mark.endpoint("end-4b", "POST")
@pytest.mark.endpoint("end-6", "PUT")
def test_push_of_blobs(suite: Suite) -> None:
    streamed = suite.ask("PATCH", suite.begin(), BLOB, content_type="application/octet-stream")
    assert streamed.status == 202
    done = suite.ask("PUT", f"{streamed.headers['Location']}?digest={digest_of(BLOB)}")
    assert (done.status, bool(done.headers["Location"])) == (201, True)

    assert suite.ask("GET", f"blobs/{NOWHERE}").status == 404
    whole = suite.ask("POST", f"blobs/uploads/?digest={digest_of(b'whole')}", b"whole")
    assert (whole.status, bool(whole.headers["Location"])) == (201, True)
    assert suite.ask("GET", f"blobs/{digest_of(b'whole')}").status == 200
    assert suite.ask("GET", f"blobs/{digest_of(LAYER)}").status == 200


@pytest.mark.endpoint("end-5", "PATCH")
@pytest.mark.endpoint("end-13", "GET")
def test_push_in_chunks(suite: Suite) -> None:
    first, second = CHUNKS
    assert suite.chunk(suite.begin(), len(first), second).status == 416

    begun = suite.begin()
    begins = suite.chunk(begun, 0, first)
    assert (begins.status, begins.headers["Range"]) == (202, f"0-{len(first) - 1}")
    assert suite.chunk(begun, 0, first).status == 416
    stale = suite.ask("GET", begun)
    assert (stale.status, stale.headers["Range"]) == (204, f"0-{len(first) - 1}")
    goes_on = suite.chunk(stale.headers["Location"], len(first), second)
    assert (goes_on.status, goes_on.headers["Range"]) == (202, f"0-{len(CHUNKED) - 1}")
    location = goes_on.headers["Location"]
    done = suite.ask("PUT", f"{location}?digest={digest_of(CHUNKED)}", content_length="0")
    assert (done.status, bool(done.headers["Location"])) == (201, True)


@pytest.mark.endpoint("end-11", "POST")
def test_push_by_mounts(suite: Suite) -> None:
    suite.upload(BLOB)
    other = Suite(suite.client, f"{suite.name}-other")

    unknown = other.ask("POST", f"blobs/uploads/?mount={NOWHERE}")
    assert (unknown.status, bool(unknown.headers["Location"])) == (202, True)
    nowhere = other.ask("POST", f"blobs/uploads/?mount={NOWHERE}&from={suite.name}")
    assert nowhere.status == 202
    assert nowhere.headers["Location"].startswith(f"/v2/{other.name}/blobs/uploads/")
    mounted = other.ask("POST", f"blobs/uploads/?mount={digest_of(BLOB)}&from={suite.name}")
    expected = f"/v2/{other.name}/blobs/{digest_of(BLOB)}"
    assert (mounted.status, mounted.headers["Location"]) == (201, expected)
    assert other.ask("GET", expected).status == 200
    found = other.ask("POST", f"blobs/uploads/?mount={digest_of(BLOB)}")
    assert found.status == 201


@pytest.mark.endpoint("end-7a", "PUT")
def test_push_of_manifests(suite: Suite) -> None:
    assert suite.ask("GET", f"manifests/{NO_MANIFEST}").status == 404
    body = manifest(1)
    for number in range(4):
        suite.put(f"test{number}", body)
    suite.put("emptylayer", manifest(1, layers=[]))
    assert suite.ask("GET", f"manifests/{digest_of(body)}", accept=OCI_MANIFEST).status == 200

    empty = descriptor(EMPTY, OCI_EMPTY)
    as_config = manifest(
        1, config=descriptor(CONFIG, "application/vnd.nba.strawberry.jam.croissant")
    )
    as_type = manifest(1, config=empty, artifactType="application/vnd.nba.strawberry.jam.croissant")
    index = index_of(body, OCI_MANIFEST)
    nested = index_of(index, OCI_INDEX)
    for document, media_type in (
        (as_config, OCI_MANIFEST),
        (as_type, OCI_MANIFEST),
        (index, OCI_INDEX),
        (nested, OCI_INDEX),
    ):
        suite.put(digest_of(document), document, media_type)

    subject = descriptor(b"not there", OCI_MANIFEST)
    dangling = manifest(1, subject=subject)
    answer = suite.put(digest_of(dangling), dangling)
    assert answer.headers["OCI-Subject"] == subject["digest"]


@pytest.mark.endpoint("end-8", "GET")
def test_discovery_of_tags(suite: Suite) -> None:
    for number in range(4):
        suite.put(f"test{number}", manifest(2))

    assert suite.tags() == ["test0", "test1", "test2", "test3"]
    assert suite.tags("?n=2") == ["test0", "test1"]
    assert suite.tags("?n=2&last=test1") == ["test2", "test3"]


@pytest.mark.endpoint("end-12", "GET")
def test_discovery_of_referrers(suite: Suite) -> None:
    body, absent = manifest(4), manifest(3)
    kinds = ("application/vnd.a", "application/vnd.b")
    about = descriptor(body, OCI_MANIFEST)
    referrers = {
        digest_of(document): document
        for kind in kinds
        for document in (
            manifest(5, subject=about, artifactType=kind),
            manifest(6, subject=about, config=descriptor(CONFIG, kind)),
        )
    }
    index = index_of(absent, OCI_MANIFEST, manifests=[], subject=about)
    early, late = list(referrers.items())[:2], list(referrers.items())[2:]
    for digest, document in early:
        assert suite.put(digest, document).headers["OCI-Subject"] == digest_of(body)
    suite.put(digest_of(index), index, OCI_INDEX)
    suite.put("tagtest0", body)
    for digest, document in late:
        suite.put(digest, document)
    orphan = manifest(7, subject=descriptor(absent, OCI_MANIFEST))
    suite.put(digest_of(orphan), orphan)

    def listed(subject: str, query: str = "") -> tuple[set[str], Answer]:
        answer = suite.ask("GET", f"referrers/{subject}{query}")
        assert (answer.status, answer.headers["Content-Type"]) == (200, OCI_INDEX)
        return {found["digest"] for found in answer.json["manifests"]}, answer

    assert listed(NOWHERE)[0] == set()
    assert listed(digest_of(body))[0] == {*referrers, digest_of(index)}
    filtered, answer = listed(digest_of(body), f"?artifactType={kinds[0]}")
    assert filtered == {digest for digest, _ in early}
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert listed(digest_of(absent))[0] == {digest_of(orphan)}


@pytest.mark.endpoint("end-9", "DELETE")
@pytest.mark.endpoint("end-10", "DELETE")
def test_management(suite: Suite) -> None:
    body = manifest(3)
    suite.put("tagtest0", body)
    suite.put("stays", manifest(8))

    assert suite.ask("DELETE", f"manifests/{NO_MANIFEST}").status == 404
    assert suite.ask("DELETE", "manifests/tagtest0").status == 202
    assert suite.ask("GET", f"manifests/{digest_of(body)}").status == 200
    assert suite.ask("DELETE", f"manifests/{digest_of(body)}").status == 202
    assert suite.ask("GET", f"manifests/{digest_of(body)}").status == 404
    assert suite.tags() == ["stays"]
    suite.ask("DELETE", f"manifests/{digest_of(manifest(8))}")
    for blob in (CONFIG, LAYER):
        assert suite.ask("DELETE", f"blobs/{digest_of(blob)}").status == 202
        assert suite.ask("GET", f"blobs/{digest_of(blob)}").status == 404
