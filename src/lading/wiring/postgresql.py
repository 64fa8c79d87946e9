"""PostgreSQL, from the settings: what is opened there. Only who has it loads what speaks to it."""

import time
from contextlib import closing
from functools import partial

from lading.config.database import PostgresqlSection
from lading.config.storage import FilesystemSection
from lading.core.history import Change
from lading.databases.postgresql import migration
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.locks import DatabaseLocks
from lading.databases.postgresql.server import Server
from lading.databases.postgresql.sessions import Sessions
from lading.databases.postgresql.statements import Preparing
from lading.metadata.collecting import kept_bytes
from lading.ports.database import SqlConnection
from lading.ports.measures import UNMEASURED, Measures
from lading.wiring import data_directory


def open_database(
    section: PostgresqlSection,
    files: FilesystemSection | None,
    opener: str,
    measures: Measures = UNMEASURED,
) -> PostgresqlDatabase:
    """The database, with its tables made or brought up to date.

    Args:
        files: say where blobs may be that it does not know, if that is in files.
        opener: the name of this process, for what is written down of it.

    Raises:
        ForeignData: it is empty, and there are blobs of somebody else.
        CannotOpen: it cannot be used; the message says why.
    """
    begin = None if files is None else partial(_begin, files, opener)
    return PostgresqlDatabase(server_of(section), section.poolsize, begin, measures)


def open_locks(section: PostgresqlSection, measures: Measures = UNMEASURED) -> DatabaseLocks:
    """Locks that all who share the database share."""
    return DatabaseLocks(server_of(section), measures)


def require_current(section: PostgresqlSection) -> None:
    """Require that the tables, if there are any, need no change; nothing is changed.

    Raises:
        CannotOpen: they are of another version, or cannot be used.
    """
    with closing(Sessions(server_of(section), UNMEASURED)) as sessions:
        migration.require_current(sessions, section.timeout.total_seconds())


def server_of(section: PostgresqlSection) -> Server:
    """The server that a section names."""
    return Server(
        section.url.secret,
        section.passwordfile,
        preparing=Preparing(section.preparedstatements),
        timeout=section.timeout.total_seconds(),
    )


def _begin(files: FilesystemSection, opener: str, connection: SqlConnection) -> None:
    """Look, before the first push, whether there are blobs of somebody else."""
    foreign = data_directory.find_unknown(files.rootdirectory)
    if data_directory.begins_beside(foreign, files):
        kept_bytes.note_strangers(connection, Change(opener, time.time()))
