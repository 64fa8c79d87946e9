"""Bad manifests, and the answer that each gets; see `test_bad_inputs.py`."""

import json
from collections.abc import Iterator, Sequence

import pytest

from tests.support.pushes import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Json,
    descriptor,
    digest_of,
    encode,
    image,
    index,
)
from tests.support.victims import LAYER, Bad, Victim, bad, label

HEX = "0123456789abcdef" * 4
ABSENT = f"sha256:{HEX}"


WHOLE = encode(image(LAYER))

NOT_JSON = (
    *(b"", b"hello", b"[]", b"null", b"5", b'"x"', b"{", WHOLE[:-1], WHOLE + b"x", b"{'a': 1}"),
    *(b"\xef\xbb\xbf" + WHOLE, WHOLE.decode().encode("utf-16"), b"\x00", b"\xff" * 100),
    *(WHOLE.replace(b"{", b'{"x": "\xff",', 1), WHOLE.replace(b"{", b'{"x": NaN,', 1)),
    *(b"[" * 1_000_000, b'{"a":' * 500_000, b'{"schemaVersion": 2, "x": ' + b"[" * 1_000_000),
    b'{"annotations": {"a": "\\ud800"}}',
)
NOT_ITS_TYPE = (
    *("text/plain", "junk", "image/png", "a/b+json", "/", OCI_INDEX, DOCKER_MANIFEST),
    *(f"{OCI_MANIFEST}, {OCI_MANIFEST}", "a" * 5000 + "/json"),
)
# Fields that an image of one layer must not have like this.
MISSHAPEN: Sequence[tuple[str, Sequence[object]]] = (
    ("schemaVersion", (None, 1, 3, "2", 2.5, [], 10**40)),
    ("mediaType", (5, [], OCI_MANIFEST.upper())),
    ("config", (None, [], "x", {}, {"size": 2}, {"digest": None}, {"Digest": ABSENT})),
    ("layers", ({}, "x", [None], [{}], [[]])),
    ("manifests", ([], [descriptor(LAYER)], "x")),
    ("Manifests", ([], [descriptor(LAYER)], None)),
    ("annotations", ([], "x", {"a": 1}, {"a": {}})),
    ("artifactType", (5, {})),
    ("subject", ("x", {}, [], {"size": 2})),
)
MISSHAPEN_LAYER: Sequence[tuple[str, Sequence[object]]] = (
    ("size", (-1, 7.5, 7.0, "7", True, [], 2**63, 10**30)),
    ("Size", (5, None)),
    ("digest", (5, None)),
    ("mediaType", (5, {})),
    ("urls", ("x", [5])),
    ("platform", ({"OS": "linux"},)),
)
NO_DIGESTS = ("", "x", "sha256:../..", f"md5:{HEX}", f"sha256:{HEX.upper()}", "\x00", "é")


def without(document: Json, *names: str) -> Json:
    return {name: value for name, value in document.items() if name not in names}


def with_layer(**fields: object) -> Json:
    return image(layers=[{**descriptor(LAYER), **fields}])


def put(
    answer: str, body: bytes | tuple[bytes, ...] | Json, content_type: str = OCI_MANIFEST
) -> Bad:
    return bad("PUT", "/v2/app/manifests/v1", answer, body, content_type=content_type)


def index_of(count: int) -> bytes:
    """An index of so many manifests, none of which is there, in as few bytes as can be."""
    children = [{"digest": f"sha256:{number:064x}", "size": 1} for number in range(count)]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    return json.dumps(document, separators=(",", ":")).encode()


def no_manifests() -> Iterator[Bad]:
    for body in NOT_JSON:
        yield put("400 MANIFEST_INVALID", body)
    for kind in NOT_ITS_TYPE:
        yield put("400 MANIFEST_INVALID", image(LAYER), kind)
    for name, values in MISSHAPEN:
        for value in values:
            yield put("400 MANIFEST_INVALID", {**image(LAYER), name: value})
    for name, values in MISSHAPEN_LAYER:
        for value in values:
            yield put("400 MANIFEST_INVALID", with_layer(**{name: value}))
    for name in ("schemaVersion", "config"):
        yield put("400 MANIFEST_INVALID", without(image(LAYER), name))
    yield put("400 MANIFEST_INVALID", without(index(), "schemaVersion"), OCI_INDEX)
    twice = WHOLE.replace(b'"layers"', b'"config": null, "layers"')
    yield put("400 MANIFEST_INVALID", twice)
    # An image to one client and an index to another (CVE-2021-41190).
    yield put("400 MANIFEST_INVALID", index(config=descriptor(b"{}")), OCI_INDEX)
    yield put("400 MANIFEST_INVALID", index(layers=[descriptor(LAYER)]), OCI_INDEX)
    yield put("400 MANIFEST_INVALID", index(layers=[]), OCI_INDEX)
    yield put("400 MANIFEST_INVALID", without(image(LAYER), "mediaType", "config"), "")
    large = image(annotations={"a": "x" * (4 * 1024 * 1024)})
    too_large: tuple[bytes | tuple[bytes, ...], ...]
    too_large = (encode(large), (encode(large), b" " * 5_000_000), b" " * 20_000_000)
    for each in too_large:
        yield put("413 MANIFEST_INVALID", each)
    yield put("413 MANIFEST_INVALID", index_of(40_000), OCI_INDEX)


def of_what_is_not_there() -> Iterator[Bad]:
    for digest in NO_DIGESTS:
        yield put("400 DIGEST_INVALID", with_layer(digest=digest))
        subject = {**descriptor(LAYER, OCI_MANIFEST), "digest": digest}
        yield put("400 DIGEST_INVALID", image(LAYER, subject=subject))
    # That it is elsewhere, too, does not mean that it need not be here.
    absent = descriptor(b"absent")
    elsewhere = {**absent, "urls": ["https://example.org/"]}
    yield put("400 MANIFEST_BLOB_UNKNOWN", image(layers=[elsewhere, absent]))
    yield put("400 MANIFEST_BLOB_UNKNOWN", {**image(LAYER), "config": {"digest": ABSENT}})
    for reference in (ABSENT, digest_of(WHOLE, "sha512")[:-1] + "0", "{manifest}"):
        path = f"/v2/app/manifests/{reference}"
        yield bad("PUT", path, "400 DIGEST_INVALID", image(), content_type=OCI_MANIFEST)
    for reference in ("nothing", ABSENT, f"sha512:{HEX}{HEX}"):
        yield bad("GET", f"/v2/app/manifests/{reference}", "404 MANIFEST_UNKNOWN")
        yield bad("DELETE", f"/v2/app/manifests/{reference}", "404 MANIFEST_UNKNOWN")


@pytest.mark.parametrize("row", [*no_manifests(), *of_what_is_not_there()], ids=label)
def test_it_gets_this_answer_and_changes_nothing(victim: Victim, row: Bad) -> None:
    row.try_on(victim)


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize("kind", ["image", "index"])
def test_all_that_is_missing_is_listed(victim: Victim, kind: str) -> None:
    """So that a client, or a person, learns it in one round."""
    absent = [f"absent {number}".encode() for number in range(3)]
    document = image(*absent, LAYER, config=b"absent") if kind == "image" else index(*absent)
    row = bad("PUT", "/v2/app/manifests/v1", "400 MANIFEST_BLOB_UNKNOWN", document)

    answer = row.try_on(victim)

    expected = [digest_of(data) for data in absent]
    if kind == "image":
        expected.insert(0, digest_of(b"absent"))
    assert [error["detail"]["digest"] for error in answer.json["errors"]] == expected


@pytest.mark.endpoint("end-7a", "PUT")
def test_what_is_missing_is_listed_as_far_as_somebody_may_read_it(victim: Victim) -> None:
    """And the answer says so: it does not get as large as what was sent."""
    row = bad("PUT", "/v2/app/manifests/v1", "400 MANIFEST_BLOB_UNKNOWN", index_of(5000))

    answer = row.try_on(victim)

    assert len(answer.json["errors"]) == 100
    assert {error["message"] for error in answer.json["errors"]} == {
        "5000 blobs and manifests are unknown to the registry, of which the first 100 are listed"
    }
    assert len(answer.body) < 32 * 1024


SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"


@pytest.mark.endpoint("end-7a", "PUT")
@pytest.mark.parametrize(
    "content_type", [f"{SCHEMA_1}+json", f"{SCHEMA_1}+prettyjws", "application/json", ""]
)
def test_schema_1_is_refused_with_what_to_do(victim: Victim, content_type: str) -> None:
    document = {
        "schemaVersion": 1,
        "name": "app",
        "tag": "v1",
        "fsLayers": [{"blobSum": digest_of(LAYER)}],
        "history": [{"v1Compatibility": "{}"}],
        "signatures": [],
    }
    row = bad(
        "PUT", "/v2/app/manifests/v1", "400 MANIFEST_INVALID", document, content_type=content_type
    )

    message = row.try_on(victim).json["errors"][0]["message"]

    assert "schema 1" in message
    assert "push again with Docker 1.10 or newer" in message
