"""Asks with the real curl, as a person would, and reads the answer as it came over the wire."""

from dataclasses import dataclass
from email.parser import BytesHeaderParser

from tests.support.client import Answer
from tests.support.network import MACHINE, Network


@dataclass(frozen=True)
class Response(Answer):
    """An answer, byte for byte as curl received it."""

    @property
    def text(self) -> str:
        """The body without the newline at its end."""
        return self.body.decode().rstrip("\n")


def curl(url: str, *options: str, stdin: bytes = b"", network: Network = MACHINE) -> Response:
    """Ask for `url` with curl's own options; any status is an answer, no answer fails the test."""
    words = ("curl", "--silent", "--show-error", "--include", "--max-time", "120", *options, url)
    return _parse(network.run(*words, stdin=stdin).stdout)


def _parse(received: bytes) -> Response:
    head, _, rest = received.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    if line.split()[1] == b"100":
        return _parse(rest)
    return Response(line.decode(), BytesHeaderParser().parsebytes(fields), rest)
