"""Failures while measuring: told at once and in the report; what was measured before is kept.

None is left to click, which ends a program without a word when a pipe breaks. To it, a connection
whose other end has hung up is one, too (`EPIPE`).
"""

import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import click

from bench.http import UnexpectedAnswer

GB = 1_000_000_000
# Bytes a second that are written at most, and what is there already.
FASTEST, BESIDE = 2 * GB, 1 * GB


class Asked(Protocol):
    """A registry that is being measured."""

    @property
    def name(self) -> str:
        """Its name, for the report."""

    def ended(self) -> str:
        """How it ended, with the end of its log; empty while it runs."""


@contextmanager
def noting(refused: dict[str, str], work: str, registry: Asked) -> Iterator[None]:
    """Note what a registry fails at, and go on with the others."""
    try:
        yield
    except (UnexpectedAnswer, OSError, subprocess.SubprocessError) as error:
        why = "; ".join(filter(None, [_said(error), registry.ended()]))
        refused[registry.name] = why
        _tell(f"{registry.name} failed at “{work}”, and is not asked for it any more: {why}")


@contextmanager
def keeping(save: Callable[[], None], file: Path) -> Iterator[None]:
    """Keep what was measured in a file, however the measuring ends; tell what ended it early."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        raise click.ClickException(
            f"measuring ended early: {_said(error)}. What was measured before is in {file};"
            " docs/performance.md is as it was. Mend that, and run it again; --only and --registry"
            " take a part."
        ) from error
    finally:
        save()


def expect_room(directory: Path, seconds: float) -> None:
    """Begin a measurement only where what it writes has room.

    Raises:
        OSError: it has none; a full disk would be measured instead.
    """
    wanted, free = FASTEST * seconds + BESIDE, shutil.disk_usage(directory).free
    if free < wanted:
        raise OSError(
            f"{directory} has {free / GB:.1f} GB left, and a measurement may write"
            f" {wanted / GB:.1f}: free some, set TMPDIR to a larger disk, or take fewer --seconds"
        )


def _said(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error) or "nothing"
    return (
        said.strip() if isinstance(error, UnexpectedAnswer) else f"{type(error).__name__}: {said}"
    )


def _tell(line: str) -> None:
    """Write a line, over that of the progress."""
    over = "\r\x1b[K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{over}{line}\n")
