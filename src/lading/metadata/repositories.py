"""Rows of repositories."""

from collections.abc import Iterable, Sequence

from lading.core.errors import RepositoryUnknown
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata.noun import looking, reading, scanning
from lading.metadata.read_only import IS_ON, require_off
from lading.metadata.shown import columns, repository_lists
from lading.metadata.shown.repository_lists import ListedRepository, ListOrder
from lading.ports.database import Database, SqlConnection

_LOCK = "SELECT id FROM repositories WHERE name = ? /*! FOR NO KEY UPDATE */"
_LOCK_AND_LOOK = f"SELECT EXISTS ({IS_ON}), ({_LOCK})"


def find(connection: SqlConnection, name: RepositoryName) -> int | None:
    """The id of a repository that something was ever sent to."""
    row = connection.execute("SELECT id FROM repositories WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def lock(connection: SqlConnection, name: RepositoryName) -> int | None:
    """The id of a repository whose graph nobody else changes until the transaction ends.

    Whatever changes manifests, tags or edges, or removes links, begins so: what it then reads stays
    true until it commits. New links are added without it.
    """
    row = connection.execute(_LOCK, (name,)).fetchone()
    return None if row is None else int(row[0])


def ensure(connection: SqlConnection, name: RepositoryName) -> int:
    """The id of the repository, locked, and made if it is new."""
    known = lock(connection, name)
    return add(connection, name) if known is None else known


def ensure_if_writable(connection: SqlConnection, name: RepositoryName) -> int:
    """The id that `ensure` gives, or `ReadOnly`, by one statement if the repository is there."""
    is_read_only, known = connection.execute(_LOCK_AND_LOOK, (name,)).fetchone()
    require_off(is_read_only)
    return add(connection, name) if known is None else int(known)


def add(connection: SqlConnection, name: RepositoryName) -> int:
    """The id of a repository that is new, unless another has just made it."""
    (made,) = connection.execute(
        "INSERT INTO repositories (name) VALUES (?)"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
        (name,),
    ).fetchone()
    return int(made)


def mark_pushed(connection: SqlConnection, repository_id: int, at: float) -> None:
    """With its first manifest, a repository is listed; with each one its figures are stale.

    Of many pushes between two countings only the first one writes the row.
    """
    connection.execute(
        "UPDATE repositories SET pushed_at = coalesce(pushed_at, ?), recount = 1"
        " WHERE id = ? AND (pushed_at IS NULL OR recount <> 1)",
        (at, repository_id),
    )


def hide_if_empty(connection: SqlConnection, repository_id: int) -> None:
    """List a repository no more, locked before, of which nothing is left, nor in the trash."""
    connection.execute(
        "UPDATE repositories SET pushed_at = NULL WHERE id = ?"
        " AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository_id = repositories.id)",
        (repository_id,),
    )


def mark_changed(connection: SqlConnection, names: Iterable[RepositoryName]) -> None:
    """Something else than a push has changed repositories, locked before: their figures are stale.

    Nothing is written of those that are to be counted already.
    """
    connection.execute(
        "UPDATE repositories SET recount = 1"
        " WHERE name IN (SELECT key FROM json_each(?)) AND recount <> 1",
        (batches.keys(names),),
    )


def exists(connection: SqlConnection, name: RepositoryName) -> bool:
    """Whether something is left of what was pushed to it, be it in the trash."""
    row = connection.execute(
        "SELECT 1 FROM repositories WHERE name = ? AND pushed_at IS NOT NULL", (name,)
    ).fetchone()
    return row is not None


def require(connection: SqlConnection, name: RepositoryName) -> None:
    """Raise `RepositoryUnknown` if nothing is left of what was pushed to it."""
    if not exists(connection, name):
        raise RepositoryUnknown("", {"name": name})


def page(connection: SqlConnection, *, after: str, limit: int, prefix: str = "") -> Sequence[str]:
    """Names that start with `prefix`, in byte order, from the first greater than `after`."""
    start = "name > ?" if after >= prefix else "name >= ?"
    return columns.names(
        connection,
        f"SELECT name FROM repositories WHERE pushed_at IS NOT NULL AND {start} AND name < ?"
        " ORDER BY name LIMIT ?",
        (max(after, prefix), prefix + columns.LAST, limit),
    )


def those(
    connection: SqlConnection, condition: str, *, after: str, limit: int = 0
) -> Sequence[RepositoryName]:
    """Repositories for which a condition on `r` holds, by name, from the first one after a name.

    Args:
        limit: how many at most; unless it is said, as many as one write changes rows.
    """
    rows = connection.execute(
        f"SELECT name FROM repositories AS r WHERE name > ? AND ({condition})"
        " ORDER BY name LIMIT ?",
        (after, limit or batches.MOST_ROWS),
    ).fetchall()
    return [RepositoryName(name) for (name,) in rows]


def with_manifests(
    connection: SqlConnection, *, after: str = "", limit: int = batches.NO_LIMIT
) -> Sequence[RepositoryName]:
    """Repositories that have manifests, in byte order, from the first one after a name."""
    has_manifests = "EXISTS (SELECT 1 FROM manifests WHERE repository_id = r.id)"
    return those(connection, has_manifests, after=after, limit=limit)


class Repositories:
    """Repositories, by name."""

    def __init__(self, database: Database) -> None:
        self.exists = reading(database, exists)
        self.require = reading(database, require)
        self.page = reading(database, page)
        self._listed = reading(database, repository_lists.listed)
        self._looked_up = looking(database, repository_lists.listed)
        self.folders = reading(database, repository_lists.folders)
        self.with_manifests = scanning(database, with_manifests)

    async def listed(
        self, *, order: ListOrder, within: Sequence[str], words: str, after: str, limit: int
    ) -> Sequence[ListedRepository]:
        """Repositories whose names begin with a prefix and hold `words`; see `repository_lists`."""
        run = self._listed if repository_lists.is_short(order, within, words) else self._looked_up
        return await run(order=order, within=within, words=words, after=after, limit=limit)
