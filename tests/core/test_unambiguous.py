"""Manifests that one reader would understand otherwise than another."""

import json
import time
from typing import Any

import pytest

from lading.core import media
from lading.core.digest import SHA256
from lading.core.errors import ManifestInvalid
from lading.core.manifest import EdgeKind, Manifest
from lading.core.manifest_document import parse
from lading.core.unambiguous import require_unambiguous
from tests.support.contents import descriptor

CONFIG = descriptor(b"config", "application/vnd.example.config")
LAYER = descriptor(b"layer")
ELSEWHERE = {**LAYER, "urls": ["https://example.org/"]}
CHILD = descriptor(b"manifest", media.OCI_MANIFEST)

IMAGE = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
INDEX = {"schemaVersion": 2, "manifests": [CHILD]}


def read(document: Any, media_type: str = media.OCI_MANIFEST) -> Manifest:
    return parse(json.dumps(document).encode(), media_type, SHA256)


@pytest.mark.parametrize("layers", [[ELSEWHERE, LAYER], [LAYER, ELSEWHERE], [LAYER, LAYER]])
def test_what_one_descriptor_of_a_blob_requires_is_required(layers: list[Any]) -> None:
    """Else its first descriptor could say that it is elsewhere, and it would go unchecked."""
    _, layer = read({**IMAGE, "layers": layers}).edges

    assert layer.required


def test_a_blob_that_only_urls_lead_to_is_not_required() -> None:
    _, layer = read({**IMAGE, "layers": [ELSEWHERE, ELSEWHERE]}).edges

    assert not layer.required


@pytest.mark.parametrize("urls", [None, [], [None], [""]])
def test_urls_that_lead_nowhere_are_none(urls: list[str | None] | None) -> None:
    _, layer = read({**IMAGE, "layers": [{**LAYER, "urls": urls}]}).edges

    assert layer.required


def test_two_sizes_of_one_blob_are_no_size() -> None:
    sizes = [{**LAYER, "size": size} for size in (5, 6, 5, 7)]

    assert [edge.size for edge in read({**IMAGE, "layers": sizes}).edges] == [CONFIG["size"], None]


def test_a_digest_can_be_of_a_blob_and_of_a_manifest() -> None:
    """Both are looked for: the one may be here, the other need not."""
    document = {"manifests": [LAYER], "blobs": [ELSEWHERE]}

    blob, manifest = read(document, "application/vnd.new+json").edges

    assert (blob.kind, blob.required) == (EdgeKind.LAYER, False)
    assert (manifest.kind, manifest.required) == (EdgeKind.MANIFEST, True)


def renamed(document: Any, place: str, name: str, to: str) -> Any:
    """The document with another name for a field: of itself, or of its parts at a place."""
    if not place:
        return {to if key == name else key: value for key, value in document.items()}
    first, _, rest = place.partition(".")
    value = document[first]
    parts = [
        renamed(part, rest, name, to) for part in (value if isinstance(value, list) else [value])
    ]
    return {**document, first: parts if isinstance(value, list) else parts[0]}


WHOLE = {
    **IMAGE,
    "mediaType": media.OCI_MANIFEST,
    "artifactType": "application/x",
    "subject": CHILD,
    "annotations": {"a": "b"},
    "layers": [{**LAYER, "urls": [], "annotations": {}, "data": "", "artifactType": ""}],
}
WHOLE_INDEX = {
    **INDEX,
    "manifests": [
        {**CHILD, "platform": {"os": "linux", "architecture": "amd64", "os.version": "1"}}
    ],
}
FIELDS = [
    *((WHOLE, "", name) for name in WHOLE),
    *((WHOLE, place, name) for place in ("config", "subject") for name in CONFIG),
    *((WHOLE, "layers", name) for name in WHOLE["layers"][0]),  # type: ignore[index]
    *((WHOLE_INDEX, "manifests", name) for name in (*CHILD, "platform")),
    *((WHOLE_INDEX, "manifests.platform", name) for name in ("os", "architecture", "os.version")),
]


@pytest.mark.parametrize(("document", "place", "name"), FIELDS)
def test_a_field_in_another_case_is_refused(document: Any, place: str, name: str) -> None:
    """Go's decoder reads it as the field, others do not; beside the field or instead of it."""
    media_type = media.OCI_INDEX if document is WHOLE_INDEX else media.OCI_MANIFEST
    for other in (name.upper(), name.capitalize(), name.replace("s", "\u017f", 1)):
        if other == name:
            continue
        with pytest.raises(ManifestInvalid, match=f"read as '{name}'|`{name}`"):
            read({**renamed(document, place, name, other)}, media_type)


@pytest.mark.parametrize(
    "extra",
    [
        {"Manifests": [CHILD]},
        {"MANIFESTS": None},
        {"manife\u017ft\u017f": [CHILD]},
        {"LAYERS": [LAYER]},
        {"\u017fubject": CHILD},
        {"bloBs": []},
        {"fslayers": []},
    ],
)
def test_an_image_cannot_hide_another_document(extra: dict[str, Any]) -> None:
    """The check that it is not an index, too, would not see it (CVE-2021-41190)."""
    with pytest.raises(ManifestInvalid, match="read as"):
        read({**IMAGE, **extra})


def test_an_escaped_name_is_the_name() -> None:
    body = json.dumps(IMAGE).replace('"layers"', '"\\u004cayers"').encode()

    with pytest.raises(ManifestInvalid, match="read as 'layers'"):
        parse(body, media.OCI_MANIFEST, SHA256)


@pytest.mark.parametrize(
    "extra",
    [
        {"annotations": {"Size": "1", "DIGEST": "x", "MediaType": "y"}},
        {"org.example": {"Layers": [], "Digest": 5}},
        {"size": 5, "Size": 6},
        {"layers": [{**LAYER, "architecture": "a", "Architecture": "b", "Layers": []}]},
        {"layers": [{**LAYER, "annotations": {"Digest": "x"}}]},
    ],
)
def test_names_are_free_where_no_reader_looks_for_fields(extra: dict[str, Any]) -> None:
    assert read({**IMAGE, **extra}).edges


@pytest.mark.parametrize(
    "body",
    [
        b'{"schemaVersion": 2, "config": %(c)s, "layers": [], "layers": [%(l)s]}',
        b'{"schemaVersion": 2, "config": %(c)s, "config": %(c)s, "layers": []}',
        b'{"schemaVersion": 2, "config": %(c)s, "layers": [{"digest": "x", %(inner)s}]}',
        b'{"schemaVersion": 2, "config": %(c)s, "layers": [], "\\u006cayers": null}',
        b'{"schemaVersion": 2, "config": %(c)s, "annotations": {"a": "1", "a": "2"}}',
        b'{"schemaVersion": 2, "config": %(c)s, "org.example": [{"a": {"b": 1, "b": 1}}]}',
    ],
)
def test_a_name_that_is_there_twice_is_refused(body: bytes) -> None:
    """Which one counts differs, and Go's decoder mixes the two."""
    parts = {
        b"c": json.dumps(CONFIG).encode(),
        b"l": json.dumps(LAYER).encode(),
        b"inner": json.dumps(LAYER).encode()[1:-1],
    }
    with pytest.raises(ManifestInvalid, match="is twice in one object"):
        parse(body % parts, media.OCI_MANIFEST, SHA256)


@pytest.mark.parametrize("number", ["1e999", "9" * 5000, "-0", "1e-999", "0.1", "12E5"])
def test_numbers_that_nobody_reads_do_not_matter(number: str) -> None:
    body = json.dumps(IMAGE)[:-1] + f', "org.example": [{number}]}}'

    assert parse(body.encode(), media.OCI_MANIFEST, SHA256).edges


@pytest.mark.parametrize(
    "content_type", [media.OCI_MANIFEST.upper(), f" {media.OCI_MANIFEST.title()} ; charset=utf-8"]
)
def test_a_content_type_has_no_case(content_type: str) -> None:
    """ "The type and subtype tokens are case-insensitive" (RFC 9110)."""
    assert read(IMAGE, content_type).media_type == media.OCI_MANIFEST
    for content in ("Application/JSON", "APPLICATION/json; x=y"):
        assert read(IMAGE, content).media_type == media.OCI_MANIFEST
    with pytest.raises(ManifestInvalid, match="or an index"):
        read(IMAGE, media.OCI_INDEX.upper())
    with pytest.raises(ManifestInvalid, match="schema 1"):
        read(IMAGE, "Application/vnd.docker.distribution.manifest.V1+prettyjws")


@pytest.mark.parametrize("content_type", ["", "application/json", media.OCI_MANIFEST])
@pytest.mark.parametrize("known", sorted(media.IMAGES | media.INDEXES))
def test_a_known_type_is_declared_as_it_is_known(known: str, content_type: str) -> None:
    """Else it is an index to who ignores case, and to all others it is nothing that they know."""
    for declared in (known.upper(), known.replace("v", "V", 1)):
        with pytest.raises(ManifestInvalid):
            read({"schemaVersion": 2, "mediaType": declared, "manifests": [CHILD]}, content_type)


def test_many_descriptors_of_one_blob_are_read_in_no_time() -> None:
    """Each with a size of its own: what is remembered of them does not grow."""
    layers = [{**LAYER, "size": size} for size in range(20_000)]

    _, layer = read({**IMAGE, "layers": layers}).edges

    assert (layer.child, layer.size) == (LAYER["digest"], None)


def test_the_name_that_is_there_twice_is_found_in_one_pass() -> None:
    """Comparing each with all others took minutes for an object of 4 MiB."""
    names = [*(str(number) for number in range(100_000)), "99999"]
    body = "{" + ", ".join(f'"{name}": 0' for name in names) + "}"
    began = time.process_time()

    with pytest.raises(ManifestInvalid, match="'99999' is twice in one object"):
        require_unambiguous(body)

    assert time.process_time() - began < 10
