"""Large answers that are the same for many: a manifest that a whole fleet pulls is kept once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lading.edge.budget import Budget
from lading.edge.response import Response
from lading.edge.spool import Spool


class _Kept:
    """A body, and how many are being sent it."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.users = 0


class SharedSpools:
    """Bodies that wait for their clients, by their digests.

    Args:
        memory: what they may take of the worker's memory.
        directory: where files may be made; `None` for the system's.
    """

    def __init__(self, memory: Budget, directory: Path | None) -> None:
        self._memory = memory
        self._directory = directory
        self._kept: dict[str, _Kept] = {}

    @asynccontextmanager
    async def keep(self, response: Response) -> AsyncIterator[Spool]:
        """The body of a response, for the length of the block; its response has it no more.

        Raises:
            StorageFull, Unavailable: there is neither memory nor room on the disk for it.
        """
        # "If the Docker-Content-Digest header is present … its value MUST be … the digest of" what
        # is sent (distribution-spec, Pulling manifests).
        digest = response.headers.get("Docker-Content-Digest", "")
        kept = self._kept.get(digest) or _Kept(Spool(self._memory, self._directory))
        kept.users += 1
        try:
            data = response.take_bytes()
            if not kept.spool.size:
                await kept.spool.append(data)
                if digest:
                    self._kept.setdefault(digest, kept)
            del data
            yield kept.spool
        finally:
            kept.users -= 1
            if not kept.users:
                if self._kept.get(digest) is kept:
                    del self._kept[digest]
                kept.spool.close()
