"""Media types of manifests, and what they mean here."""

import re

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})

SCHEMA_1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)

# "Layers with this media type … are not distributable": clients need not push their bytes
# (image-spec layer.md, Non-Distributable Layers; Docker's image manifest v2, schema 2).
_NOT_DISTRIBUTED = re.compile(
    r"application/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)"
)

# RFC 6838, section 4.2: type and subtype names.
_MEDIA_TYPE = re.compile(
    r"[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}"
)


def is_media_type(text: str) -> bool:
    """Whether the text is a media type without parameters (RFC 6838)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def is_json(media_type: str) -> bool:
    """Whether the media type says JSON: `application/json` or a `+json` suffix (RFC 6839)."""
    return media_type.endswith(("/json", "+json"))


def is_distributed(media_type: str) -> bool:
    """Whether a registry is expected to hold the bytes of a layer of this type."""
    return _NOT_DISTRIBUTED.match(media_type) is None


def without_parameters(content_type: str) -> str:
    """`application/x; charset=utf-8` → `application/x`."""
    return content_type.partition(";")[0].strip()
