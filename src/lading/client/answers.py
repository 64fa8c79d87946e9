"""Answers of registries, of which nothing is believed: bodies and times to wait are bounded.

A registry, or what is between, may send more than it said, for ever, or compressed without having
been asked. So bodies are read as they come (no decompression) and up to a bound.
"""

import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from lading.client.errors import (
    ClientError,
    ContentWrong,
    NoAnswer,
    Unreachable,
    as_line,
    bare,
    reason,
)
from lading.client.kept_connections import HostAnswer
from lading.system.proxies import DEFAULT_PORTS

TAKEN = (201, 202, 204)
"""What is said of a blob or a manifest that was taken: 201 as the specification has it, or others.

No 200: that is what a proxy says with a page of its own.
"""

# Of lists, of referrers and of manifests; no registry takes manifests as large as this.
MOST_DOCUMENT = 32 * 1024 * 1024
# What is left of a body is read up to this, which costs less than another connection.
_MOST_LEFT = 64 * 1024
# Seconds: for a document as large as it may be, by a slow line; for what an error says; for what is
# left of a body.
_MOST_SECONDS = 300.0
_ERROR_SECONDS = 5.0
_LEFT_SECONDS = 1.0
_PIECE = 256 * 1024


class TooSlow(NoAnswer):
    """A body that does not come in its time, and would not the next time."""


def read_bounded(
    answer: HostAnswer, most: int = MOST_DOCUMENT, seconds: float = _MOST_SECONDS
) -> bytes:
    """The body of an answer, which has to come in so many seconds; its connection is given back.

    Raises:
        ContentWrong: it is longer than `most` bytes.
        OSError: the connection is cut, or the body is too short, or too slow.
    """
    try:
        # With the byte by which a longer one is known.
        body, has_ended = read_some(answer, most + 1, seconds)
    finally:
        answer.close()
    if not has_ended:
        raise ContentWrong(
            f"{bare(answer.url)}: the answer has more than {most} bytes",
            advice="check that this is the registry that you mean",
        )
    return body


def cut_off(url: str, error: OSError) -> ClientError:
    """The error of an answer that does not come whole."""
    return Unreachable(
        f"{bare(url)}: the answer is cut off: {reason(error)}",
        advice="a proxy between may bound the time or the size of an answer",
    )


def parse_document(answer: HostAnswer, url: str, body: bytes) -> dict[str, Any]:
    """The JSON object that the body of an answer is; a `ClientError` if it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    coding = as_line(answer.headers.get("content-encoding", "identity"))
    how = "" if coding == "identity" else f", but {coding}, which nobody asked for"
    raise ClientError(f"{bare(url)} is answered with what is no JSON{how}", status=answer.status)


def read_error(answer: HostAnswer) -> bytes:
    """The beginning of what an answer says of an error; empty if it is cut off."""
    said = b""
    with suppress(OSError):
        said, _ = read_some(answer, _MOST_LEFT, _ERROR_SECONDS)
    dismiss(answer)
    return said


def dismiss(answer: HostAnswer) -> None:
    """Be done with an answer: its connection is kept unless much of the body is left."""
    with suppress(OSError):
        read_some(answer, _MOST_LEFT, _LEFT_SECONDS)
    answer.close()


def read_some(answer: HostAnswer, most: int, seconds: float) -> tuple[bytes, bool]:
    """What comes of a body up to so many bytes, and whether it ended before.

    Raises:
        TooSlow: it takes longer.
        OSError: the connection is cut, or the body is none.
    """
    pieces, length, until = list[bytes](), 0, time.monotonic() + seconds
    while length < most:
        if time.monotonic() > until:
            raise TooSlow("it does not end")
        piece = answer.read1(min(_PIECE, most - length))
        if not piece:
            return b"".join(pieces), True
        pieces.append(piece)
        length += len(piece)
    return b"".join(pieces), False


def asked_wait(answer: HostAnswer) -> float:
    """The seconds that an answer says to wait, by `Retry-After`; 0 if it says nothing.

    It is a number of seconds or a time (RFC 9110, 10.2.3), by the clock of who says it; what is
    neither is not regarded.
    """
    said = answer.headers.get("retry-after")[:64].strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    until = moment(said)
    if until is None:
        return 0.0
    return max(0.0, until - (moment(answer.headers.get("date")) or time.time()))


def moment(said: str) -> float | None:
    """A time of HTTP in seconds; `None` if it is none."""
    if not said:
        return None
    import email.utils  # noqa: PLC0415 - it takes long to load

    try:
        return email.utils.parsedate_to_datetime(said[:64]).timestamp()
    except (ValueError, OverflowError):
        return None


def address(base: str, place: str) -> str:
    """An address that an answer names, seen from where it is of; a `ClientError` if it is none."""
    try:
        return urljoin(base, place)
    except ValueError as error:
        raise ClientError(f"{bare(base)} names {bare(place)!r}, which is no address") from error


def origin(url: str) -> tuple[str, str, int]:
    """The scheme, the host and the port of a whole address; nothing of what is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0
