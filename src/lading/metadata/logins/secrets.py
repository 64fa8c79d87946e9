"""Rows of secrets: small documents that all replicas of a registry have, and nobody else."""

import math
from collections.abc import Callable

from lading.core.typing import override
from lading.metadata.noun import reading, writing
from lading.ports.database import Database, SqlConnection
from lading.ports.logins import Secret


def find(connection: SqlConnection, name: str) -> bytes | None:
    """The content of a secret."""
    row = connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


def replace(connection: SqlConnection, name: str, before: bytes | None, after: bytes) -> bool:
    """Replace what a secret says; false if that is not `before` (`None`: nothing) any more."""
    if before is None:
        changed = connection.execute(
            "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, after)
        )
    else:
        changed = connection.execute(
            "UPDATE secrets SET value = ? WHERE name = ? AND value = ?", (after, name, before)
        )
    return changed.rowcount == 1


class Secrets:
    """Secrets by their names."""

    def __init__(self, database: Database) -> None:
        self.find = reading(database, find)
        self.replace = writing(database, replace)


class SecretRow(Secret):
    """A secret as a row, which all replicas share.

    Args:
        secrets: all of them.
        name: of this one.
        clock: in seconds; it only goes forward.
    """

    # Else whoever sends unknown names of keys would have the database asked with each request.
    staleness = 1.0

    def __init__(self, secrets: Secrets, name: str, clock: Callable[[], float]) -> None:
        self._secrets = secrets
        self._name = name
        self._clock = clock
        self._looked_at = -math.inf
        self.place = f"the row {name!r} of the table `secrets`"

    @override
    def may_have_changed(self) -> bool:
        now = self._clock()
        if now - self._looked_at < self.staleness:
            return False
        self._looked_at = now
        return True

    @override
    async def read(self) -> bytes | None:
        return await self._secrets.find(self._name)

    @override
    async def replace(self, before: bytes | None, after: bytes) -> bool:
        return await self._secrets.replace(self._name, before, after)
