"""Findings about a deployment: what was looked at, how it is, and what to do."""

from dataclasses import dataclass, replace
from enum import StrEnum

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


class FindingState(StrEnum):
    """State of what was looked at."""

    OK = "ok"
    WARN = "warn"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class DeploymentFinding:
    """A finding about a deployment.

    Attributes:
        name: of what was looked at: `proxy`, `name`, `connection`, `tls`, `answer`, `clock`,
            `headers`, `realm`, `login`, `manifest`, `heads`, `paths`, `errors`, `lists`,
            `compression`, `ranges`, `location`, `body`, `chunked`, `bound`, `buffering`,
            `room`, and `rest` for what was not looked at.
        what: a sentence that says how it is.
        advice: what to do, with the line to change; empty if there is nothing to do.
    """

    name: str
    state: FindingState
    what: str
    advice: str = ""

    def named(self, name: str) -> "DeploymentFinding":
        """The same, by the name of what was looked at, unless it has another one."""
        return self if self.name else replace(self, name=name)


def ok(what: str) -> DeploymentFinding:
    """The finding that all is well."""
    return DeploymentFinding("", FindingState.OK, what)


def warn(what: str, advice: str) -> DeploymentFinding:
    """The finding of what works, and should be otherwise."""
    return DeploymentFinding("", FindingState.WARN, what, advice)


def wrong(what: str, advice: str) -> DeploymentFinding:
    """The finding of what keeps clients from their work."""
    return DeploymentFinding("", FindingState.WRONG, what, advice)


def skipped(what: str, advice: str = "") -> DeploymentFinding:
    """The finding that something could not be looked at, and why."""
    return DeploymentFinding("", FindingState.SKIPPED, what, advice)


def no_answer(error: OSError | ValueError) -> DeploymentFinding:
    """The finding that there was no answer, or none that can be read."""
    why = reason(error)
    before, advice = next((each for sign, each in _SIGNS.items() if sign in why), _CUT_OFF)
    return wrong(f"{before}{why}", advice)
