"""Lines of the log that any client can cause: one for each address, now and then."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

# Seconds after which an address is named again, and addresses that are named within them.
AGAIN = 600.0
MOST = 100


class ClientWarning:
    """A warning about the client at an address, `%s` in its text."""

    def __init__(self, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._text = text
        self._clock = clock
        self._named: set[str] = set()
        self._until = 0.0

    def give(self, address: str) -> None:
        """Warn, unless that was done a short while ago."""
        now = self._clock()
        if now >= self._until:
            self._named.clear()
            self._until = now + AGAIN
        if address not in self._named and len(self._named) < MOST:
            self._named.add(address)
            log.warning(self._text, address)
