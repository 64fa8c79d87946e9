"""The census: how many rows there are of what kind, and of the garbage the oldest.

It reads whole tables, so it is for whoever watches a registry, now and then.
"""

from dataclasses import dataclass

from lading.core.garbage import Cause, Criteria
from lading.metadata.collecting.garbage import CONDITIONS, UNREFERENCED_LINK, values_of
from lading.metadata.noun import reading, scanning
from lading.ports.database import Database, SqlConnection


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of rows, and of the bytes that they stand for."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class OldestGarbage:
    """The oldest of the garbage, since when it is that, and when it is due to be removed."""

    since: float
    due_at: float


@dataclass(frozen=True, slots=True)
class Counted:
    """The outcome of a census.

    Attributes:
        referenced: manifests that something leads to.
        unreferenced: those that nothing leads to.
        deleted: those in the trash.
        linked: blobs in a repository.
        unlinked: those in none.
        lost: those whose bytes are damaged or gone, which also count as one of both.
        garbage: the oldest of it; `None` if there is none.
    """

    repositories: int
    tags: int
    referenced: Amount
    unreferenced: Amount
    deleted: Amount
    linked: Amount
    unlinked: Amount
    lost: Amount
    garbage: OldestGarbage | None


_MANIFESTS = (
    "deleted_at IS NULL AND loose_at IS NULL",
    "deleted_at IS NULL AND loose_at IS NOT NULL",
    "deleted_at IS NOT NULL",
)
_BLOBS = ("unlinked_at IS NULL", "unlinked_at IS NOT NULL", "lost_at IS NOT NULL")

# Until it is due, a promise keeps a link; how long the trash keeps a manifest, its time says.
_OLDEST_MANIFEST = f"SELECT min(deleted_at) FROM manifests AS m WHERE {CONDITIONS[Cause.DELETED]}"
_OLDEST_LINK = f"""
    SELECT min(loose_at), min(CASE WHEN used_at IS NULL AND promised_at + :grace > loose_at
        THEN promised_at + :grace ELSE loose_at END) FROM links WHERE {UNREFERENCED_LINK}
"""
_OLDEST_BLOB = "SELECT min(unlinked_at) FROM blobs WHERE unlinked_at IS NOT NULL"


def count(connection: SqlConnection, criteria: Criteria) -> Counted:
    """Count all rows; what is garbage is so by the criteria."""
    referenced, unreferenced, deleted = _amounts(connection, "manifests", _MANIFESTS)
    linked, unlinked, lost = _amounts(connection, "blobs", _BLOBS)
    return Counted(
        repositories=_number(connection, "repositories"),
        tags=_number(connection, "tags"),
        referenced=referenced,
        unreferenced=unreferenced,
        deleted=deleted,
        linked=linked,
        unlinked=unlinked,
        lost=lost,
        garbage=find_oldest_garbage(connection, criteria),
    )


def find_oldest_garbage(connection: SqlConnection, criteria: Criteria) -> OldestGarbage | None:
    """The oldest of the garbage that a collection would remove; costs what garbage there is."""
    trash = criteria.now - criteria.trash_before
    values = values_of(criteria)
    (deleted_at,) = connection.execute(_OLDEST_MANIFEST, values).fetchone()
    loose_at, link_due_at = connection.execute(_OLDEST_LINK, values).fetchone()
    (unlinked_at,) = connection.execute(_OLDEST_BLOB).fetchone()
    found = [
        OldestGarbage(since, due_at)
        for since, due_at in (
            (deleted_at, deleted_at and deleted_at + trash),
            (loose_at, link_due_at),
            (unlinked_at, unlinked_at),
        )
        if since is not None
    ]
    return min(found, key=lambda garbage: garbage.due_at, default=None)


def schema_version(connection: SqlConnection) -> int:
    """The number of steps that have built the tables."""
    (version,) = connection.execute(connection.dialect.schema_version).fetchone()
    return int(version)


def takes_changes(connection: SqlConnection) -> bool:
    """Whether rows can be changed, as far as the database knows."""
    (takes,) = connection.execute(connection.dialect.takes_changes).fetchone()
    return bool(takes)


def _number(connection: SqlConnection, table: str) -> int:
    (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(number)


def _amounts(
    connection: SqlConnection, table: str, conditions: tuple[str, ...]
) -> tuple[Amount, ...]:
    """For each of the conditions, how many rows of a table it holds for; in one reading."""
    columns = ", ".join(
        f"count(CASE WHEN {condition} THEN 1 END), sum(CASE WHEN {condition} THEN size ELSE 0 END)"
        for condition in conditions
    )
    row = connection.execute(f"SELECT {columns} FROM {table}").fetchone()
    return tuple(
        Amount(int(number), int(size or 0))
        for number, size in zip(row[::2], row[1::2], strict=True)
    )


class Census:
    """The census of all rows."""

    def __init__(self, database: Database) -> None:
        self.count = scanning(database, count)
        self.schema_version = reading(database, schema_version)
        self.takes_changes = reading(database, takes_changes)
