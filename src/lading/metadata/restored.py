"""A restored backup: what becomes of it as it takes the place of a database."""

from lading.core.history import Change
from lading.metadata import strangers
from lading.ports.database import SqlConnection


def settle(change: Change, connection: SqlConnection) -> None:
    """End what was under way when the backup was made, and say that there may be newer blobs."""
    connection.execute("DELETE FROM holds")
    connection.execute("DELETE FROM jobs")
    strangers.note(connection, change)
