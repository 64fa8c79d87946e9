"""Failures of a deployment to answer: what they are, in words, and where to look."""

from http.client import BadStatusLine, HTTPException, RemoteDisconnected, UnknownProtocol

from urllib3.exceptions import DecodeError

from lading.client.doctor.findings import DeploymentFinding, wrong
from lading.client.errors import cause_of, reason

_LOOK = (
    "look at the log of what listens there; a proxy's times may be too short"
    " (`proxy_read_timeout`, HAProxy's `timeout server`)"
)
_NO_HTTP = (
    "check the port, and what listens there: clients speak HTTP/1.1 with it (a proxy that takes"
    " HTTP/2 alone, or wants a line of its own first, as by `proxy_protocol`, cannot be asked)"
)


def no_answer(name: str, error: Exception) -> DeploymentFinding:
    """The finding that there was no answer, or none that can be read."""
    cause = cause_of(error)
    if isinstance(cause, RemoteDisconnected):
        return wrong(name, reason(error), _LOOK)
    if isinstance(cause, BadStatusLine | UnknownProtocol):
        return wrong(name, reason(error), _NO_HTTP)
    if isinstance(cause, DecodeError):
        return wrong(
            name,
            "the body is not compressed as its Content-Encoding says",
            "have the proxy change no bodies, and pass that header on as it is (`gzip off;`)",
        )
    if isinstance(cause, HTTPException) and "got more than" in str(cause):
        return wrong(
            name,
            f"the head of the answer is larger than clients take: {cause}",
            "have the proxy add fewer and shorter headers",
        )
    what = f"there is no answer, or one that is cut off: {reason(error)}"
    return wrong(name, what, _LOOK)
