"""Checks of PostgreSQL itself: what it knows to be wrong with what it keeps."""

from collections.abc import Iterator, Sequence

import psycopg

from lading.ports.database import MAX_COMPLAINTS, SqlConnection

_INVALID = """
    SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace ORDER BY 1 LIMIT ?
"""
_CHECKSUMS = """
    SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()
"""
_AMCHECK = "SELECT 1 FROM pg_extension WHERE extname = 'amcheck'"
_INDEXES = """
    SELECT indexrelid::regclass::text FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
    WHERE amname = 'btree' AND indisvalid AND relnamespace = current_schema()::regnamespace
"""


def complaints(connection: SqlConnection, *, thorough: bool) -> Sequence[str]:
    """The complaints of PostgreSQL; a thorough check reads indexes, if there is `amcheck`."""
    rows = connection.execute(_INVALID, (MAX_COMPLAINTS,)).fetchall()
    found = [f"the index {name} is not valid: REINDEX it" for (name,) in rows]
    (failed,) = connection.execute(_CHECKSUMS).fetchone()
    if failed:
        found.append(f"{failed} pages had wrong checksums (pg_stat_database.checksum_failures)")
    return [*found, *(_damaged_indexes(connection) if thorough else ())]


def _damaged_indexes(connection: SqlConnection) -> Iterator[str]:
    """The first index that is not what its table says, read as a whole."""
    if connection.execute(_AMCHECK).fetchone() is None:
        return
    for (name,) in connection.execute(_INDEXES).fetchall():
        try:
            connection.execute("SELECT bt_index_check(?::text::regclass, true)", (name,))
        except psycopg.InternalError as error:  # it ends the transaction, and with it the check
            yield str(error)
            return
