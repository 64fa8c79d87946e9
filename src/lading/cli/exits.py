"""Exit codes of the commands, and the errors that end with them.

0 done · 1 failed, or differs · 2 wrong usage · 3 not found · 4 refused · 130 interrupted ·
143 told to end
"""

import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from lading.core import errors
from lading.core.errors import RegistryError

INTERRUPTED = 130
"""What a shell says of a program that was ended by Ctrl-C: 128 and the number of the signal."""
TERMINATED = 143
"""What it says of one that was ended by SIGTERM."""


class NothingFound(click.ClickException):
    """What a command was asked about is not there; the message says what to do."""

    exit_code = 3


class NotAllowed(click.ClickException):
    """A registry refuses what a command asks; the message says what to do."""

    exit_code = 4


class NothingCompared(click.ClickException):
    """Two things cannot be compared, so whether they differ is not known."""

    exit_code = 2


_NOT_FOUND = (errors.BlobUnknown, errors.ManifestUnknown, errors.RepositoryUnknown)
_REFUSED = (errors.Denied, errors.TagImmutable, errors.Unauthorized, errors.Unsupported)


def to_exit(error: RegistryError, what: str = "") -> click.ClickException:
    """The end of a command that met an error, about what was typed unless the error says it."""
    message = f"{what}: {error.message}" if what else error.message
    if isinstance(error, errors.Unavailable) and isinstance(error.__cause__, OSError):
        message = f"{message} ({error.__cause__})"
    if isinstance(error, _NOT_FOUND):
        return NothingFound(
            f"{message}; `lading ls` and `lading tags REPOSITORY` list what there is"
        )
    if isinstance(error, errors.NotRestorable):
        return NothingFound(f"{message}; `lading trash ls` lists what can be restored")
    if isinstance(error, _REFUSED):
        return NotAllowed(message)
    return click.ClickException(message)


def end_at_once(code: int) -> NoReturn:
    """End without waiting for threads, as Python would: they may wait for somebody else."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
