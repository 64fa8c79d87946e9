"""Deletions of many objects in one request, each of which the store may refuse.

A bucket's policy may deny it, and objects may be under retention, one of them among many that are
not: the answer says of each what became of it.
Source: DeleteObjects (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).
"""

import base64
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from lading.blobs.s3.attempts import RefusedRequest

log = logging.getLogger(__name__)

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
# What may pass, of one object as of a whole request.
_PASSING = frozenset({"InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"})
_GONE = "NoSuchKey"
_RESULT = "DeleteResult"


class RefusedObject(NamedTuple):
    """An object that the store refuses to delete, and why, in its words."""

    key: str
    why: str


def document_of(keys: Sequence[str]) -> bytes:
    """The body of a request that deletes objects; its answer names those only that stay."""
    document = ET.Element("Delete", xmlns=_NAMESPACE)
    ET.SubElement(document, "Quiet").text = "true"
    for key in keys:
        ET.SubElement(ET.SubElement(document, "Object"), "Key").text = key
    return ET.tostring(document)


def headers_of(document: bytes) -> Mapping[str, str]:
    """The headers that such a request has beside its signature."""
    summed = hashlib.md5(document, usedforsecurity=False).digest()
    return {"content-md5": base64.b64encode(summed).decode()}


def refusals_in(answer: bytes) -> Sequence[RefusedObject]:
    """The objects that stay, by the answer.

    Raises:
        RefusedRequest: some of them stay for a reason that may pass.
        ConnectionError: it cannot be read.
    """
    try:
        found = ET.fromstring(answer)  # noqa: S314 - our own store's
    except ET.ParseError as error:
        raise ConnectionError(f"the answer to a deletion cannot be read: {error}") from error
    if found.tag.rpartition("}")[2] != _RESULT:  # S3 may answer 200 with an `Error` (its API)
        raise ConnectionError(f"the answer to a deletion is none: {answer[:200]!r}")
    errors = [
        (_text(each, "Key"), _text(each, "Code"), each) for each in found.iterfind("{*}Error")
    ]
    for _, code, _ in errors:
        if code in _PASSING:
            raise RefusedRequest(503, code.encode())
    return [
        RefusedObject(key, f"{code}: {_text(each, 'Message')}")
        for key, code, each in errors
        if code != _GONE
    ]


def warn_of(refusals: Sequence[RefusedObject]) -> None:
    """Say in the log that objects stay which nothing needs, and what to do about it."""
    if refusals:
        log.warning(
            "the object store refuses to delete %d objects that nothing needs (%s): they stay, and"
            " take room; allow the key of storage.s3 `s3:DeleteObject`, in its policy and in the"
            " bucket's, or wait until their retention is over, if the bucket has such a lock",
            len(refusals),
            refusals[0].why,
        )


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""
