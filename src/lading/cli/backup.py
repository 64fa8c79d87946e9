"""`lading backup` and `lading restore-backup`: copies of what is known, for another day.

Blobs are files that never change, so any program can copy them. What a backup has to take care of
is the database, and which blobs belong to it.
"""

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings, require_utf8
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON, human_size, say, to_json
from lading.cli.progress import step_progress
from lading.cli.registry import audit_of, operator, translate_data_errors, with_registry
from lading.core.access import Principal
from lading.core.command_lines import command_line
from lading.core.errors import RegistryError
from lading.core.history import Change
from lading.core.timestamps import utc

with late():
    from lading.config import durations
    from lading.config.settings import Settings
    from lading.ports import database as database_port
    from lading.services import backup as backups
    from lading.services.registry import Registry
    from lading.wiring import owned_files, paths
    from lading.wiring.moving import backups as wired_backups
    from lading.wiring.moving import migration


def _duration(_: click.Context, __: click.Parameter, text: str) -> timedelta:
    """A duration as in the configuration: `6h`, `90m`."""
    try:
        hold = durations.parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if hold.total_seconds() > backups.LONGEST:
        raise click.BadParameter("at most 30d; `lading backup` again holds for longer")
    return hold


@with_examples(
    Example(
        "lading backup /backup/today", "The database, and a list of the files that belong to it."
    ),
    Example("lading backup --done /backup/today", "Those are copied: collections go on."),
)
@click.command()
@click.option(
    "--hold",
    callback=_duration,
    default="6h",
    show_default=True,
    help="How long no blob is collected, so that all can be copied.",
)
@click.option("--done", is_flag=True, help="The blobs of the backup DEST are copied: end its hold.")
@JSON
@click.argument("dest", type=click.Path(path_type=Path))
@CONFIG
def backup(dest: Path, config: Path | None, *, hold: timedelta, done: bool, as_json: bool) -> None:
    """Copy the metadata of a registry, running or not.

    DEST is a directory that is not there yet. DEST/metadata.sqlite3 is the copy, DEST/blobs.txt
    lists the files that belong to it, relative to the directory that holds everything, as `rsync
    --files-from` and `tar --files-from` take it. Until the hold ends, none of them is collected.
    CONFIG is the server's configuration file.
    """
    settings = load_settings(config)
    _require_file(settings)
    dest = Path(require_utf8(str(dest.absolute()), "the name of the directory"))
    if done:
        ended = with_registry(settings, lambda registry: backups.end_hold(registry, _hold_of(dest)))
        say("Blobs may be collected again" if ended else "There was no hold (any more)")
        return
    if os.path.lexists(dest):
        raise click.ClickException(f"{dest} is there already; name a new directory")
    until = time.time() + hold.total_seconds()
    made = with_registry(settings, lambda registry: _make(settings, registry, dest, until))
    if as_json:
        say(to_json(made))
        return
    say(f"Metadata      {made.metadata} ({human_size(made.metadata_size)})")
    say(f"Files         {made.files}, listed in {made.list}, below {made.root}")
    end = command_line("lading", "backup", "--done", dest, config)
    say(f"Held until    {utc(made.held_until)}, or `{end}`")
    say(f"Next          {_next_step(settings, made)}")


@with_examples(
    Example(
        "lading restore-backup /backup/today --force",
        "Instead of what is there now, which is kept beside it.",
    ),
)
@click.command("restore-backup")
@click.option("--force", is_flag=True, help="Replace a registry that is not empty.")
@click.argument("src", type=click.Path(exists=True, file_okay=False, path_type=Path))
@CONFIG
def restore_backup(src: Path, config: Path | None, *, force: bool) -> None:
    """Put the metadata of a backup in place. SRC is its directory. The server must not run.

    The files that SRC/blobs.txt lists are to be copied back with the program that copied them.
    What is replaced is kept beside it. CONFIG is the server's configuration file.
    """
    settings = load_settings(config)
    if settings.storage.driver == "inmemory":
        raise click.ClickException("data in memory cannot be restored (storage: inmemory)")
    _require_file(settings)
    database = paths.metadata_path(settings.storage.directory)
    change = Change(operator(), time.time())
    try:
        with translate_data_errors(settings):
            kept = wired_backups.restore_database(
                settings, src / backups.METADATA, change, force=force
            )
    except database_port.NotEmpty as error:
        raise click.ClickException(
            f"there is a registry in {database.parent.parent} that is not empty; name another"
            " directory, or say --force to replace it (it is kept beside the new one)"
        ) from error
    except database_port.UnusableBackup as error:
        raise click.ClickException(f"{error}; nothing was changed") from error
    with audit_of(settings) as note:
        note("backup.restore", source=str(src.absolute()))
    say(f"Restored      {database}")
    if kept is not None:
        say(f"Replaced      kept as {kept}")
    check = command_line("lading", "verify", config)
    say(f"Next          copy the files of {src / backups.BLOBS} back, then `{check}`")


@click.command()
@CONFIG
def restored(config: Path | None) -> None:
    """Say that PostgreSQL was restored from a backup.

    Say so before a server starts with it. What is newer than the backup in the store, and so
    unknown to it, is kept until `lading verify --repair --delete-unknown`. Leases, holds and
    unfinished uploads of the time of the backup end. Once it is served, no server that still runs
    on the old database deletes anything of the store. CONFIG is the server's configuration file.
    """
    settings = load_settings(config)
    if settings.database.postgresql is None:
        raise click.ClickException(
            "the metadata is in SQLite, where `lading restore-backup` does this itself"
        )
    with_registry(settings, partial(_note_restored, settings=settings))
    check = command_line("lading", "verify", config)
    say(f"Noted         what the database does not know is kept\nNext          `{check}`")


async def _note_restored(registry: "Registry", settings: "Settings") -> None:
    await backups.note_restored(registry, Principal(operator()))
    await owned_files.begin_restored(registry, settings)


def _require_file(settings: "Settings") -> None:
    """Require that the metadata is a file, which this can copy and put in place."""
    if settings.database.postgresql is not None:
        raise click.ClickException(
            "the metadata is in PostgreSQL: copy it with `pg_dump --format=custom`, and put it back"
            " with `pg_restore`, then `lading restored`; copy the blobs after the dump"
            " (docs/operations.md)"
        )


def _hold_of(dest: Path) -> str:
    """The name of a backup's hold: the same by whichever path the directory is named."""
    return os.path.realpath(dest)


def _next_step(settings: "Settings", made: "_Made") -> str:
    if settings.storage.driver == "s3":
        return "copy these objects with the programs of the store"
    return command_line("rsync", "-a", f"--files-from={made.list}", f"{made.root}/", "TARGET/")


@dataclass(frozen=True, slots=True)
class _Made:
    """A backup that was made.

    Attributes:
        list: of files, relative to `root`.
        files: how many.
        held_until: when what it lists may be collected, in seconds since the epoch.
    """

    metadata: str
    metadata_size: int
    list: str
    files: int
    root: str
    held_until: float


async def _make(settings: "Settings", registry: "Registry", dest: Path, until: float) -> _Made:
    try:
        with backups.new_directory(dest) as directory:
            copy = await backups.copy_metadata(
                registry, directory, name=_hold_of(dest), until=until
            )
            with (
                wired_backups.copied_blobs(settings, copy) as copied,
                step_progress("is listing") as progress,
            ):
                progress.begin("Listing files", copied.count)
                files = await backups.list_blobs(registry, directory, copied, progress.advance)
    except (OSError, RegistryError) as error:
        raise click.ClickException(f"cannot write {dest}: {error}") from error
    storage = settings.storage
    is_elsewhere = storage.driver == "s3"
    files_root = storage.filesystem.rootdirectory.absolute()
    return _Made(
        metadata=str(dest / backups.METADATA),
        metadata_size=(dest / backups.METADATA).stat().st_size,
        list=str(dest / backups.BLOBS),
        files=files,
        root=migration.place_of_bytes(storage) if is_elsewhere else str(files_root),
        held_until=until,
    )
