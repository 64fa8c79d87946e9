"""Refusals, noted: which requests were refused, and who signed in, for those who run a registry.

The audit log has all of them; pages show the last ones without reading files.
"""

from lading.core.errors import RegistryError
from lading.core.history import NotedRefusal
from lading.metadata.shown.events import Refusals

# Seconds between writing down what was noted.
REFUSAL_NOTES_INTERVAL = 20.0
# Different ones that are noted in that time; of one who tries a thousand things not all are.
MOST_NOTED = 200


class RefusalNotes:
    """Notes of refusals, in the memory of a worker until they are written down together.

    What is the same but for its time is noted once, with how often it was. A crash forgets those of
    the last moment.
    """

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._noted: dict[NotedRefusal, tuple[float, int]] = {}

    def note(self, refusal: NotedRefusal) -> None:
        """Note a refusal; its time does not tell it from others."""
        key = refusal._replace(at=0.0, times=0)
        _, times = self._noted.get(key, (0.0, 0))
        if times or len(self._noted) < MOST_NOTED:
            self._noted[key] = refusal.at, times + 1

    async def write_down(self) -> None:
        """Write down what was noted since the last time; if that raises, it is kept until then."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        rows = [key._replace(at=at, times=times) for key, (at, times) in noted.items()]
        try:
            await self._refusals.add(sorted(rows))
        except RegistryError:
            self._noted = noted | self._noted
            raise
