"""The port of locks: each of a digest, held while bytes get or lose their final name."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from lading.core.digest import Digest


class Locks(Protocol):
    """Locks of digests, against all workers; those of a process that dies are free again."""

    def lock(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Lock a digest for the length of a block, as soon as nobody else has it locked."""

    def lock_free(self, digests: Sequence[Digest]) -> AbstractAsyncContextManager[Sequence[Digest]]:
        """Lock those of the digests that nobody has locked; never waits. Yields those."""
