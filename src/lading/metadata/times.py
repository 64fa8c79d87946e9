"""Times that lie in the future: a clock that was ahead has written them.

What waits for such a time would wait for years after the clock was set right. So those times that a
collection goes by are set to now: what is in the trash then stays there for as long as it should.
"""

from lading.core.clocks import SLACK
from lading.metadata.noun import Noun
from lading.ports.database import SqlConnection

# Each found by an index: a table, the column, and of which of its rows.
_TIMES = (
    ("manifests", "deleted_at", "deleted_at IS NOT NULL"),
    ("manifests", "loose_at", "loose_at IS NOT NULL"),
    ("manifests", "promised_at", "loose_at IS NOT NULL"),
    ("links", "promised_at", "loose_at IS NOT NULL"),
    # Tags taken away when a manifest was deleted carry the time of that.
    ("tag_history", "at", "digest IS NULL"),
    ("committed_uploads", "at", "TRUE"),
)
_FIND = " OR ".join(
    f"EXISTS (SELECT 1 FROM {table} WHERE {rows} AND {column} > :latest)"
    for table, column, rows in _TIMES
)
_ROBOTS = """
    UPDATE robots SET created_at = :now, expires_at = expires_at - created_at + :now,
        used_at = min(used_at, :now)
    WHERE created_at > :latest
"""


def _any_ahead(connection: SqlConnection, now: float) -> bool:
    (found,) = connection.execute(
        f"SELECT {_FIND} OR EXISTS (SELECT 1 FROM robots WHERE created_at > :latest)",
        {"latest": now + SLACK},
    ).fetchone()
    return bool(found)


def _set_back(connection: SqlConnection, now: float) -> int:
    """A robot is good for as long as it was made for."""
    values = {"now": now, "latest": now + SLACK}
    changed = connection.execute(_ROBOTS, values).rowcount
    for table, column, rows in _TIMES:
        changed += connection.execute(
            f"UPDATE {table} SET {column} = :now WHERE {rows} AND {column} > :latest", values
        ).rowcount
    return changed


class Times(Noun):
    """Times that a collection goes by."""

    async def set_back(self, *, now: float) -> int:
        """Set times that lie in the future to now; how many there were."""
        if not await self._database.scan(lambda connection: _any_ahead(connection, now)):
            return 0
        return await self._database.write(lambda connection: _set_back(connection, now))
