"""Conditional requests (RFC 9110, section 13). The entity tag of content is its digest."""

from collections.abc import Mapping

from lading.core.digest import Digest


def etag(digest: Digest) -> str:
    """The strong entity tag of content."""
    return f'"{digest}"'


def is_fresh(headers: Mapping[str, str], digest: Digest) -> bool:
    """Whether `If-None-Match` says that the client has the content already.

    Some clients send the digest without quotes, as CNCF Distribution accepts.
    """
    given = headers.get("if-none-match")
    if given is None:
        return False
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in given.split(",")}
    return digest in tags or "*" in tags


def creates_only(headers: Mapping[str, str]) -> bool:
    """Whether `If-None-Match: *` forbids a PUT to change what is there already.

    "to prevent an unsafe request method … from inadvertently modifying an existing representation
    of the target resource when the client believes that the resource does not have a current
    representation" (RFC 9110, 13.1.2).
    """
    return headers.get("if-none-match", "").strip() == "*"


def range_applies(headers: Mapping[str, str], digest: Digest) -> bool:
    """Whether `If-Range` lets `Range` count: the part is wanted only of this very content."""
    given = headers.get("if-range")
    return given is None or given.strip() == etag(digest)
