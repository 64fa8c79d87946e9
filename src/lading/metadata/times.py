"""Times that lie in the future: a clock that was ahead has written them.

What waits for such a time would wait for years after the clock was set right. So those times that a
collection goes by are set to now: what is in the trash then stays there for as long as it should.
"""

from lading.core.clocks import SLACK
from lading.metadata import batches
from lading.metadata.noun import reading
from lading.ports.database import Database, SqlConnection

# A table, its key, the column, and of which of its rows: those that an index has, or that are few.
_TIMES = (
    ("manifests", "id", "deleted_at", "deleted_at IS NOT NULL"),
    ("manifests", "id", "loose_at", "loose_at IS NOT NULL"),
    ("manifests", "id", "promised_at", "loose_at IS NOT NULL"),
    ("links", "repository_id, digest", "promised_at", "loose_at IS NOT NULL"),
    # Tags taken away when a manifest was deleted carry the time of that.
    ("tag_history", "id", "at", "digest IS NULL"),
    ("committed_uploads", "upload", "at", "TRUE"),
    ("pulls", "repository_id, reference", "at", "TRUE"),
    ("trees", "id", "asked_at", "TRUE"),
    ("overlays", "key", "asked_at", "TRUE"),
    ("objects", "key", "unused_at", "unused_at IS NOT NULL"),
    # Who wrote to an upload and died has let go of it by now.
    ("uploads", "key", "leased_until", "leased_until IS NOT NULL"),
    ("robots", "name", "used_at", "used_at IS NOT NULL"),
)
_FIND = " OR ".join(
    f"EXISTS (SELECT 1 FROM {table} WHERE {rows} AND {column} > :latest)"
    for table, _, column, rows in _TIMES
)
_SET_BACK = tuple(
    f"""
    UPDATE {table} SET {column} = :now WHERE {column} > :latest AND ({key}) IN (
        SELECT {key} FROM {table} WHERE {rows} AND {column} > :latest LIMIT :most)
    """
    for table, key, column, rows in _TIMES
)
# The time at which a store has refused to delete an object stands there times -1.
_REFUSED_AHEAD = "FROM objects WHERE unused_at < -:latest"
_REFUSALS = f"""
    UPDATE objects SET unused_at = -:now WHERE unused_at < -:latest AND key IN (
        SELECT key {_REFUSED_AHEAD} LIMIT :most)
"""
# A robot is good for as long as ever.
_ROBOTS = """
    UPDATE robots SET created_at = :now, expires_at = expires_at - created_at + :now
    WHERE created_at > :latest AND name IN (
        SELECT name FROM robots WHERE created_at > :latest LIMIT :most)
"""


def _any_ahead(connection: SqlConnection, now: float) -> bool:
    (found,) = connection.execute(
        f"SELECT {_FIND} OR EXISTS (SELECT 1 FROM robots WHERE created_at > :latest)"
        f" OR EXISTS (SELECT 1 {_REFUSED_AHEAD})",
        {"latest": now + SLACK},
    ).fetchone()
    return bool(found)


def _set_back(connection: SqlConnection, now: float) -> int:
    """Set some times back, as many of all kinds as one write changes."""
    values = {"now": now, "latest": now + SLACK}
    left = batches.MOST_ROWS
    for statement in (_ROBOTS, _REFUSALS, *_SET_BACK):
        if left > 0:
            left -= connection.execute(statement, values | {"most": left}).rowcount
    return batches.MOST_ROWS - left


def now(connection: SqlConnection) -> float:
    """The time that the database has, which is the same for all who ask it."""
    (seconds,) = connection.execute(f"SELECT {connection.dialect.now}").fetchone()
    return float(seconds)


class Times:
    """Times that a collection goes by."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.now = reading(database, now)

    async def set_back(self, *, now: float) -> int:
        """Set times that lie in the future to now; how many there were."""
        if not await self._database.scan(lambda connection: _any_ahead(connection, now)):
            return 0
        changed, some = 0, 1
        while some:
            some = await self._database.write(lambda connection: _set_back(connection, now))
            changed += some
        return changed
