"""Migration of a database file to the newest schema."""

from lading.databases.schema import STEPS, OlderSchema, pending
from lading.databases.sqlite.connection import SqliteConnection


def require_current(connection: SqliteConnection) -> None:
    """Raise `NewerSchema` or `OlderSchema` if a database is of another version."""
    if pending(_version(connection)):
        raise OlderSchema(
            "the database was written by an older version of lading, and cannot be changed where it"
            " is; run this one once where it can be written"
        )


def migrate(connection: SqliteConnection) -> None:
    """Bring a database to the newest schema, unless it is newer; many may do so at once."""
    if not pending(_version(connection)):  # it may be locked, or the disk full
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in pending(_version(connection)):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk ends it
            connection.execute("ROLLBACK")
        raise


def _version(connection: SqliteConnection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
