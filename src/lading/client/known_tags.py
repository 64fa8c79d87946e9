"""Tags of a place that is copied from or to, read once where to ask for each costs more."""

import threading

from lading.client.errors import ClientError
from lading.client.places import ImagePlace

# Where the tags are not told: by the registry's rules, or because it has no such list.
_HIDES_TAGS = frozenset({401, 403, 405})


class KnownTags:
    """Tags of a place, as they were when they were first needed.

    Attributes:
        known: all of them; `None` if they were not read, or if the place does not tell them.
    """

    def __init__(self, place: ImagePlace) -> None:
        self.known: frozenset[str] | None = None
        self._place = place
        self._was_read = False
        self._lock = threading.Lock()

    def read(self) -> frozenset[str] | None:
        """All tags, read unless they were; none where the repository is not there."""
        with self._lock:
            if not self._was_read:
                self.known = self._ask()
                self._was_read = True
        return self.known

    def lacks(self, wanted: str) -> bool:
        """Whether it is known that the place does not have a tag, or nothing of any digest."""
        if self.known is None:
            return False
        return not self.known if ":" in wanted else wanted not in self.known

    def _ask(self) -> frozenset[str] | None:
        try:
            return frozenset(self._place.tags())
        except ClientError as error:
            if error.status == 404:
                return frozenset()
            if error.status in _HIDES_TAGS:
                return None
            raise
