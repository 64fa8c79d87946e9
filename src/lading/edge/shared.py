"""Large answers that are the same for many: a manifest that a whole fleet pulls waits once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lading.core.errors import Unavailable
from lading.edge.budget import BodyBudgets
from lading.edge.response import Response
from lading.edge.spool import Spool


class _Shared:
    """A body that several clients are sent, and how many."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.users = 0
        self.filling = asyncio.Lock()
        self.begun = False
        self.filled = False


class SharedSpools:
    """Bodies that wait for their clients, by their digests.

    Args:
        budgets: that they take of.
    """

    def __init__(self, budgets: BodyBudgets) -> None:
        self._budgets = budgets
        self._shared: dict[str, _Shared] = {}

    @asynccontextmanager
    async def share(self, response: Response) -> AsyncIterator[Spool]:
        """The body of a response, for the length of the block; its response has it no more.

        Raises:
            StorageFull, Unavailable: there is neither memory nor room on the disk for it.
        """
        # "If the Docker-Content-Digest header is present … its value MUST be … the digest of" what
        # is sent (distribution-spec, Pulling manifests).
        digest = response.headers.get("Docker-Content-Digest", "")
        shared = self._shared.get(digest) or _Shared(Spool(self._budgets))
        if digest:
            self._shared[digest] = shared
        shared.users += 1
        try:
            await self._fill(shared, response)
            yield shared.spool
        finally:
            shared.users -= 1
            if not shared.users:
                self._shared.pop(digest, None)
                shared.spool.close()

    async def _fill(self, shared: _Shared, response: Response) -> None:
        """Put the body where it waits, unless another one's of that digest is there."""
        data = response.take_bytes()
        if shared.filling.locked():
            data = b""  # another one's is on its way; nobody holds bytes while they wait for it
        async with shared.filling:
            if shared.filled:
                return
            if shared.begun:  # and failed, so that there may be a part of it
                raise Unavailable("the body cannot be kept for its client; try again later")
            shared.begun = True
            await shared.spool.append(data)
            shared.filled = True
