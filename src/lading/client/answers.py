"""Answers of registries, of which nothing is believed: bodies and times to wait are bounded.

A registry, or what is between, may send more than it said, for ever, or compressed without having
been asked. So bodies are read as they come (no decompression) and up to a bound.
"""

import json
import time
from collections.abc import Iterator
from typing import Any, Protocol, overload
from urllib.parse import urljoin, urlsplit

from lading.client.direct import PORTS
from lading.client.errors import (
    ClientError,
    ContentWrong,
    NoAnswer,
    Unreachable,
    as_line,
    bare,
    no_answer,
    reason,
)

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


class AnswerHeaders(Protocol):
    """Headers of an answer; names in any case."""

    def __contains__(self, name: object, /) -> bool:
        """Whether there is a header of a name."""

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, default: str, /) -> str: ...

    def getlist(self, name: str, /) -> list[str]:
        """The values of a name, one for each line."""


class HostAnswer(Protocol):
    """An answer, its body not read yet: of a connection of our own, or of urllib3's.

    Attributes:
        status: the code of its status line.
    """

    status: int

    @property
    def headers(self) -> AnswerHeaders:
        """The headers of its head."""

    def geturl(self) -> str | None:
        """The address that was asked."""

    def read1(self, most: int, /) -> bytes:
        """The bytes of the body that there are, or come next; none at the end."""

    def stream(self, most: int, /) -> Iterator[bytes]:
        """The body in pieces."""

    def release_conn(self) -> None:
        """Be done with it: its connection may have another request."""

    def close(self) -> None:
        """End its connection."""


class TooSlow(NoAnswer):
    """A body that does not come in its time, and would not the next time."""


def read_bounded(
    answer: HostAnswer, most: int = MOST_DOCUMENT, seconds: float = _MOST_SECONDS
) -> bytes:
    """The body of an answer, which has to come in so many seconds; its connection is given back.

    Raises:
        ContentWrong: it is longer than `most` bytes.
        HTTPError, OSError: the connection is cut, or the body is too short, or too slow.
    """
    pieces, length, until = [], 0, time.monotonic() + seconds
    try:
        # None are asked for at the bound: a connection that gives none is one that was closed.
        while length <= most:
            piece = _read_piece(answer, min(_PIECE, most + 1 - length), until)
            if not piece:
                break
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


def read_document(
    answer: HostAnswer, url: str, most: int = MOST_DOCUMENT, seconds: float = _MOST_SECONDS
) -> dict[str, Any]:
    """The JSON object that an answer has, which has to come in so many seconds.

    Raises:
        ClientError: it is none, or it does not come whole.
    """
    try:
        body = read_bounded(answer, most, seconds)
    except no_answer() as error:
        raise cut_off(url, error) from error
    return parse_document(answer, url, body)


def cut_off(url: str, error: Exception) -> ClientError:
    """The error of an answer that does not come whole."""
    return Unreachable(
        f"{bare(url)}: the answer is cut off: {reason(error)}",
        advice="a proxy between may bound the time or the size of an answer",
    )


def parse_document(answer: HostAnswer, url: str, body: bytes) -> dict[str, Any]:
    """The JSON object that the body of an answer is.

    Raises:
        ClientError: it is none.
    """
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
    said, _ = _read_some(answer, _ERROR_SECONDS)
    dismiss(answer)
    return said


def dismiss(answer: HostAnswer) -> None:
    """Be done with an answer: its connection is kept unless much of the body is left."""
    _, ended = _read_some(answer, _LEFT_SECONDS)
    if ended:
        answer.release_conn()
    else:
        answer.close()


def _read_some(answer: HostAnswer, seconds: float) -> tuple[bytes, bool]:
    """What comes of a body within bounds, and whether that is all; nothing if it is cut off."""
    said, until = b"", time.monotonic() + seconds
    try:
        while len(said) < _MOST_LEFT:
            piece = _read_piece(answer, _MOST_LEFT - len(said), until)
            if not piece:
                return said, True
            said += piece
    except no_answer():
        return b"", False
    return said, False


def _read_piece(answer: HostAnswer, most: int, until: float) -> bytes:
    """The bytes that there are, or come next; none at the end.

    Raises:
        HTTPError, OSError: the connection is cut, or the body is none, or it is late.
    """
    if time.monotonic() > until:
        raise TooSlow("it does not end")
    try:
        return answer.read1(most)
    except ValueError as error:  # http.client's, of a chunk whose length is below zero
        raise NoAnswer(f"its length is none: {error}") from error


def asked_wait(answer: HostAnswer) -> float:
    """The seconds that an answer says to wait, by `Retry-After`; 0 if it says nothing.

    It is a number of seconds or a time (RFC 9110, 10.2.3), by the clock of who says it; what is
    neither is not regarded.
    """
    said = answer.headers.get("retry-after", "")[:64].strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    until = moment(said)
    if until is None:
        return 0.0
    return max(0.0, until - (moment(answer.headers.get("date", "")) or time.time()))


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
    """An address that an answer names, seen from where the answer is of.

    Raises:
        ClientError: it is none.
    """
    try:
        return urljoin(base, place)
    except ValueError as error:
        raise ClientError(f"{bare(base)} names {bare(place)!r}, which is no address") from error


def origin(url: str) -> tuple[str, str, int]:
    """The scheme, the host and the port of a whole address; nothing of what is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0
