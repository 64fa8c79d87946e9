"""Errors of the data, translated for the person at the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from lading.config.settings import Settings
from lading.ports.database import CannotOpen, DatabaseDamaged
from lading.wiring.data_directory import DataUnusable

# What says what to do, and comes before anything is changed.
_SAYS_ALL = (DataUnusable, CannotOpen)


@contextmanager
def translate_data_errors(settings: Settings) -> Iterator[None]:
    """Turn an error of the data into a message that says what to do.

    Raises:
        ClickException: the data cannot be used.
    """
    try:
        yield
    except (OSError, *_SAYS_ALL) as error:
        message = f"cannot use the data in {_place(settings, error)}: {error}; {_advice(error)}"
        raise click.ClickException(message) from error


def _place(settings: Settings, error: Exception) -> str:
    """Where the data is: with a database elsewhere that is two places, neither with a password."""
    if settings.database.postgresql is not None and isinstance(error, CannotOpen):
        return str(settings.database.postgresql.url)
    return str(settings.storage.filesystem.rootdirectory.absolute())


def _advice(error: Exception) -> str:
    if isinstance(error, DatabaseDamaged):
        return "the database is damaged: restore a backup of it with `lading restore-backup`"
    if isinstance(error, _SAYS_ALL):
        return "nothing was changed"
    return (
        "check that this user may write there and that there is space, or set another place"
        " (storage.filesystem.rootdirectory, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY)"
    )
