"""Answers of registries, of which nothing is believed: bodies and times to wait are bounded.

A registry, or what is between, may send more than it said, for ever, or compressed without having
been asked. So bodies are read as they come (no decompression) and up to a bound.
"""

import email.utils
import json
import time
from typing import Any
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError

from lading.client.errors import ClientError, ContentWrong, bare

Answered = urllib3.response.BaseHTTPResponse

# Of lists, of referrers and of manifests; no registry takes manifests as large as this.
MOST_DOCUMENT = 32 * 1024 * 1024
# What is left of a body is read up to this, which costs less than another connection.
_MOST_LEFT = 64 * 1024
_PIECE = 256 * 1024


def read_bounded(answer: Answered, most: int = MOST_DOCUMENT) -> bytes:
    """The body of an answer, its connection given back.

    Raises:
        ContentWrong: it is longer than `most` bytes.
        HTTPError: the connection is cut, or the body is shorter than was said.
    """
    pieces, length = [], 0
    try:
        while piece := answer.read(min(_PIECE, most + 1 - length)):
            pieces.append(piece)
            length += len(piece)
    except BaseException:
        answer.close()
        raise
    if length > most:
        answer.close()
        raise ContentWrong(
            f"{bare(answer.geturl() or '')}: the answer has more than {most} bytes",
            advice="check that this is the registry that you mean",
        )
    answer.release_conn()
    return b"".join(pieces)


def read_document(answer: Answered, url: str, most: int = MOST_DOCUMENT) -> dict[str, Any]:
    """The JSON object that an answer has.

    Raises:
        ClientError: it is none, or it does not come whole.
    """
    try:
        found = json.loads(read_bounded(answer, most))
    except (HTTPError, OSError) as error:
        raise ClientError(f"{bare(url)}: the answer is cut off: {error}") from error
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    raise ClientError(f"{bare(url)} is answered with what is no JSON", status=answer.status)


def read_error(answer: Answered) -> bytes:
    """The beginning of what an answer says of an error; empty if it is cut off."""
    try:
        said = answer.read(_MOST_LEFT)
    except (HTTPError, OSError):
        said = b""
    dismiss(answer)
    return said


def dismiss(answer: Answered) -> None:
    """Be done with an answer: its connection is kept unless much of the body is left."""
    try:
        ended = len(answer.read(_MOST_LEFT)) < _MOST_LEFT
    except (HTTPError, OSError):
        ended = False
    if ended:
        answer.release_conn()
    else:
        answer.close()


def asked_wait(answer: Answered) -> float:
    """The seconds that an answer says to wait, by `Retry-After`; 0 if it says nothing.

    It is a number of seconds or a time (RFC 9110, 10.2.3); what is neither is not regarded.
    """
    said = answer.headers.get("retry-after", "")[:64].strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        moment = email.utils.parsedate_to_datetime(said)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def address(base: str, place: str) -> str:
    """An address that an answer names, seen from where the answer is of.

    Raises:
        ClientError: it is none.
    """
    try:
        return urljoin(base, place)
    except ValueError as error:
        raise ClientError(f"{bare(base)} names {bare(place)!r}, which is no address") from error
