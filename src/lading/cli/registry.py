"""The registry as commands use it: its data, beside a running server or without one."""

import getpass
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import click

from lading.cli.exits import run_to_end, to_exit
from lading.cli.late import late
from lading.cli.output import say
from lading.core.access import ALL_ACTIONS, Grant, Principal
from lading.core.errors import RegistryError
from lading.core.names import RepositoryName
from lading.core.typing import T
from lading.system.disk_errors import is_full

with late():
    from lading.config.settings import Settings
    from lading.ports import database
    from lading.services.registry import Note, Registry
    from lading.wiring import audit, data_directory, paths, stores


def with_registry(
    settings: "Settings",
    work: "Callable[[Registry], Awaitable[T]]",
    *,
    create: bool = False,
    what: str = "",
) -> T:
    """Open the data of a registry, and do something with it.

    Args:
        create: whether to make what is not there, as the server does when it starts. Else whoever
            means another registry would be told that all is well with one that is empty.
        what: it is about, for the message if it fails.

    Raises:
        ClickException: it cannot be used, or the registry refuses what is asked.
    """
    if settings.storage.driver == "inmemory":
        raise click.ClickException("data in memory belongs to the server alone (storage: inmemory)")
    if not create and settings.database.postgresql is None:
        _require_registry(settings)

    async def run() -> T:
        with audit_of(settings) as note:
            async with stores.open_registry(settings, note) as registry:
                return await work(registry)

    return run_on_data(settings, run, what)


def run_on_data(settings: "Settings", work: Callable[[], Awaitable[T]], what: str = "") -> T:
    """Do something with the data of settings; what goes wrong ends the command."""
    try:
        with translate_data_errors(settings):
            return run_to_end(work)
    except RegistryError as error:
        raise to_exit(error, what) from error


def _require_registry(settings: "Settings") -> None:
    """Require that there is a database in the directory of the data; if not, say what to do."""
    root = settings.storage.directory
    with translate_data_errors(settings):
        if paths.metadata_path(root).exists():
            return
        if foreign := data_directory.find_unknown(root, begun=False):
            raise data_directory.ForeignData(foreign.found)
    raise click.ClickException(
        f"no registry has kept its data in {root.absolute()}: give the configuration file of"
        " the one you mean, or set the place"
        " (storage.filesystem.rootdirectory, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY)"
    )


def audit_of(settings: "Settings") -> "AbstractContextManager[Note]":
    """The notes of a command, for what it does to the registry of the settings."""

    def warn(message: str) -> None:
        say(f"Warning: {message}", err=True)

    return closing(audit.CommandAudit(settings, operator(), warn))


def operators_grant(repository: RepositoryName) -> Grant:
    """The grant of whoever can run a command on the data: everything; the history names them."""
    return Grant(repository, ALL_ACTIONS, Principal(operator()))


def operator() -> str:
    """The operator: who runs the command, for what is written down of it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # containers run as users that have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


@contextmanager
def translate_data_errors(settings: "Settings") -> Iterator[None]:
    """Have an error of the data end the command, with a message that says what to do."""
    try:
        yield
    except (OSError, data_directory.DataUnusable, database.CannotOpen) as error:
        end = "\n" if "\n" in str(error) else "; "
        message = f"cannot use the data in {_place(settings, error)}: {error}{end}{_advice(error)}"
        raise click.ClickException(message) from error


def _place(settings: "Settings", error: Exception) -> str:
    """Where the data is: with a database elsewhere that is two places, neither with a password."""
    if settings.database.postgresql is not None and isinstance(error, database.CannotOpen):
        return str(settings.database.postgresql.url)
    s3 = settings.storage.s3
    if s3 is not None and isinstance(error, data_directory.DataUnusable):
        return f"the bucket {s3.bucket}{s3.rootdirectory and f' below {s3.rootdirectory}'}"
    return str(settings.storage.directory.absolute())


def _advice(error: Exception) -> str:
    if isinstance(error, database.DatabaseDamaged):
        return "the database is damaged: restore a backup of it with `lading restore-backup`"
    if not isinstance(error, OSError):  # which says what to do, and comes before any change
        return "nothing was changed"
    if is_full(error):
        return "free some space there first, or inodes; then `lading garbage-collect` can, too"
    if isinstance(error, PermissionError):
        return (
            "run this as the user whose files these are (`sudo -u USER lading …`), or make them"
            " this user's (`chown -R`)"
        )
    return (
        "check that this user may write there and that there is space, or set another place"
        " (storage.filesystem.rootdirectory, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY)"
    )
