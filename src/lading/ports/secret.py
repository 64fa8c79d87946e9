"""The port of secrets: what all processes of a registry know, and nobody else."""

from typing import Protocol


class Secret(Protocol):
    """A secret that any process may read, and replace as a whole.

    Attributes:
        place: where it is, for a person.
        staleness: seconds for which a process may go on with what it has read; 0 if it notices any
            change at once.
    """

    place: str
    staleness: float

    def may_have_changed(self) -> bool:
        """Whether to read it again; false for `staleness` seconds after it was last true."""

    async def read(self) -> bytes | None:
        """The content of the secret; `None` if there is none yet.

        Raises:
            AuthUnusable, Unavailable: it cannot be read.
        """

    async def replace(self, before: bytes | None, after: bytes) -> bool:
        """Have it say something else, durably; false if it does not say `before` any more.

        Raises:
            AuthUnusable, Unavailable, StorageFull: it cannot be written.
        """
