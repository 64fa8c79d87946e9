"""Media types of manifests, and what they mean here."""

import re

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
ACCEPT = ", ".join(sorted(IMAGES | INDEXES))
"""What a client says that it takes."""

SCHEMA_1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)

_KNOWN = IMAGES | INDEXES | SCHEMA_1 | {"application/json"}

# "Layers with this media type … are not distributable": clients need not push their bytes
# (image-spec layer.md, Non-Distributable Layers; Docker's image manifest v2, schema 2).
_NOT_DISTRIBUTED = re.compile(
    r"application/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)"
)

# RFC 6838, section 4.2: type and subtype names.
_MEDIA_TYPE = re.compile(
    r"[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}"
)


def is_json(text: str) -> bool:
    """Whether it is a media type, and says JSON: `application/json`, or `+json` (RFC 6839)."""
    return _MEDIA_TYPE.fullmatch(text) is not None and text.endswith(("/json", "+json"))


def is_distributed(media_type: str) -> bool:
    """Whether a registry is expected to hold the bytes of a layer of this type."""
    return _NOT_DISTRIBUTED.match(media_type) is None


def names_manifest(media_type: str) -> bool:
    """Whether a descriptor of this type, in an index, is of a manifest.

    BuildKit's cache is an index of blobs. What says no type is a manifest, as an index holds them.
    """
    return not media_type or "manifest" in media_type or media_type in INDEXES


def of_header(content_type: str) -> str:
    """The media type of a `Content-Type`: without parameters, and a known one as it is known.

    "The type and subtype tokens are case-insensitive" (RFC 9110, 8.3.1).
    """
    media_type = content_type.partition(";")[0].strip()
    lowered = media_type.lower()
    return lowered if lowered in _KNOWN else media_type


def is_misspelled(media_type: str) -> bool:
    """Whether it is a known type in another case, which only some clients know to be that."""
    return media_type not in _KNOWN and media_type.lower() in _KNOWN
