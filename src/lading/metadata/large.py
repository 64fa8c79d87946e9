"""Bodies of large manifests: read in a thread, one at a time, and kept for a moment.

A whole fleet that pulls one large manifest at once would else hold up the event loop for each, and
hold its bytes as often as it is asked for.
"""

import asyncio

from lading.core.digest import Digest
from lading.core.recent import Recent
from lading.ports.database import Database, SqlConnection

# Bytes up to which a body is read on the event loop, with its row.
SMALL = 64 * 1024
# Bytes that are kept: a few of the largest manifests.
CAPACITY = 8 * 1024 * 1024


class LargeBodies:
    """Bodies that were asked for lately, each with the digest that its bytes have."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bodies: Recent[Digest, bytes] = Recent(CAPACITY, len)
        self._reading = asyncio.Lock()

    async def read(self, digest: Digest, id_: int) -> tuple[bytes | None, bool]:
        """The body of a manifest, and whether it is the one of that digest.

        Args:
            digest: of the manifest.
            id_: of its row; `None` is returned if that has been deleted meanwhile.
        """
        async with self._reading:  # whoever waits holds nothing
            if (known := self._bodies.get(digest)) is not None:
                return known, True

            body, intact = await self._database.scan(
                lambda connection: _read(connection, digest, id_)
            )
            if body is not None and intact:
                self._bodies.put(digest, body)
            return body, intact


def _read(connection: SqlConnection, digest: Digest, id_: int) -> tuple[bytes | None, bool]:
    row = connection.execute("SELECT body FROM documents WHERE id = ?", (id_,)).fetchone()
    return (None, False) if row is None else (row[0], digest.names(row[0]))
