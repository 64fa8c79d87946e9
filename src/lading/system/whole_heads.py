"""Heads of answers that are taken as a whole, or not at all.

Python's own client takes a head that ends with its connection for one that has ended. What came of
it may lack the length of the body, or where a redirect leads, and its status may be half a line.
"""

import io
from http.client import HTTPException, HTTPResponse
from typing import Any


class HeadCutOff(HTTPException):
    """A head that ends with the connection, before its empty line."""

    def __init__(self) -> None:
        super().__init__("the connection is closed within the head of the answer")


class WholeHead(HTTPResponse):
    """An answer of which nothing counts before its head is there."""

    def begin(self) -> None:
        """Read the head.

        Raises:
            HeadCutOff: the connection ends before it does.
        """
        whole = self.fp
        lines: Any = _Lines(whole)
        self.fp = lines
        try:
            super().begin()
        finally:
            self.fp = whole


class _Lines:
    """Lines of a head; an answer without any is told by who reads its status."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._is_begun = False
        self.close = file.close

    def readline(self, most: int) -> bytes:
        line = self._file.readline(most)
        if not line.endswith(b"\n") and len(line) < most and (line or self._is_begun):
            raise HeadCutOff
        self._is_begun = True
        return line
