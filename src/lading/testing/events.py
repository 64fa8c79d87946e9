"""Events of a registry for tests: what clients have asked it for, and what they got."""

from dataclasses import dataclass

from lading.core.typing import override
from lading.edge.endpoints import Match
from lading.edge.observers import Answered, Observer


@dataclass(frozen=True, slots=True)
class RegistryEvent:
    """A request that was answered.

    Attributes:
        what: it asked for, as the audit log says it: `manifest.push`, `blob.pull`, `tags.list`, …;
            empty if the registry knows no such request.
        repository: empty if it was about none.
        reference: the last part of the path: a tag, a digest, an upload.
        digest: of what was pushed or pulled; empty if the answer named none.
        status: of the answer; 499 if the client did not wait for it, 0 if it was cut off.
        user: who was logged in; empty for anybody.
        size: bytes of the answer's body.
    """

    what: str
    method: str
    path: str
    repository: str
    reference: str
    digest: str
    status: int
    user: str
    size: int


class EventList(Observer):
    """The `events` so far, in the order in which the answers left."""

    def __init__(self) -> None:
        self.events: list[RegistryEvent] = []

    @override
    def note(self, answered: Answered) -> None:
        request, found, endpoint = answered.request, answered.found, answered.endpoint
        match = found if isinstance(found, Match) else None
        self.events.append(
            RegistryEvent(
                what="" if endpoint is None else endpoint.audited.name_of(request),
                method=request.method,
                path=request.path,
                repository=(match and match.name) or "",
                reference="" if match is None else match.argument,
                digest=answered.digest,
                status=answered.status,
                user=request.caller,
                size=answered.size,
            )
        )
