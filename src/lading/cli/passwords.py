"""Passwords as commands ask for them: on a terminal without showing them, or on standard input."""

import getpass
import sys
import warnings

import click

from lading.cli.utf8 import require_utf8

# More than any password has, and no more than fits in memory.
_MOST_CHARACTERS = 100_000


def read_password(*, from_stdin: bool, twice: bool = False) -> str:
    """Read a password; `twice` has a person type it again, as it cannot be seen."""
    if from_stdin:
        return _read_line().removesuffix("\n").removesuffix("\r")
    with warnings.catch_warnings():
        # Without a terminal it would be read from anywhere, after a warning for programmers.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            typed: str = click.prompt(
                "Password", hide_input=True, confirmation_prompt=twice, err=True
            )
        except getpass.GetPassWarning as error:
            raise click.UsageError(
                "there is no terminal to ask for a password: give it with --password-stdin"
            ) from error
    return typed


def _read_line() -> str:
    try:
        return require_utf8(sys.stdin.readline(_MOST_CHARACTERS), "the password")
    except UnicodeDecodeError as error:
        raise click.UsageError("write the password in UTF-8") from error
