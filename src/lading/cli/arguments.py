"""Arguments that people type for several commands; what cannot be read ends the command.

A configuration, how another registry is spoken with, `REPOSITORY:TAG`, a time, a password.
"""

import getpass
import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click

from lading.cli.late import late
from lading.cli.output import say, say_wait
from lading.core.errors import RegistryError
from lading.core.typing import T

with late():
    from lading.client import options
    from lading.config import document, durations, loading
    from lading.config.settings import Settings

# More than any password has, and no more than fits in memory.
_MOST_CHARACTERS = 100_000

# The file that `lading.config.loading.find_file` finds if none is named.
CONFIG = click.argument("config", required=False, type=click.Path(path_type=Path))

CA = click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with further authorities to trust, in PEM.",
)
_PLAIN_HTTP = click.option("--plain-http", is_flag=True, help="Speak HTTP without TLS.")
_INSECURE = click.option("--insecure", is_flag=True, help="Take any certificate.")


def speaking_options(command: Callable[..., T]) -> Callable[..., T]:
    """A decorator that gives a command the options of how a registry is spoken with, as `speaking`.

    This machine (`localhost`) needs none of them: it is asked by both ways.
    """

    @_PLAIN_HTTP
    @_INSECURE
    @CA
    @wraps(command)
    def run(*args: Any, plain_http: bool, insecure: bool, ca: Path | None, **words: Any) -> T:
        speaking = options.SessionOptions(plain_http, insecure, ca, on_wait=say_wait)
        return command(*args, speaking=speaking, **words)

    return run


def parsed(parse: Callable[[str], T], text: str) -> T:
    """What a text means, as a name or a digest; a `BadParameter` if it is none."""
    try:
        return parse(text)
    except RegistryError as error:
        raise click.BadParameter(f"{text!r}: {error.message}") from error


def parse_lifetime(text: str) -> float | None:
    """The seconds in `90d`, or in a duration as in the configuration; `None` for `never`."""
    if text == "never":
        return None
    days = re.fullmatch(r"(\d{1,5})d", text, re.ASCII)
    try:
        lifetime = timedelta(days=int(days[1])) if days else durations.parse_duration(text)
    except ValueError:
        lifetime = timedelta(0)
    if lifetime <= timedelta(0):
        raise click.BadParameter(f"{text!r}: write a duration such as `90d` or `12h`, or `never`")
    return lifetime.total_seconds()


def parse_time(text: str) -> float:
    """The time in a text as commands print it, or in another form of ISO 8601; since the epoch.

    Without a zone it is this machine's. It is the end of that second, or of that microsecond if
    there is a fraction: what happened in it has happened.
    """
    try:
        time = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # of the second, in the year 0 or 10000 of UTC
        raise click.BadParameter(
            f"{text!r} is no time; write `2026-01-31 23:59:59Z`, or without the `Z` for local time"
        ) from None
    whole = time.timestamp()
    return whole + (1e-6 if time.microsecond else 0.999999)


def load_settings(path: Path | None, environ: Mapping[str, str] = os.environ) -> "Settings":
    """The settings of a file and the environment; warnings go to standard error."""
    try:
        loaded = loading.load(path, environ)
    except document.ConfigurationError as error:
        raise click.ClickException(f"configuration error:\n{error}") from error
    for warning in loaded.warnings:
        say(f"Warning: {warning}", err=True)
    return loaded.settings


def with_files(settings: "Settings", update: Mapping[str, object]) -> "Settings":
    """The settings with something else in `storage.filesystem`."""
    files = settings.storage.filesystem.model_copy(update=update)
    storage = settings.storage.model_copy(update={"filesystem": files})
    return settings.model_copy(update={"storage": storage})


def require_utf8(text: str, what: str) -> str:
    """The text, if it is in UTF-8: others would not find it again by the bytes that it has here."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise click.UsageError(f"write {what} in UTF-8") from error
    return text


def read_password(*, from_stdin: bool, twice: bool = False) -> str:
    """Read a password; `twice` has a person type it again, as it cannot be seen."""
    if from_stdin:
        try:
            line = require_utf8(sys.stdin.readline(_MOST_CHARACTERS), "the password")
        except UnicodeDecodeError as error:
            raise click.UsageError("write the password in UTF-8") from error
        return line.removesuffix("\n").removesuffix("\r")
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
