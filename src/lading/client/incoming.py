"""Bytes that come by a connection: heads, and what is around chunks, each of it in one time.

Else a server that sends a byte of those now and then, or `100 Continue` for ever, would be waited
for as long as it does.
"""

import socket
import struct
import time

from lading.client.answer_parser import AnswerParser
from lading.client.opening import Connection


def wait_at_most(connection: Connection, seconds: float) -> None:
    """Wait no longer for what a connection is asked for.

    Without TLS the system does that. Python would ask it before each call whether the call would
    wait, and let other threads run, which takes longer than the call.
    """
    if hasattr(connection, "pending"):
        connection.settimeout(seconds)
        return
    whole = int(seconds)
    limit = struct.pack("@ll", whole, max(1, int((seconds - whole) * 1e6)))
    connection.settimeout(None)
    for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, way, limit)


def read_on(connection: Connection, answer: AnswerParser, most: int, seconds: float) -> None:
    """Read until there is more of an answer: its head, bytes of its body, or its end.

    Args:
        most: bytes of the body.
        seconds: in which all of that has to come, and for which the connection waits for bytes.

    Raises:
        OSError: it does not come, or is none.
    """
    until = time.monotonic() + seconds
    # Most comes at once, in the time that the connection has anyway.
    if _read_some(connection, answer, most):
        return
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer does not end, and no more of it comes")
        wait_at_most(connection, left)
        if _read_some(connection, answer, most):
            break
    wait_at_most(connection, seconds)


def _read_some(connection: Connection, answer: AnswerParser, most: int) -> bool:
    """Read the bytes that there are, or come next; whether there is more of the answer now."""
    try:
        data = connection.recv(most if answer.status else answer.room)
    except BlockingIOError:
        raise TimeoutError("timed out") from None
    if data:
        return answer.feed(data)
    answer.end()
    return True
