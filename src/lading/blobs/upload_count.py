"""How many uploads are unfinished in all: counted now and then, and about right in between.

Counting takes a look at each, so it is not done for each that begins. What other workers begin
between two counts goes unseen: some seconds' worth, which a limit in all has to bear.
"""

# Seconds for which a count is good, and uploads that a worker begins until it counts again.
MAX_AGE = 5.0
MAX_BEGUN = 100


class UploadCount:
    """The last count of uploads, and what was begun here since.

    Attributes:
        number: how many there are, about.
    """

    number = 0
    _begun = MAX_BEGUN
    _at = 0.0

    def is_due(self, now: float) -> bool:
        """Whether to count again; whoever is told so does, and others go on meanwhile."""
        if self._begun < MAX_BEGUN and 0 <= now - self._at < MAX_AGE:
            return False
        self._begun, self._at = 0, now
        return True

    def counted(self, count: int) -> None:
        """Take in a count of all."""
        self.number = count + self._begun

    def begun(self) -> None:
        """Count one more."""
        self._begun += 1
        self.number += 1
