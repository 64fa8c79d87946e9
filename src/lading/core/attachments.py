"""Attachments: what clients keep beside an image, under a tag that is made of the image's digest.

cosign keeps signatures, attestations and SBOMs so; where a registry cannot list referrers, clients
keep an index of them so (distribution-spec, Referrers Tag Schema).
"""

import re

from lading.core.digest import Digest
from lading.core.names import Tag

# "Set the `<tag>` to `<alg>-<ref>`" with "`<ref>` … truncated to 64 characters" (Referrers Tag
# Schema): the index of referrers. cosign puts an ending behind it.
_ENDINGS = ("", ".sig", ".att", ".sbom")
_TAG = re.compile(r"(sha256|sha512)-([0-9a-f]{64})(|\.sig|\.att|\.sbom)", re.ASCII)


def tags_of(digest: Digest) -> tuple[Tag, ...]:
    """The tags of a manifest's attachments."""
    return tuple(Tag(f"{digest.algorithm}-{digest.hex[:64]}{ending}") for ending in _ENDINGS)


def subject_of(tag: Tag) -> str:
    """The digest of the manifest that an attachment belongs to, of sha512 its beginning."""
    match = _TAG.fullmatch(tag)
    return "" if match is None else f"{match[1]}:{match[2]}"


def is_of_cosign(tag: Tag) -> bool:
    """Whether an attachment's tag is one that only cosign gives."""
    return tag.endswith(_ENDINGS[1:])
