"""Tags that are made of a digest."""

import pytest

from lading.core.digest import SHA256, SHA512, Digest
from lading.core.names import Tag, attachments_of, is_of_cosign, subject_of


@pytest.mark.parametrize("algorithm", [SHA256, SHA512])
def test_the_tags_of_attachments_name_their_subject(algorithm: str) -> None:
    """Of sha512 its first 64 digits, as a tag has 128 characters (Referrers Tag Schema)."""
    digest = Digest.of(b"an image", algorithm)

    tags = attachments_of(digest)

    assert [tag.removeprefix(f"{algorithm}-{digest.hex[:64]}") for tag in tags] == [
        *("", ".sig", ".att", ".sbom")
    ]
    assert all(str(digest).startswith(subject_of(tag)) for tag in tags)
    assert [is_of_cosign(tag) for tag in tags] == [False, True, True, True]


@pytest.mark.parametrize(
    "tag",
    [
        "latest",
        f"sha256-{'a' * 63}",
        f"sha256-{'a' * 65}",
        f"sha256-{'A' * 64}",
        f"md5-{'a' * 64}",
        f"sha256-{'a' * 64}.cosign",
        f"v1-sha256-{'a' * 64}.sig",
        f"sha256-{'a' * 64}.sig.sig",
    ],
)
def test_other_tags_name_none(tag: str) -> None:
    assert subject_of(Tag(tag)) == ""
