"""Heads of answers, read as lines of names and values.

Python reads them as those of e-mail, which takes half of the work of a request that has no body.
"""

from collections.abc import Iterable, Iterator
from http.client import HTTPException, HTTPMessage, LineTooLong
from io import BufferedIOBase
from typing import Any

from lading.core.typing import override
from lading.system.whole_heads import HeadCutOff

# As Python's own client has it.
_MOST_LINE = 65536
_MOST_HEADERS = 100
_ENDS = frozenset({b"\r\n", b"\n"})


class MessageHeaders(HTTPMessage):
    """Headers of an answer, in their order; to be read, not changed."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self._pairs = pairs

    @override
    def items(self) -> list[tuple[str, str]]:
        return self._pairs

    @override
    def get(self, name: str, failobj: Any = None) -> Any:
        wanted = name.lower()
        return next((value for own, value in self._pairs if own.lower() == wanted), failobj)

    @override
    def get_all(self, name: str, failobj: Any = None) -> Any:
        wanted = name.lower()
        return [value for own, value in self._pairs if own.lower() == wanted] or failobj

    @override
    def get_payload(self, *_: Any, **__: Any) -> Any:
        return None


def read_headers(file: BufferedIOBase) -> MessageHeaders:
    """The headers of an answer, up to the empty line after them.

    Raises:
        HeadCutOff: the connection ends before that line. What came may lack the length of the body,
            which would be taken for all that comes until the end.
        HTTPException: there are too many, or one is too long.
    """
    return MessageHeaders(_pairs_of(_lines(file)))


def _lines(file: BufferedIOBase) -> Iterator[str]:
    for _ in range(_MOST_HEADERS + 1):
        line = file.readline(_MOST_LINE + 1)
        if len(line) > _MOST_LINE:
            raise LineTooLong("header line")
        if not line.endswith(b"\n"):
            raise HeadCutOff
        if line in _ENDS:
            return
        yield line.decode("iso-8859-1")
    raise HTTPException(f"got more than {_MOST_HEADERS} headers")


def _pairs_of(lines: Iterable[str]) -> list[tuple[str, str]]:
    """The names and values of header lines.

    A line without a colon is passed over; one that begins with a space goes on with the one before
    (RFC 9112, 5.2: "replace each received obs-fold with one or more SP octets").
    """
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line[0] in " \t":
            if pairs:
                name, value = pairs[-1]
                pairs[-1] = name, f"{value} {line.strip()}".strip()
            continue
        name, colon, value = line.partition(":")
        if colon and name.strip():
            pairs.append((name.strip(), value.strip()))
    return pairs
