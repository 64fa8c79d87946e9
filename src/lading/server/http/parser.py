"""An HTTP/1.1 parser that declines every offer to speak another protocol, and goes on.

Java's and curl's clients offer HTTP/2 with requests of any kind (`Upgrade: h2c`). "A server MAY
ignore a received Upgrade header field" (RFC 9110, 7.8), but llhttp does not: it takes what follows
the head, a body or the next request, for the other protocol, and does not parse it.
"""

from array import array
from collections.abc import Callable

import httptools


class NoMoreRequests(Exception):
    """What comes now is behind the last request of the connection."""


class DecliningParser(httptools.HttpRequestParser):
    """A parser of one connection.

    Args:
        protocol: what is told about requests, see httptools.
        declined: called when an offer was declined, where the next request would start.
    """

    def __init__(self, protocol: object, declined: Callable[[], None]) -> None:
        super().__init__(protocol)
        # Whether a request is the last one is decided where it is answered. The parser would decide
        # by what it heard last, which may be a trailer; and then it would not even take the body
        # of a request whose upgrade was declined.
        self.set_dangerous_leniencies(lenient_keep_alive=True)
        self._declined = declined

    def feed_data(self, data: "bytes | bytearray | memoryview | array[int]") -> None:
        """Take bytes from the connection.

        Raises:
            HttpParserError: they are not HTTP.
        """
        while len(data):
            try:
                super().feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = memoryview(data)[offer.args[0] :]
                self._declined()
            else:
                return
