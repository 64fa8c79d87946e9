"""Manifests that are not as they should be, and exist all the same: they can be mirrored."""

from collections.abc import Mapping

from tests.support.pushes import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Json,
    Repository,
    descriptor,
    digest_of,
    encode,
    image,
    index,
)

LAYER = b"a layer of an odd image"
_CONFIG = {"mediaType": OCI_CONFIG, "digest": digest_of(b"{}")}
_CHILD = descriptor(encode(image()), OCI_MANIFEST)

ODD: Mapping[str, Json] = {
    "no-layers": {**image(), "layers": None},
    "no-type": {**image(), "mediaType": ""},
    "no-size": {**image(), "config": _CONFIG},
    "wrong-size": image(layers=[{**descriptor(LAYER), "size": 3}]),
    "index-of-wrong-size": index(manifests=[{**_CHILD, "size": 5}]),
    "index-of-nothing": {**index(), "manifests": None},
}


def push_odd_manifests(repository: Repository) -> None:
    """Push all of them, each under its name."""
    repository.push_image("", LAYER)
    repository.push_manifest(image())
    for name, document in ODD.items():
        content_type = OCI_INDEX if "manifests" in document else OCI_MANIFEST
        answer = repository.put_manifest(encode(document), name, content_type=content_type)
        assert answer.status == 201, (name, answer)


def assert_mirrored(repository: Repository) -> None:
    """All are there, byte for byte."""
    for name, document in ODD.items():
        assert repository.ask("GET", f"/manifests/{name}").body == encode(document), name
