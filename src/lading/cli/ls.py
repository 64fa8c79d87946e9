"""`lading ls`, `lading tags`, `lading search`: what a registry has, by name."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

import click

from lading.cli.completion import complete_image
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.exits import NothingFound
from lading.cli.images.graph import blobs_of, grow
from lading.cli.images.places import Where, look, look_at, parse_named, place_options, split_host
from lading.cli.images.source import ImageRepository, ImageSource
from lading.cli.late import late
from lading.cli.output import answer, human_size, say
from lading.cli.windows import Column, print_table
from lading.core.errors import (
    Denied,
    ManifestUnknown,
    RegistryError,
    RepositoryUnknown,
    Unauthorized,
)
from lading.core.timestamps import utc
from lading.core.versions import natural

with late():
    import asyncio

# Tags that are asked about at once.
_AT_ONCE = 8
# Errors of repositories that are gone since they were listed, or that are not for who asks.
_NOT_TO_SEE = (Denied, ManifestUnknown, RepositoryUnknown, Unauthorized)


@dataclass(frozen=True, slots=True)
class ShownTag:
    """A tag of a list; what was not asked for or is not known is `None`.

    Attributes:
        size: bytes of all that it leads to, each digest once.
        set_at: seconds since the epoch.
    """

    name: str
    digest: str | None = None
    media_type: str | None = None
    size: int | None = None
    set_at: float | None = None


@with_examples(
    Example("lading ls", "All repositories of our registry."),
    Example(f"lading ls {REGISTRY}", "Those of another one, if it tells."),
)
@click.command("ls")
@click.argument("host", required=False, default="")
@place_options
def list_repositories(host: str, where: Where, *, as_json: bool) -> None:
    """List the repositories of a registry.

    HOST is a registry other than ours.
    """
    names = look(where, host or where.server or "", host or "the registry", _repositories)
    answer(names, partial(_print_names, "REPOSITORY"), as_json=as_json)
    if not names and not as_json:
        say("There are none: nothing was pushed yet, or nothing that you may see.", err=True)


@with_examples(
    Example("lading tags app", "With sizes, and when each was set."),
    Example(f"lading tags {REGISTRY}/app --short", "Names alone, by the fewest requests."),
)
@click.command("tags")
@click.argument("repository", shell_complete=complete_image)
@click.option("--short", is_flag=True, help="Names alone.")
@place_options
def list_tags(repository: str, where: Where, *, short: bool, as_json: bool) -> None:
    """List the tags of a repository, with sizes and times.

    Both are shown as far as the registry tells them. The order is the one that people count in:
    `v1.9` before `v1.10`.
    """
    named = parse_named(repository, where, default="")
    if named.reference:
        raise click.UsageError(f"{repository!r}: write the repository alone")

    async def gather(repository: ImageRepository) -> Sequence[ShownTag]:
        names = [name async for name in repository.tags()]
        names.sort(key=natural)
        if short:
            return [ShownTag(name) for name in names]
        return await _describe_all(repository, names)

    tags = look_at(named, gather)
    answer(tags, partial(_print_tags, short=short), as_json=as_json)


def _print_tags(tags: Sequence[ShownTag], *, short: bool) -> None:
    if short:
        _print_names("TAG", [tag.name for tag in tags])
        return
    columns = [
        Column("TAG", style="cyan"),
        Column("SIZE", right=True),
        Column("SET", whole=True, spare=True),
        Column("DIGEST", style="dim", spare=True),
    ]
    rows = [
        (
            tag.name,
            "?" if tag.size is None else human_size(tag.size),
            "" if tag.set_at is None else utc(tag.set_at),
            tag.digest or "",
        )
        for tag in tags
    ]
    print_table(columns, rows)


@with_examples(
    Example("lading search lint", "Repositories and tags with `lint` in their names."),
    Example("lading search 'app:1.*'", "By a pattern: tags of `app` that begin so."),
    Example("lading search nonsense", "Exit code 3: there are none.", 3),
)
@click.command()
@click.argument("text")
@place_options
def search(text: str, where: Where, *, as_json: bool) -> None:
    """Find repositories and tags by a part of their names.

    In TEXT, `*` stands for anything. If it has a colon, only tags are searched.
    """
    host, wanted = split_host(text, where)
    found = look(where, host, text, lambda source: _search(source, wanted))
    answer(found, partial(_print_names, "NAME"), as_json=as_json)
    if not found:
        raise NothingFound(f"{text}: nothing has this in its name")


async def _repositories(source: ImageSource) -> Sequence[str]:
    return sorted([name async for name in source.repositories()], key=natural)


async def _describe_all(repository: ImageRepository, tags: Sequence[str]) -> Sequence[ShownTag]:
    """The tags, described; what fails once is asked no more, and what is under way is waited for.

    Threads of it would go on behind a client that is closed.
    """
    turn, failed = asyncio.Semaphore(_AT_ONCE), list[RegistryError]()

    async def describe(tag: str) -> ShownTag:
        async with turn:
            try:
                return ShownTag(tag) if failed else await _describe(repository, tag)
            except RegistryError as error:
                failed.append(error)
                return ShownTag(tag)

    described = await asyncio.gather(*map(describe, tags))
    if failed:
        raise failed[0]
    return described


async def _describe(repository: ImageRepository, tag: str) -> ShownTag:
    try:
        found = await repository.manifest(tag)
        branch = await grow(repository, found, referrers=False)
        size = sum(blobs_of(branch).values())
        set_at = await repository.set_at(tag)
    except (ManifestUnknown, RepositoryUnknown):  # deleted meanwhile, or damaged
        return ShownTag(tag)
    return ShownTag(tag, found.digest, found.media_type, size, set_at)


async def _search(source: ImageSource, text: str) -> Sequence[str]:
    is_pattern = "*" in text
    parts = (re.escape(part) for part in text.split("*"))
    pattern = re.compile(".*".join(parts), re.IGNORECASE)
    matches = pattern.fullmatch if is_pattern else pattern.search
    found = []
    async for name in source.repositories():
        if ":" not in text and matches(name):
            found.append(name)
        found += [
            f"{name}:{tag}"
            async for tag in _tags(source, name)
            if matches(f"{name}:{tag}") or (":" not in text and matches(tag))
        ]
    return sorted(dict.fromkeys(found), key=natural)


async def _tags(source: ImageSource, repository: str) -> AsyncIterator[str]:
    """The tags of a repository that may be gone by now, or somebody else's."""
    try:
        async for tag in source.repository(repository).tags():
            yield tag
    except _NOT_TO_SEE:
        return


def _print_names(heading: str, names: Sequence[str]) -> None:
    print_table([Column(heading)], [(name,) for name in names])
