"""The turns of those who ask what is in layers: each has one, however much the others ask for."""

from lading.metadata.layers.askings import Asking, Askings, Wanted


class AskingTurns:
    """The turns of those who ask for a kind of things, one after the other.

    What one of them has asked for last has every second of its turns. So nobody waits for all that
    somebody else has asked for, perhaps in one go, and of which each may take minutes; nor for all
    that was asked for before by the same name, or from the same address.
    """

    def __init__(self, askings: Askings, kind: Wanted) -> None:
        self._askings = askings
        self._kind = kind
        self._last = ""
        self._newest = False

    async def next(self) -> str | None:
        """What is to be found out now; `None` if nothing is asked for."""
        asking = await self._find()
        if asking is None and self._last:  # each of them has had a turn
            self._last, self._newest = "", not self._newest
            asking = await self._find()
        if asking is None:
            return None
        self._last = asking.asker
        return asking.wanted

    async def _find(self) -> Asking | None:
        find = self._askings.find_next
        return await find(self._kind, after=self._last, newest=self._newest)
