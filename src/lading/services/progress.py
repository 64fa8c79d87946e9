"""Progress of long work: who is told, step by step, how far an adoption or a migration is."""


class StepProgress:
    """The progress of some work: who is told how far it is. Of this itself, nobody is."""

    def wait(self, holder: str, seconds: float) -> None:
        """Another process does the same, which is waited for, or its lease of some seconds."""

    def begin(self, step: str, length: int) -> None:
        """A step begins, and ends the one before it.

        Args:
            step: in a few words.
            length: how many parts it has: rows, bytes, files; 0 if that is not known.
        """

    def advance(self, count: int, /) -> None:
        """So many parts of the step are done."""
