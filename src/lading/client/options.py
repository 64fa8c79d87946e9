"""Options of a session with a registry."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class SessionOptions(NamedTuple):
    """The options of a session: how to speak with a host.

    Attributes:
        plain_http: whether HTTP without TLS is spoken; this machine is asked by both.
        insecure: whether any certificate is taken.
        authorities: a file with further authorities, in PEM.
        at_once: how many requests may be under way at a time.
        retries: how often a request is tried again.
        refused_retries: how often that is where connections are refused and nobody has answered
            yet: most likely nobody will. Who has answered starts anew, and is waited for.
        connect_seconds, read_seconds: how long is waited for a connection, and for bytes.
        on_wait: is told of each time that is waited: the status or the error, and the seconds.
        kept_uploads: a folder where addresses of unfinished uploads are kept for another run.
    """

    plain_http: bool = False
    insecure: bool = False
    authorities: Path | None = None
    at_once: int = 8
    retries: int = 5
    refused_retries: int = 2
    connect_seconds: float = 20.0
    read_seconds: float = 120.0
    on_wait: Callable[[str, float], None] | None = None
    kept_uploads: Path | None = None
