"""Rows of objects: what the object store has under which key, and what for."""

from collections.abc import Sequence

from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.metadata import badges, batches
from lading.metadata.noun import reading, scanning, together, writing
from lading.ports.database import Database, SqlConnection
from lading.ports.objects import PlacedSegment, UnusedBytes

# Instead of the time since when it is unused: the object is being deleted. Less than that is the
# time, times -1, at which the store has refused to delete it.
_RETIRED = 0.0

_FIND_TOGETHER = """
    SELECT digest, key, start, size, stored_at FROM objects
    WHERE digest IN (SELECT key FROM json_each(?)) ORDER BY digest, start
"""
_PAGE = """
    SELECT DISTINCT digest FROM objects
    WHERE digest IS NOT NULL {and_if} AND digest > ? ORDER BY digest LIMIT ?
"""


# One statement: between two of them a push may come.
_UNUSE = """
    UPDATE objects SET digest = NULL, unused_at = :now
    WHERE digest IN (SELECT key FROM json_each(:digests))
        AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = objects.digest)
"""
_QUARANTINE = """
    UPDATE objects SET digest = NULL, quarantined = :digest
    WHERE digest = :digest
        AND NOT EXISTS (SELECT 1 FROM blobs WHERE digest = :digest AND lost_at IS NULL)
    RETURNING key
"""
# Those first that the store has not refused to delete: of the others there may be more than it is
# asked for in a day, and behind them all else would stay for ever.
_RETIRE = f"""
    UPDATE objects SET unused_at = {_RETIRED}
    WHERE unused_at <= :before AND key IN (
        SELECT key FROM objects WHERE unused_at BETWEEN :earliest AND :before
        ORDER BY unused_at DESC LIMIT :limit)
    RETURNING key
"""


def find(connection: SqlConnection, digest: Digest) -> Sequence[PlacedSegment]:
    """The segments of a blob, in order; none if it is not there."""
    rows = connection.execute(
        "SELECT key, start, size, stored_at FROM objects WHERE digest = ? ORDER BY start", (digest,)
    )
    return [PlacedSegment(*row) for row in rows]


def find_together(
    connection: SqlConnection, wanted: Sequence[tuple[Digest]]
) -> Sequence[Sequence[PlacedSegment]]:
    """What `find` finds for each of some blobs, in their order."""
    found: dict[str, list[PlacedSegment]] = {digest: [] for (digest,) in wanted}
    for digest, *row in connection.execute(_FIND_TOGETHER, (batches.keys(found),)):
        found[digest].append(PlacedSegment(*row))
    return [found[digest] for (digest,) in wanted]


def page(
    connection: SqlConnection, *, after: str, limit: int, in_segments: bool = False
) -> Sequence[Digest]:
    """Blobs that have objects, or several, by digest."""
    statement = _PAGE.format(and_if="AND start > 0" if in_segments else "")
    return [Digest(digest) for (digest,) in connection.execute(statement, (after, limit))]


def unuse(connection: SqlConnection, digests: Sequence[Digest], now: float) -> None:
    """Note that nothing needs the objects of blobs any more.

    Whoever deletes has a lock, which may be lost with its connection. So what was pushed again
    since, and is in a repository, stays.
    """
    connection.execute(_UNUSE, {"now": now, "digests": batches.keys(digests)})


def quarantine(connection: SqlConnection, digest: Digest) -> Sequence[str]:
    """Take a blob's objects from it and keep them, unless it counts as there; returns their keys.

    Who does has a lock, which may be lost; a push says that the blob is there, and replaces them.
    """
    kept = connection.execute(_QUARANTINE, {"digest": digest})
    return [key for (key,) in kept.fetchall()]


def reserve(connection: SqlConnection, key: str, now: float) -> None:
    """Write down the key of an object that is about to be stored, and unused until then."""
    connection.execute(
        "INSERT INTO objects (key, start, size, stored_at, unused_at) VALUES (?, 0, 0, 0, ?)"
        " ON CONFLICT (key) DO UPDATE SET unused_at = excluded.unused_at"
        f" WHERE objects.unused_at > {_RETIRED}",
        (key, now),
    )


def replace(
    connection: SqlConnection, digest: Digest, old: Sequence[PlacedSegment], new: PlacedSegment
) -> bool:
    """Put one object in the place of a blob's segments; false if the blob has others by now."""
    if [segment.key for segment in find(connection, digest)] != [segment.key for segment in old]:
        return False
    connection.execute(
        "UPDATE objects SET digest = NULL, unused_at = ? WHERE digest = ?", (new.stored_at, digest)
    )
    changed = connection.execute(
        "UPDATE objects SET digest = ?, size = ?, stored_at = ?, unused_at = NULL"
        f" WHERE key = ? AND unused_at > {_RETIRED}",
        (digest, new.size, new.stored_at, new.key),
    )
    if changed.rowcount == 0:
        raise Unavailable("an object was collected while it was stored; try again")
    return True


def retire(
    connection: SqlConnection, *, before: float, limit: int, refused_before: float = 0.0
) -> Sequence[str]:
    """Let objects that nothing has needed since that time be deleted; their keys.

    Those that the store has refused to delete since `refused_before` are left alone.

    Between a look at their rows and the deletion, one that was stored long ago by a machine which
    stood still since could become a blob; those that were retired cannot.
    """
    values = {"earliest": -refused_before, "before": before, "limit": limit}
    return [key for (key,) in connection.execute(_RETIRE, values).fetchall()]


def refuse(connection: SqlConnection, keys: Sequence[str], now: float) -> None:
    """Note of unused objects that the store refuses to delete them."""
    connection.execute(
        "UPDATE objects SET unused_at = ?"
        " WHERE key IN (SELECT key FROM json_each(?)) AND unused_at IS NOT NULL",
        (-now, batches.keys(keys)),
    )


def remove(connection: SqlConnection, keys: Sequence[str]) -> None:
    """Remove the rows of unused objects, which are deleted."""
    connection.execute(
        "DELETE FROM objects WHERE key IN (SELECT key FROM json_each(?)) AND unused_at IS NOT NULL",
        (batches.keys(keys),),
    )


def count_unused(connection: SqlConnection) -> UnusedBytes:
    """How much there is that nothing needs and is not deleted yet; a reserved key is none of it."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(size), 0),"
        f" coalesce(sum(CASE WHEN unused_at < {_RETIRED} THEN 1 ELSE 0 END), 0) FROM objects"
        " WHERE unused_at IS NOT NULL AND stored_at > 0"
    ).fetchone()
    return UnusedBytes(*map(int, row))


def unknown(
    connection: SqlConnection, keys: Sequence[str], *, parts_at: float | None = None
) -> frozenset[str]:
    """The keys among these that no row names; see `lading.ports.objects.ObjectRows`."""
    names = (batches.keys(keys),)
    rows = connection.execute(
        "SELECT key, unused_at FROM objects WHERE key IN (SELECT key FROM json_each(?))", names
    )
    known = {key for key, unused_at in rows if parts_at is None or unused_at is not None}
    rows = connection.execute(
        "SELECT writing, leased_until FROM uploads WHERE writing IN (SELECT key FROM json_each(?))",
        names,
    )
    known.update(key for key, until in rows if parts_at is None or (until or 0.0) > parts_at)
    return frozenset(keys) - known


class Objects:
    """Objects; see `lading.ports.objects.ObjectRows`."""

    def __init__(self, database: Database) -> None:
        self.find = together(database, find, find_together)
        self.page = scanning(database, page)
        self.unuse = writing(database, unuse)
        self.quarantine = writing(database, quarantine)
        self.reserve = writing(database, reserve)
        self.replace = writing(database, replace)
        self.retire = writing(database, retire)
        self.refuse = writing(database, refuse, durable=False)
        self.remove = writing(database, remove, durable=False)
        self.count_unused = scanning(database, count_unused)
        self.unknown = scanning(database, unknown)
        self.badges = reading(database, badges.badges)
        self.set_badge = writing(database, badges.set_badge)
        self.keep_badge = writing(database, badges.keep_badge)
        self.begin_taking = writing(database, badges.begin_taking)
        self.end_taking = writing(database, badges.end_taking)
