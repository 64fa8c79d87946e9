"""The port of locks: each of a digest, held while bytes get or lose their final name."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from lading.core.digest import Digest
from lading.ports.database import Work


class Locks(Protocol):
    """Locks of digests, against all workers; those of a process that dies are free again."""

    def lock(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Lock a digest for the length of a block, as soon as nobody else has it locked."""

    def lock_free(self, digests: Sequence[Digest]) -> AbstractAsyncContextManager[Sequence[Digest]]:
        """Lock those of the digests that nobody has locked; never waits. Yields those."""

    def lock_by_rows(self, digest: Digest) -> Work[bool] | None:
        """The work that locks a digest for the rest of its transaction, unless somebody has it.

        It never waits, and returns whether it is locked. `None` where locks are not the database's.
        """
        return None
