"""Ends of commands: exit codes, the errors that end with them, and work that is told to end.

0 done · 1 failed, or differs · 2 wrong usage · 3 not found · 4 refused · 130 interrupted ·
143 told to end
"""

import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

import click

from lading.cli.late import late
from lading.cli.output import say
from lading.core import errors
from lading.core.errors import RegistryError
from lading.core.typing import T

with late():
    import asyncio

# From being told to end: less than the ten of Docker, after which it kills.
MOST_SECONDS = 8.0

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


def run_to_end(work: Callable[[], Awaitable[T]]) -> T:
    """Run something; its outcome.

    A process that is told to end, as by whoever stops a container, gives up its leases and removes
    what it has made for a while, as one that is interrupted does: the next one waits for nothing.
    A thread of it may hang in a disk or a network that is gone: that is waited for a few seconds.
    What is left then is as a crash leaves it, and that is said.

    Raises:
        Exit: this process was told to end.
    """
    ended = threading.Event()
    last = threading.Timer(MOST_SECONDS, _end_in_the_middle)
    last.daemon = True

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None

        def end() -> None:
            if not ended.is_set():
                ended.set()
                last.start()
            task.cancel()

        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        return await work()

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if not ended.is_set():
            raise
        raise click.exceptions.Exit(TERMINATED) from None
    finally:
        last.cancel()


def _end_in_the_middle() -> NoReturn:
    """End though something hangs, which may have been about to make a registry writable again."""
    say(
        f"Ended though something did not answer for {MOST_SECONDS:.0f} s, as a disk or a database:"
        " what is left is as a crash leaves it, and `lading read-only status` says whether the"
        " registry is read-only",
        err=True,
    )
    end_at_once(TERMINATED)
