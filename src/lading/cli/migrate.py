"""`lading migrate`: a running registry, with all that it has, to another database or another store.

What is printed at the end says what to do then: no command stops a server, or starts one.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON, counted, human_size, say, to_json
from lading.cli.progress import step_progress
from lading.cli.registry import operator, translate_data_errors, with_registry
from lading.core.access import Principal
from lading.core.command_lines import command_line

with late():
    import asyncio

    from lading.config.settings import Settings
    from lading.services.moving import migrate as migrating
    from lading.services.moving import migration_work
    from lading.services.moving.migrate import Migrated
    from lading.services.registry import Registry
    from lading.wiring import databases
    from lading.wiring.moving import migration as migrations


@with_examples(
    Example(
        "lading migrate --to /etc/lading/new.yml",
        "To the database and the store of another configuration.",
    ),
)
@click.command()
@click.option(
    "--to",
    "to",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The configuration file of the registry as it is to be. What REGISTRY_… variables say"
    " is about CONFIG alone.",
)
@JSON
@CONFIG
def migrate(config: Path | None, *, to: Path, as_json: bool) -> None:
    """Bring a registry to another database or another store.

    Pulls and pushes go on until the last moments, in which the registry is read-only; it stays so.
    Then stop its server, and start one with the new configuration. What was there before stays as
    it is. A migration that was interrupted goes on if it is run again. CONFIG is the configuration
    file of the server as it is now.
    """
    settings, target = load_settings(config), load_settings(to, {})
    if target.storage.driver == "inmemory":
        raise click.ClickException(f"{to} keeps everything in memory (storage: inmemory)")
    for each in (settings, target):
        with translate_data_errors(each):
            databases.require_current(each)
    migrated, keeps_database = with_registry(
        settings, lambda origin: _migrate(origin, settings, target)
    )
    say(to_json(migrated) if as_json else "\n".join(_words(migrated, to, keeps_database)))


async def _migrate(
    origin: "Registry", settings: "Settings", target: "Settings"
) -> "tuple[Migrated, bool]":
    """Migrate a registry; what has come of it, and whether it keeps its database."""
    _end_by_interrupt()
    with translate_data_errors(target), step_progress("is migrating") as progress:
        opening = migrations.open_migration(
            origin, settings, target, Principal(operator()), progress
        )
        async with opening as migration:
            try:
                return await migrating.run(migration), migration.same_database
            except migration_work.CannotMigrate as error:
                raise click.ClickException(str(error)) from error
            except BaseException as error:  # interrupted, too
                for note in getattr(error, "__notes__", ()):
                    say(note, err=True)
                raise


def _words(migrated: "Migrated", to: Path, keeps_database: bool) -> Iterator[str]:
    """The report: what was done, and what is to be done now."""
    yield f"Copied        {counted(migrated.blobs, 'blob')} ({human_size(migrated.size)})"
    yield f"Verified      every digest, and {counted(migrated.rows, 'row')}" + (
        ", which stayed where they were" if keeps_database else ""
    )
    yield f"Read-only     for {migrated.seconds:.1f} s until all was there; it stays so"
    if migrated.unfinished:
        uploads = counted(migrated.unfinished, "unfinished upload")
        yield f"Left behind   {uploads}; clients begin anew"
    steps = [command_line("lading", "serve", to)]
    if keeps_database:
        steps.insert(0, command_line("lading", "read-only", "off", to))
    yield f"Next          stop the server, then {' and '.join(f'`{step}`' for step in steps)}"


def _end_by_interrupt() -> None:
    """Have a terminal that is closed end this as Ctrl-C does: a registry is made writable again."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else it is ignored, as by `nohup`
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, signal.raise_signal, signal.SIGINT)
