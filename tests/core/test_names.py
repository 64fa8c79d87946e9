"""Names of repositories, tags and uploads: the specification's grammars."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.core.digest import Digest
from lading.core.errors import DigestInvalid, NameInvalid, TagInvalid, UploadUnknown
from lading.core.names import RepositoryName, Tag, UploadId, parse_reference

LONGEST = "a" * 255


@pytest.mark.parametrize(
    "name",
    ["a", "0", "library/hello-world", "a.b_c__d-e--f/0/1", "a---b", "a/b/c/d/e", LONGEST],
)
def test_repository_names(name: str) -> None:
    """ "`<name>` MUST match …" (distribution-spec, Pulling manifests)."""
    assert RepositoryName(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "library/Hello",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        ".a",
        "a.",
        "a..b",
        "a._b",
        "a___b",
        "-a",
        "a-",
        "a_",
        "a b",
        "a\n",
        "a\0",
        "ä",
        "٣",
        "a:b",
        "a@b",
        "a%2fb",
        LONGEST + "a",
    ],
)
def test_what_is_no_repository_name(name: str) -> None:
    """Whatever could mean something else in a path or in a list is none."""
    with pytest.raises(NameInvalid):
        RepositoryName(name)


@pytest.mark.parametrize("tag", ["a", "_", "1.0", "V1.0-rc.1", "latest", "a" * 128])
def test_tags(tag: str) -> None:
    """ "at most 128 characters in length" (distribution-spec)."""
    assert Tag(tag) == tag


@pytest.mark.parametrize(
    "tag", ["", ".", ".a", "-a", "a/b", "a:b", "a b", "a\n", "é", "a" * 129, "a+b"]
)
def test_what_is_no_tag(tag: str) -> None:
    """It MUST match `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec)."""
    with pytest.raises(TagInvalid):
        Tag(tag)


@given(st.text(alphabet="aA0/._-:%\\ \0\nä", max_size=12))
def test_no_name_leaves_its_place(text: str) -> None:
    """No accepted name has an empty part, a part of dots, or anything but plain characters."""
    for kind in (RepositoryName, Tag):
        try:
            name = kind(text)
        except (NameInvalid, TagInvalid):
            continue
        for part in name.split("/"):
            assert re.fullmatch(r"[\w.-]+", part, re.ASCII)
            assert part.strip(".")


def test_an_upload_is_named_by_a_uuid() -> None:
    """In lower case, so that each has one name; what is none is the name of no upload."""
    made = uuid.uuid4()
    assert UploadId.of(made) == UploadId(str(made)) == str(made)
    for text in ("", "a", str(made).upper(), made.hex, f"../{made}", f"{made}\n"):
        with pytest.raises(UploadUnknown):
            UploadId(text)


def test_a_reference_is_a_tag_or_a_digest() -> None:
    """No tag has a colon in it, and every digest has."""
    digest = Digest.of(b"")
    assert isinstance(parse_reference("latest"), Tag)
    assert isinstance(parse_reference(digest), Digest)
    with pytest.raises(DigestInvalid):
        parse_reference("latest:1")
    with pytest.raises(TagInvalid):
        parse_reference("a" * 129)
