"""`lading trash ls`, `lading restore`, `lading history`: what was deleted or moved, and back."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings, parse_time, parsed
from lading.cli.examples import Example, with_examples
from lading.cli.exits import NothingFound
from lading.cli.late import late
from lading.cli.output import JSON, JsonList, answer, human_size, plain, say
from lading.cli.registry import operators_grant, with_registry
from lading.cli.windows import Column, print_table, say_parts
from lading.core.digest import Digest
from lading.core.history import Restored, TagMove, TrashedManifest
from lading.core.names import Reference, RepositoryName, Tag, split_reference
from lading.core.timestamps import utc

with late():
    from lading.services import trash as trash_can
    from lading.services.registry import Registry
    from lading.services.trash import Trashed


@click.group()
def trash() -> None:
    """Look at what was deleted and can be restored."""


@with_examples(
    Example("lading trash ls", "All that was deleted, with until when it is kept."),
    Example("lading trash ls --repository app", "Of one repository."),
)
@trash.command("ls")
@click.option("-r", "--repository", help="Only what was in this repository.")
@JSON
@CONFIG
def list_trash(repository: str | None, config: Path | None, *, as_json: bool) -> None:
    """List what was deleted and can be restored.

    CONFIG is the server's configuration file.
    """
    name = None if repository is None else parsed(split_reference, repository)[0]
    show = _print_as_json if as_json else _print
    with_registry(load_settings(config), lambda registry: show(registry, name))


@with_examples(
    Example("lading restore app:1.1", "A tag that was deleted."),
    Example("lading restore app", "All that was deleted in a repository."),
    Example(
        "lading restore app:1.0 --at 2026-01-31T23:59:59Z",
        "A tag back to what it led to at that time.",
        3,
    ),
)
@click.command()
@click.argument("what", metavar="REPOSITORY[:TAG|@DIGEST]")
@click.option("--at", metavar="TIME", help="Point the tag at what it pointed to then.")
@JSON
@CONFIG
def restore(what: str, at: str | None, config: Path | None, *, as_json: bool) -> None:
    """Bring back an image, a tag, or all of a repository.

    An image comes back with its tags. With --at, bring a tag back to what it was at a time that
    `lading history` tells. CONFIG is the server's configuration file.
    """
    repository, reference = parsed(split_reference, what)
    time = None if at is None else parse_time(at)
    if time is not None and (reference is None or isinstance(reference, Digest)):
        raise click.UsageError("--at goes with a tag: write REPOSITORY:TAG")
    restored = with_registry(
        load_settings(config), lambda registry: _restore(registry, repository, reference, time)
    )
    answer(restored, partial(_tell, repository), as_json=as_json)


@with_examples(
    Example("lading history app:1.0", "Each move of the tag, the last one first."),
)
@click.command()
@click.argument("what", metavar="REPOSITORY:TAG")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="At most so many moves.",
)
@JSON
@CONFIG
def history(what: str, limit: int, config: Path | None, *, as_json: bool) -> None:
    """Tell where a tag has pointed, since when, and by whom.

    The last 1,000 moves of a tag are known; of one that is gone, for a year. CONFIG is the server's
    configuration file.
    """
    repository, tag = parsed(split_reference, what)
    if not isinstance(tag, Tag):
        raise click.UsageError("write REPOSITORY:TAG")
    grant = operators_grant(repository)
    moves = with_registry(
        load_settings(config), lambda registry: trash_can.history(registry, grant, tag, limit=limit)
    )
    answer(moves, _print_moves, as_json=as_json)
    if not moves:
        raise NothingFound(f"{what}: there was no such tag; `lading tags {repository}` lists those")


def _print_moves(moves: Sequence[TagMove]) -> None:
    columns = [
        Column("WHEN", whole=True),
        Column("POINTS TO"),
        Column("WAS", style="dim", spare=True),
        Column("BY", spare=True),
    ]
    rows = [
        (utc(move.at), move.digest or "deleted", move.previous or "new", move.actor)
        for move in moves
    ]
    print_table(columns, rows)


async def _print_as_json(registry: "Registry", repository: RepositoryName | None) -> None:
    printed = JsonList()
    async for item in trash_can.list_trash(registry, repository):
        printed.add({**plain(item), "kept_until": trash_can.kept_until(registry, item)})
    printed.end()


async def _print(registry: "Registry", repository: RepositoryName | None) -> None:
    is_empty = True
    async for item in trash_can.list_trash(registry, repository):
        is_empty, until = False, trash_can.kept_until(registry, item)
        by = f" by {item.actor}" if item.actor else ""
        say_parts(*_what(item))
        say_parts(f"    deleted {utc(item.deleted_at)}{by},", f"kept until {utc(until)}")
    if is_empty:
        say("The trash is empty.", err=True)


async def _restore(
    registry: "Registry", repository: RepositoryName, reference: Reference | None, at: float | None
) -> Restored:
    grant = operators_grant(repository)
    change = registry.change_by(grant.principal)
    if reference is None:
        return await trash_can.restore_all(registry, grant, change=change)
    return await trash_can.restore(registry, grant, reference, change=change, at=at)


def _tell(repository: RepositoryName, restored: Restored) -> None:
    for digest in restored.manifests:
        say(f"{repository}@{digest} is back")
    for tag, digest in restored.tags:
        say_parts(f"{repository}:{tag} points to", digest)
    for tag in restored.taken:
        say(
            f"{repository}:{tag} is left as it is, as it points to something newer;"
            f" `lading history {repository}:{tag}` tells what"
        )
    for tag in restored.lost:
        say(f"{repository}:{tag} belonged to it, and was collected; make it again")


def _what(item: "Trashed") -> Sequence[str]:
    """What is in the trash, first of all as `lading restore` is told of it."""
    if isinstance(item, TrashedManifest):
        tags = f"tagged {', '.join(item.tags)}" if item.tags else ""
        return f"{item.repository}@{item.digest}", f"(a manifest of {human_size(item.size)})", tags
    return f"{item.repository}:{item.tag} pointed to", item.digest
