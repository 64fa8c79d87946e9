"""Findings about a deployment: what was looked at, how it is, and what to do."""

from dataclasses import dataclass, replace
from enum import StrEnum


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
