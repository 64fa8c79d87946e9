"""Failures of a deployment to answer: what they are, in words, and where to look."""

from lading.client.doctor.findings import DeploymentFinding, wrong
from lading.client.errors import reason

_LOOK = (
    "look at the log of what listens there; a proxy's times may be too short"
    " (`proxy_read_timeout`, HAProxy's `timeout server`)"
)
_NO_HTTP = (
    "check the port, and what listens there: clients speak HTTP/1.1 with it (a proxy that takes"
    " HTTP/2 alone, or wants a line of its own first, as by `proxy_protocol`, cannot be asked)"
)
NOT_COMPRESSED = "the body is not compressed as its Content-Encoding says"
"""What is said of a body that cannot be decompressed."""

# By what the reason has in it: what is said before it, and what to do.
_SIGNS = {
    "closed without an answer": ("", _LOOK),
    "speaks no HTTP/1.1": ("", _NO_HTTP),
    NOT_COMPRESSED: (
        "",
        "have the proxy change no bodies, and pass that header on as it is (`gzip off;`)",
    ),
    "got more than": (
        "the head of the answer is larger than clients take: ",
        "have the proxy add fewer and shorter headers",
    ),
}
_CUT_OFF = ("there is no answer, or one that is cut off: ", _LOOK)


def no_answer(error: OSError | ValueError) -> DeploymentFinding:
    """The finding that there was no answer, or none that can be read."""
    why = reason(error)
    before, advice = next((each for sign, each in _SIGNS.items() if sign in why), _CUT_OFF)
    return wrong(f"{before}{why}", advice)
