"""Reading manifests: what they are, what they need, and what is none."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core import media
from lading.core.digest import SHA256, SHA512, Digest
from lading.core.errors import DigestInvalid, ManifestInvalid, ManifestTooLarge
from lading.core.images.contents import layers_of
from lading.core.images.summaries import summarize
from lading.core.manifest import Edge, EdgeKind, Manifest
from lading.core.manifest_document import annotations_of, parse
from tests.support.contents import descriptor

# Withdrawn before OCI 1.1, but pushed by oras 0.15 and ORAS-based tools of its time.
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
CONFIG = descriptor(b"config", "application/vnd.example.config")
LAYER = descriptor(b"layer")
MANIFEST = descriptor(b"manifest", media.OCI_MANIFEST)
SUBJECT = descriptor(b"subject", media.OCI_MANIFEST)

IMAGE = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
INDEX = {"schemaVersion": 2, "manifests": [MANIFEST]}


def read(document: Any, content_type: str = "", algorithm: str = SHA256) -> Manifest:
    """Parse a document as pushed with a content type."""
    return parse(json.dumps(document).encode(), content_type, algorithm)


def edge(kind: EdgeKind, of: dict[str, Any], *, required: bool = True) -> Edge:
    """Return the reference that a descriptor makes."""
    return Edge(kind, Digest(of["digest"]), of["size"], required)


@pytest.mark.parametrize("media_type", [media.OCI_MANIFEST, media.DOCKER_MANIFEST])
def test_an_image_needs_its_config_and_layers(media_type: str) -> None:
    """Docker's and OCI's are alike; the bytes are kept as they came."""
    body = json.dumps(IMAGE, indent=3).encode()
    manifest = parse(body, media_type, SHA256)

    assert (manifest.body, manifest.digest) == (body, Digest.of(body))
    assert manifest.media_type == media_type
    assert manifest.edges == (edge(EdgeKind.CONFIG, CONFIG), edge(EdgeKind.LAYER, LAYER))
    assert manifest.subject is None
    assert manifest.annotations == b"{}"


@pytest.mark.parametrize("media_type", [media.OCI_INDEX, media.DOCKER_LIST])
def test_an_index_needs_its_manifests(media_type: str) -> None:
    """Docker's list and OCI's index are alike."""
    manifest = read(INDEX, media_type)

    assert manifest.edges == (edge(EdgeKind.MANIFEST, MANIFEST),)
    assert manifest.artifact_type == ""


def test_an_artifact_needs_its_blobs() -> None:
    """The kind that OCI withdrew, and that ORAS pushed."""
    document = {"mediaType": OCI_ARTIFACT, "artifactType": "application/x", "blobs": [LAYER]}
    manifest = read(document, OCI_ARTIFACT)

    assert manifest.edges == (edge(EdgeKind.LAYER, LAYER),)
    assert manifest.artifact_type == "application/x"


def test_other_media_types_are_accepted() -> None:
    """Of manifests that are yet to be invented; their references are followed all the same."""
    manifest = read(
        {"mediaType": "application/vnd.new+json", "layers": [LAYER]}, "application/vnd.new+json"
    )

    assert manifest.media_type == "application/vnd.new+json"
    assert manifest.edges == (edge(EdgeKind.LAYER, LAYER),)


def test_the_digest_has_the_algorithm_asked_for() -> None:
    """It is the pusher's choice."""
    assert read(IMAGE, media.OCI_MANIFEST, SHA512).digest.algorithm == SHA512


@pytest.mark.parametrize("content_type", ["", "application/json", "application/json; charset=x"])
@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (IMAGE, media.OCI_MANIFEST),
        (INDEX, media.OCI_INDEX),
        ({**IMAGE, "mediaType": media.DOCKER_MANIFEST}, media.DOCKER_MANIFEST),
    ],
)
def test_without_a_content_type_the_document_says_what_it_is(
    content_type: str, document: dict[str, Any], expected: str
) -> None:
    """By its mediaType, or by its shape."""
    assert read(document, content_type).media_type == expected


def test_parameters_of_a_content_type_are_ignored() -> None:
    """As in `…; charset=utf-8`."""
    assert read(IMAGE, f"{media.OCI_MANIFEST}; charset=utf-8").media_type == media.OCI_MANIFEST


def test_the_artifact_type_is_that_of_the_manifest_or_of_its_config() -> None:
    """ "If the `artifactType` is empty or missing … the `mediaType` of the config" (referrers)."""
    assert read(IMAGE).artifact_type == CONFIG["mediaType"]
    assert read({**IMAGE, "artifactType": "application/x"}).artifact_type == "application/x"
    assert read({**IMAGE, "artifactType": ""}).artifact_type == CONFIG["mediaType"]


EMPTY = {"schemaVersion": 2, "mediaType": ""}
NO_SIZE = {"digest": CONFIG["digest"]}


@pytest.mark.parametrize("media_type", [media.OCI_MANIFEST, media.DOCKER_MANIFEST])
@pytest.mark.parametrize(
    "document",
    [
        {**EMPTY, "config": CONFIG},
        {**IMAGE, "mediaType": None, "layers": None, "subject": None, "annotations": None},
        {**IMAGE, "artifactType": None, "manifests": None, "blobs": None, "fsLayers": None},
        {**IMAGE, "config": {**NO_SIZE, "mediaType": None, "urls": None}, "layers": []},
        {**IMAGE, "config": {**NO_SIZE, "size": None, "mediaType": ""}, "layers": [NO_SIZE]},
        {**IMAGE, "subject": NO_SIZE, "config": NO_SIZE},
    ],
)
def test_what_an_image_leaves_out_is_empty(document: dict[str, Any], media_type: str) -> None:
    """Or `null`: so clients in Go read it, and so there are images like that."""
    manifest = read(document, media_type)

    assert manifest.media_type == media_type
    assert manifest.edges[0].child == CONFIG["digest"]
    assert manifest.edges[0].size == (document["config"].get("size") or 0)
    assert manifest.artifact_type == (document["config"].get("mediaType") or "")


@pytest.mark.parametrize("media_type", [media.OCI_INDEX, media.DOCKER_LIST])
@pytest.mark.parametrize(
    "document",
    [
        EMPTY,
        {**EMPTY, "manifests": None},
        {**EMPTY, "manifests": [], "layers": None, "config": None, "subject": None},
        {**INDEX, "mediaType": None, "manifests": [NO_SIZE]},
        {**INDEX, "manifests": [{**NO_SIZE, "size": None, "mediaType": None, "platform": None}]},
        {**INDEX, "artifactType": None, "annotations": None, "blobs": None, "fsLayers": None},
    ],
)
def test_what_an_index_leaves_out_is_empty(document: dict[str, Any], media_type: str) -> None:
    """Likewise; an index of nothing is one, too."""
    manifest = read(document, media_type)

    assert manifest.media_type == media_type
    assert len(manifest.edges) == len(document.get("manifests") or [])


def test_an_annotation_without_a_value_is_empty() -> None:
    """As above; the referrers list shows it as such."""
    annotated = read({**IMAGE, "annotations": {"a": None, "b": "c"}})
    assert json.loads(annotated.annotations) == {"a": "", "b": "c"}


def test_the_subject_is_no_need() -> None:
    """What a manifest is about need not exist."""
    manifest = read({**IMAGE, "subject": SUBJECT})

    assert manifest.subject == SUBJECT["digest"]
    assert manifest.subject not in {edge.child for edge in manifest.edges}


def test_what_is_named_twice_is_needed_once() -> None:
    """As the empty layer is in many images."""
    manifest = read({**IMAGE, "layers": [LAYER, LAYER, CONFIG]})

    assert [edge.child for edge in manifest.edges] == [CONFIG["digest"], LAYER["digest"]]


@pytest.mark.parametrize(
    "layer",
    [
        {**LAYER, "urls": ["https://example.org/"]},
        {**LAYER, "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
        {**LAYER, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
    ],
)
def test_layers_from_elsewhere_are_not_required(layer: dict[str, Any]) -> None:
    """Clients need not push them (image-spec layer.md, Non-Distributable Layers)."""
    _, found = read({**IMAGE, "layers": [layer]}).edges

    assert not found.required


@pytest.mark.parametrize("urls", [None, []])
def test_layers_without_urls_are_required(urls: list[str] | None) -> None:
    """Whichever way a client says that there are none."""
    _, found = read({**IMAGE, "layers": [{**LAYER, "urls": urls}]}).edges

    assert found.required


@pytest.mark.parametrize(
    ("document", "content_type", "reason"),
    [
        ([], media.OCI_MANIFEST, "got `array`"),
        ("text", media.OCI_MANIFEST, "got `str`"),
        (None, media.OCI_MANIFEST, "got `null`"),
        ({}, media.OCI_MANIFEST, "no schemaVersion"),
        ({}, "", "no mediaType"),
        ({**IMAGE, "schemaVersion": 1}, media.OCI_MANIFEST, "schemaVersion must be 2"),
        ({**IMAGE, "schemaVersion": "2"}, media.OCI_MANIFEST, "schemaVersion"),
        ({**IMAGE, "schemaVersion": 2.0}, media.OCI_MANIFEST, "schemaVersion"),
        ({**IMAGE, "config": None}, media.DOCKER_MANIFEST, "must have a `config`"),
        ({"schemaVersion": 2}, media.OCI_MANIFEST, "must have a `config`"),
        ({**IMAGE, "config": {}}, media.OCI_MANIFEST, r"`digest` - at `\$.config`"),
        ({**IMAGE, "layers": [{}]}, media.OCI_MANIFEST, r"`\$.layers\[0\]`"),
        ({**INDEX, "manifests": [None]}, media.OCI_INDEX, r"`\$.manifests\[0\]`"),
        *(
            (document, media_type, "an image, with .* or an index")
            for media_type in sorted({*media.IMAGES, *media.INDEXES, "application/vnd.new+json"})
            for document in (
                {**IMAGE, **INDEX},
                {**INDEX, "layers": []},
                {**INDEX, "config": CONFIG},
            )
        ),
        (IMAGE, media.OCI_INDEX, "or an index"),
        (INDEX, media.OCI_MANIFEST, "or an index"),
        ({"schemaVersion": 2, "layers": []}, media.DOCKER_LIST, "or an index"),
        ({**IMAGE, "manifests": []}, media.DOCKER_MANIFEST, "or an index"),
        ({**IMAGE, "mediaType": media.OCI_MANIFEST}, media.DOCKER_MANIFEST, "must be the same"),
        (IMAGE, "text/plain", "not a media type of manifests"),
        (IMAGE, "application/octet-stream", "not a media type of manifests"),
        (IMAGE, "nonsense\r\nX: y+json", "not a media type of manifests"),
        ({**IMAGE, "config": {**CONFIG, "size": -1}}, media.OCI_MANIFEST, ">= 0 .*config.size"),
        ({**IMAGE, "config": {**CONFIG, "size": 2**63}}, media.OCI_MANIFEST, "size"),
        ({**IMAGE, "config": {**CONFIG, "size": 10**30}}, media.OCI_MANIFEST, "size"),
        ({**IMAGE, "config": {**CONFIG, "size": 1.5}}, media.OCI_MANIFEST, "size"),
        ({**IMAGE, "annotations": {"a": 1}}, media.OCI_MANIFEST, "annotations"),
    ],
)
def test_what_is_no_manifest(document: Any, content_type: str, reason: str) -> None:
    """Each is told what is wrong with it."""
    with pytest.raises(ManifestInvalid, match=reason):
        read(document, content_type)


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        ({"schemaVersion": 1, "fsLayers": [], "name": "a"}, ""),
        ({"schemaVersion": 1, "fsLayers": []}, "application/json"),
        ({"schemaVersion": 1}, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (IMAGE, "application/vnd.docker.distribution.manifest.v1+json"),
    ],
)
def test_dockers_old_schema_is_refused_with_what_to_do(
    document: dict[str, Any], content_type: str
) -> None:
    """By its media type, or by what is in it."""
    with pytest.raises(ManifestInvalid, match="skopeo copy"):
        read(document, content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"schemaVersion": 2',
        b"\xff\xfe",
        b'{"schemaVersion": 2, "x": "\xff"}',
        b'{"schemaVersion": 2, "annotations": {"a": "\\ud800"}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schemaVersion": 2} {}',
    ],
)
def test_what_is_no_json(body: bytes) -> None:
    """Cut off, not UTF-8, nested beyond measure, or more than one document."""
    with pytest.raises(ManifestInvalid):
        parse(body, media.OCI_MANIFEST, SHA256)


@pytest.mark.parametrize("where", ["config", "subject"])
def test_references_have_supported_digests(where: str) -> None:
    """What could not be verified is not kept."""
    with pytest.raises(DigestInvalid):
        read({**IMAGE, where: {**CONFIG, "digest": "md5:0123"}})


KEYS = st.sampled_from(
    [
        "schemaVersion",
        "mediaType",
        "config",
        "layers",
        "blobs",
        "manifests",
        "subject",
        "digest",
        "size",
        "urls",
        "annotations",
        "artifactType",
        "fsLayers",
        "other",
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([2, CONFIG, LAYER, MANIFEST, media.OCI_MANIFEST, media.OCI_INDEX]),
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=20,
)


@given(document=DOCUMENTS, content_type=st.sampled_from(["", *media.IMAGES, *media.INDEXES]))
def test_any_document(document: Any, content_type: str) -> None:
    """Is a manifest, or is refused as one. Nothing else can happen."""
    with contextlib.suppress(ManifestInvalid, DigestInvalid):
        manifest = read(document, content_type)
        assert manifest.digest == Digest.of(manifest.body)


@given(body=st.binary(max_size=60))
def test_any_bytes(body: bytes) -> None:
    """Likewise."""
    with contextlib.suppress(ManifestInvalid, DigestInvalid):
        parse(body, media.OCI_MANIFEST, SHA256)


@pytest.mark.parametrize(
    "document",
    [
        {**IMAGE, "layers": [LAYER, LAYER]},
        {**IMAGE, "blobs": [LAYER]},
        {"schemaVersion": 2, "manifests": [MANIFEST] * 3},
    ],
)
def test_a_manifest_may_name_only_so_much(document: dict[str, Any]) -> None:
    """Wherever it is named, and be it the same again: each place is read."""
    content_type = "" if "layers" not in document else media.OCI_MANIFEST
    body = json.dumps(document).encode()

    assert parse(body, content_type, SHA256, max_descriptors=3).digest == Digest.of(body)
    with pytest.raises(ManifestTooLarge, match="names 3 blobs and manifests, and at most 2"):
        parse(body, content_type, SHA256, max_descriptors=2)


def test_of_too_many_descriptors_none_is_read() -> None:
    """That would take the interpreter from others; what is wrong in them is not found."""
    children = [{"digest": number} for number in range(100)]
    body = json.dumps({"schemaVersion": 2, "manifests": children}).encode()
    with pytest.raises(ManifestTooLarge, match="names 100 blobs and manifests"):
        parse(body, media.OCI_INDEX, SHA256, max_descriptors=20)
    with pytest.raises(ManifestInvalid, match="digest"):
        parse(body, media.OCI_INDEX, SHA256, max_descriptors=100)


@pytest.mark.parametrize(
    "document",
    [
        {**IMAGE, "artifactType": "application/a\x00b"},
        {**IMAGE, "config": {**CONFIG, "mediaType": "\x00"}},
    ],
)
def test_a_type_with_nul_in_it_is_refused(document: Any) -> None:
    """PostgreSQL has no text with it, so such a manifest could not be moved there either."""
    with pytest.raises(ManifestInvalid, match="NUL"):
        read(document)


@pytest.mark.parametrize(
    "body",
    [
        b'{"annotations": {"a": "b"}, "z": ' + 10**5 * b"[" + 10**5 * b"]" + b"}",
        b'{"annotations": {"a": "b"}, "z": "\xff"}',
        b'{"annotations"',
    ],
    ids=["deep", "no text", "half"],
)
def test_what_cannot_be_read_any_more_says_nothing(body: bytes) -> None:
    """How deeply Python reads depends on where it does: what a push could read, a list may not."""
    assert annotations_of(body) in {b"{}", b'{"a":"b"}'}
    assert layers_of(body, media.OCI_MANIFEST) == []
    assert summarize(body, media.OCI_MANIFEST).layers == 0
