"""Notes of pulls, from answers that have left: when each tag and manifest was last pulled."""

from lading.core.typing import override
from lading.edge.endpoints import Match
from lading.edge.observers import Answered, Observer
from lading.services.figures import PullNotes

# The second one is of a client that has the content already.
_PULLED = frozenset({200, 304})


class PullObserver(Observer):
    """An observer of pulls, which notes them in memory.

    Who gets a manifest pulls it, and the tag by which it was asked for. Most clients only ask for
    the digest of a tag (`HEAD`) and then get that, so this is a pull of the tag, too; of a digest
    it is what clients ask before a push.
    """

    def __init__(self, notes: PullNotes) -> None:
        self._notes = notes

    @override
    def note(self, answered: Answered) -> None:
        if answered.status not in _PULLED or not isinstance(answered.found, Match):
            return
        endpoint = answered.endpoint
        if endpoint is None or endpoint.audited.name not in {"manifest.pull", "manifest.find"}:
            return
        digest = answered.digest if endpoint.audited.name == "manifest.pull" else ""
        name, reference = answered.found.name or "", answered.found.argument
        if digest or reference != answered.digest:
            self._notes.note(name, reference, digest, answered.at, answered.request.caller)
