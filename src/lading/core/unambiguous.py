"""Unambiguous documents: those that mean the same to every reader.

JSON leaves open what a name means that an object has twice, and clients in Go read `Manifests`,
too, where `manifests` is looked for. So one document could be an image to the registry, which keeps
what that needs, and an index to who pulls it. Such documents are refused.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lading.core.errors import ManifestInvalid

# What clients look for (image-spec manifest.md, image-index.md, descriptor.md; Docker's schemas).
_OF_DOCUMENTS = frozenset(
    {"schemaVersion", "mediaType", "artifactType", "config", "layers", "blobs", "manifests"}
    | {"subject", "annotations", "fsLayers"}
)
_OF_DESCRIPTORS = frozenset(
    {"mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"}
)
_OF_PLATFORMS = frozenset(
    {"architecture", "os", "os.version", "os.features", "variant", "features"}
)
_BY_CASEFOLD = {name.casefold(): name for name in _OF_DOCUMENTS | _OF_DESCRIPTORS | _OF_PLATFORMS}


def require_unambiguous(text: str) -> None:
    """Go on only if the names in JSON, as a stricter reader took it already, leave no choice.

    Raises:
        ManifestInvalid: a name is in one object twice, or is like that of a field.
    """
    document = _DECODER.decode(text)
    if not isinstance(document, dict):
        return
    _require_exact(document, _OF_DOCUMENTS)
    for descriptor in _descriptors(document):
        _require_exact(descriptor, _OF_DESCRIPTORS)
        platform = descriptor.get("platform")
        if isinstance(platform, dict):
            _require_exact(platform, _OF_PLATFORMS)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, if its names are unique, as they "SHOULD be" (RFC 8259, section 4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)  # once, as there may be some 100,000
        twice = next(name for name in found if times[name] > 1)
        raise ManifestInvalid(f"{twice[:256]!r} is twice in one object; give it once")
    return found


# Made once: `json.loads` makes one for each document.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str)


def _descriptors(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is in all places of a document where a descriptor belongs, if it is an object."""
    found = [document.get("config"), document.get("subject")]
    for name in ("layers", "blobs", "manifests"):
        values = document.get(name)
        if isinstance(values, list):
            found += values
    return [value for value in found if isinstance(value, dict)]


def _require_exact(found: Mapping[str, Any], fields: frozenset[str]) -> None:
    """Go on if no name is a field's but for its case, as Go folds it: U+212A is a `k`, to it."""
    if found.keys() <= fields:
        return
    for name in found.keys() - fields:
        field = _BY_CASEFOLD.get(name.casefold())
        if field in fields:
            raise ManifestInvalid(
                f"there is a field {name!r}, which some clients read as {field!r}; write that"
            )
