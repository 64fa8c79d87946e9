"""Rows of right logins: hashes of who was right lately, so that any replica knows them again."""

from collections.abc import Collection, Mapping

from lading.metadata import batches
from lading.metadata.noun import Noun
from lading.ports.database import SqlConnection


def _known(connection: SqlConnection, hashes: Collection[str], now: float) -> Mapping[str, float]:
    marks = ", ".join("?" * len(hashes))
    rows = connection.execute(
        f"SELECT hash, ends_at FROM right_logins WHERE hash IN ({marks}) AND ends_at > ?",
        (*hashes, now),
    )
    return dict(rows.fetchall())


def _remember(connection: SqlConnection, ends: Mapping[str, float]) -> None:
    """Keep hashes, in one order for all who do."""
    for hash_, ends_at in sorted(ends.items()):
        connection.execute(
            "INSERT INTO right_logins (hash, ends_at) VALUES (?, ?)"
            " ON CONFLICT (hash) DO UPDATE SET ends_at = excluded.ends_at",
            (hash_, ends_at),
        )


def _clear(connection: SqlConnection, now: float) -> int:
    return connection.execute(
        "DELETE FROM right_logins WHERE hash IN"
        " (SELECT hash FROM right_logins WHERE ends_at <= ? LIMIT ?)",
        (now, batches.MOST_ROWS),
    ).rowcount


class RightLogins(Noun):
    """Right logins, by keyed hashes; what they are of cannot be told from them."""

    async def known(self, hashes: Collection[str], *, now: float) -> Mapping[str, float]:
        """Those of the hashes that are remembered, each with its end."""
        return await self._database.read(_known, hashes, now)

    async def remember(self, ends: Mapping[str, float]) -> None:
        """Remember hashes until their ends. A power cut may forget them."""
        await self._database.write(lambda connection: _remember(connection, ends), durable=False)

    async def clear(self, *, now: float) -> None:
        """Remove some of those that ended."""
        await self._database.write(lambda connection: _clear(connection, now), durable=False)
