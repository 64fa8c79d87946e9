"""Places that commands on images are pointed at: our registry, or any other one by reference.

`app:1` is in the registry of the configuration, `registry.example.com/app:1` in that one: as with
Docker, the first part of a name is a host if there is a dot or a colon in it, or it is `localhost`.
With `--config` or `--server` a reference is never taken for one with a host.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from lading.cli.arguments import load_settings, speaking_options
from lading.cli.exits import to_exit
from lading.cli.images.source import ImageRepository, ImageSource
from lading.cli.late import late
from lading.cli.output import JSON
from lading.core.errors import RegistryError
from lading.core.names import RepositoryName, Tag, parse_reference
from lading.core.typing import T

with late():
    from lading.cli import registry as data
    from lading.cli.images import local, remote
    from lading.client.options import SessionOptions

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a command is pointed at: the configuration of our registry, or another one's host."""

    config: Path | None
    server: str | None
    speaking: "SessionOptions"

    @property
    def is_said(self) -> bool:
        """Whether an option names a registry, so that references need not."""
        return self.config is not None or self.server is not None


@dataclass(frozen=True, slots=True)
class NamedImage:
    """A repository, or an image in it, as a person has named it.

    Attributes:
        where: the options beside it.
        host: of another registry; empty for ours.
        reference: a tag or a digest; empty if the text has none.
        text: as it was typed.
    """

    where: Where
    host: str
    repository: str
    reference: str
    text: str

    @property
    def name(self) -> str:
        """The repository as a reference has it, with its host."""
        return f"{self.host}/{self.repository}" if self.host else self.repository

    @property
    def image(self) -> str:
        """The image as a reference has it, by its tag or its digest."""
        return f"{self.name}{'@' if ':' in self.reference else ':'}{self.reference}"


_CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), help="The configuration file of our registry."
)
_SERVER = click.option("--server", metavar="HOST", help="A registry to ask instead of ours.")


def where_options(command: Callable[..., T]) -> Callable[..., T]:
    """A decorator that gives a command the options of where, in one value, `where`."""

    @_CONFIG
    @_SERVER
    @speaking_options
    @wraps(command)
    def run(
        *args: Any,
        config: Path | None,
        server: str | None,
        speaking: "SessionOptions",
        **words: Any,
    ) -> T:
        return command(*args, where=Where(config, server, speaking), **words)

    return run


def place_options(command: Callable[..., T]) -> Callable[..., T]:
    """A decorator that gives a command the options of where, and `--json`."""
    return where_options(JSON(command))


def parse_named(text: str, where: Where, *, default: str = LATEST) -> NamedImage:
    """What is named by `app:1`, `registry.example.com/app@sha256:…` and the like.

    Args:
        default: the tag where the text has none; empty to have none.
    """
    if "://" in text:
        raise click.UsageError(
            f"{text!r}: write it as HOST/REPOSITORY:TAG, without what is up to ://"
        )
    host, rest = split_host(text, where)
    name, at, reference = rest.partition("@")
    tag, colon = default, ""
    if ":" in name.rpartition("/")[2]:
        name, colon, tag = name.rpartition(":")
    try:
        RepositoryName(name)
        if colon:  # one that is empty is what a script lacks, and not what has none
            Tag(tag)
        reference = reference if at else tag
        if reference or at:
            parse_reference(reference)
    except RegistryError as error:
        raise click.UsageError(f"{text!r}: {error.message}") from error
    return NamedImage(where, host, name, reference, text)


def split_host(text: str, where: Where) -> tuple[str, str]:
    """The host of a text, empty for ours, and what is behind it."""
    if where.is_said:
        return where.server or "", text
    first, slash, rest = text.partition("/")
    is_host = "." in first or ":" in first or first == "localhost"
    return (first, rest) if slash and is_host else ("", text)


def look(where: Where, host: str, what: str, work: Callable[[ImageSource], Awaitable[T]]) -> T:
    """Do something with a registry; what fails ends the command.

    Args:
        host: of another one; empty for ours.
        what: it is about, for the message if it fails.
    """
    try:
        if host:
            return remote.run_remote(host, where.speaking, work)
        return data.with_registry(
            load_settings(where.config),
            lambda registry: work(local.LocalSource(registry)),
            what=what,
        )
    except RegistryError as error:
        raise to_exit(error, what) from error


def look_at(named: NamedImage, work: Callable[[ImageRepository], Awaitable[T]]) -> T:
    """Do something with a repository that is named, or an image in it; see `look`."""

    def run(source: ImageSource) -> Awaitable[T]:
        return work(source.repository(named.repository))

    return look(named.where, named.host, named.text, run)
