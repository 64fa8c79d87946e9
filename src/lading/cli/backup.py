"""`lading backup` and `lading restore-backup`: copies of what is known, for another day.

Blobs are files that never change, so any program can copy them. What a backup has to take care of
is the database, and which blobs belong to it.
"""

import os
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from lading.blobs.layout import Layout
from lading.cli.arguments import CONFIG
from lading.cli.output import to_json
from lading.cli.registry import note, operator, run_with
from lading.cli.settings import load_settings
from lading.cli.stores import told
from lading.cli.units import human_size
from lading.config.durations import parse_duration
from lading.config.settings import Settings
from lading.core.errors import RegistryError
from lading.core.garbage import utc
from lading.core.history import Change
from lading.metadata.copies import count_blobs, open_copy, stored_blobs
from lading.metadata.replacement import NotEmpty, UnusableBackup, replace
from lading.ports.maintenance import LONGEST_HOLD, Hold
from lading.services import backup as backing_up
from lading.services.registry import Registry
from lading.system.durable import sync_directory
from lading.wiring import datadir
from lading.wiring.paths import metadata_path

METADATA = "metadata.sqlite3"
BLOBS = "blobs.txt"
DAY = 24 * 3600.0


def _duration(_: click.Context, __: click.Parameter, text: str) -> timedelta:
    """As in the configuration: `6h`, `90m`."""
    try:
        hold = parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if hold.total_seconds() > LONGEST_HOLD - DAY:
        raise click.BadParameter("at most 30d; `lading backup` again holds for longer")
    return hold


@click.command()
@click.option(
    "--hold",
    callback=_duration,
    default="6h",
    show_default=True,
    help="How long no blob is collected, so that all can be copied.",
)
@click.option("--done", is_flag=True, help="The blobs of the backup DEST are copied: end its hold.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
@click.argument("dest", type=click.Path(path_type=Path))
@CONFIG
def backup(dest: Path, config: Path | None, *, hold: timedelta, done: bool, as_json: bool) -> None:
    """Copy the metadata of a registry, running or not, to the new directory DEST.

    DEST/metadata.sqlite3 is the copy, DEST/blobs.txt lists the files that belong to it, relative to
    the directory that holds everything, as `rsync --files-from` and `tar --files-from` take it.
    Until the hold ends, none of them is collected. CONFIG is the server's configuration file.
    """
    settings = load_settings(config)
    command = _Backup(settings, dest.absolute(), hold.total_seconds())
    if done:
        released = run_with(settings, command.end_hold)
        click.echo("Blobs may be collected again" if released else "There was no hold (any more)")
        return
    command.require_free_name()
    made = run_with(settings, command.make)
    if as_json:
        click.echo(to_json(made))
        return
    click.echo(f"Metadata      {made.metadata} ({human_size(made.metadata_size)})")
    click.echo(f"Files         {made.files}, listed in {made.list}, below {made.root}")
    click.echo(f"Held until    {utc(made.held_until)}, or `lading backup --done`")
    click.echo(f"Next          rsync -a --files-from={made.list} {made.root}/ TARGET/")


@click.command("restore-backup")
@click.option("--force", is_flag=True, help="Replace a registry that is not empty.")
@click.argument("src", type=click.Path(exists=True, file_okay=False, path_type=Path))
@CONFIG
def restore_backup(src: Path, config: Path | None, *, force: bool) -> None:
    """Put the metadata of the backup SRC in place. The server must not run.

    The files that SRC/blobs.txt lists are to be copied back with the program that copied them.
    What is replaced is kept beside it. CONFIG is the server's configuration file.
    """
    settings = load_settings(config)
    if settings.storage.driver == "inmemory":
        raise click.ClickException("data in memory cannot be restored (storage: inmemory)")
    database = metadata_path(settings.storage.filesystem.rootdirectory)
    aside = database.with_name(f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite3")
    change = Change(operator(), time.time())
    try:
        with told(settings):
            kept = replace(database, src / METADATA, aside=aside, force=force, change=change)
            datadir.protect(database)
    except NotEmpty as error:
        raise click.ClickException(
            f"there is a registry in {database.parent.parent} that is not empty; name another"
            " directory, or say --force to replace it (it is kept beside the new one)"
        ) from error
    except UnusableBackup as error:
        raise click.ClickException(f"{error}; nothing was changed") from error
    note(settings, "backup.restore", source=str(src.absolute()))
    click.echo(f"Restored      {database}")
    if kept:
        click.echo(f"Replaced      kept as {aside}")
    check = " ".join(["lading verify", *([str(config)] if config else [])])
    click.echo(f"Next          copy the files of {src / BLOBS} back, then `{check}`")


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


class _Backup:
    """One run of the command.

    Everything is made under another name, so that DEST is whole if it is there.
    """

    def __init__(self, settings: Settings, dest: Path, hold: float) -> None:
        self._dest = dest
        self._partial = dest.with_name(f"{dest.name}.partial")
        self._root = settings.storage.filesystem.rootdirectory.absolute()
        self._hold = Hold(str(dest), time.time() + hold)

    def require_free_name(self) -> None:
        """Nothing is overwritten.

        Raises:
            ClickException: DEST is there already.
        """
        if self._dest.exists():
            raise click.ClickException(f"{self._dest} is there already; name a new directory")

    async def make(self, registry: Registry) -> _Made:
        """Make the backup.

        Raises:
            ClickException: something cannot be written.
        """
        try:
            self._begin()
            await backing_up.copy_metadata(registry, self._partial / METADATA, self._hold)
            files = await self._list(registry)
            self._finish()
        except BaseException as error:
            with suppress(OSError):
                self._discard()
            if isinstance(error, OSError | RegistryError):
                raise click.ClickException(f"cannot write {self._dest}: {error}") from error
            raise
        metadata = self._dest / METADATA
        return _Made(
            metadata=str(metadata),
            metadata_size=metadata.stat().st_size,
            list=str(self._dest / BLOBS),
            files=files,
            root=str(self._root),
            held_until=self._hold.until,
        )

    async def end_hold(self, registry: Registry) -> bool:
        """The blobs are copied; false if there was no hold."""
        return await registry.metadata.release_blobs(self._hold.name)

    def _begin(self) -> None:
        self._discard()  # what a crash has left
        self._partial.mkdir(parents=True, mode=0o700)

    def _discard(self) -> None:
        """Delete what was made under the other name; what is not of this command stays."""
        for name in (METADATA, f"{METADATA}-journal", BLOBS):
            (self._partial / name).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            self._partial.rmdir()

    async def _list(self, registry: Registry) -> int:
        files = 0
        with closing(open_copy(self._partial / METADATA)) as copy:
            length = count_blobs(copy)
            with (
                (self._partial / BLOBS).open("w") as lines,
                click.progressbar(length=length, label="Listing", file=sys.stderr) as bar,
            ):
                layout = Layout(self._root)
                async for digest in backing_up.list_stored(registry, stored_blobs(copy)):
                    lines.write(f"{Path(layout.blob(digest)).relative_to(self._root)}\n")
                    bar.update(1)
                    files += 1
                lines.flush()
                os.fsync(lines.fileno())
        return files

    def _finish(self) -> None:
        sync_directory(self._partial)
        self._partial.rename(self._dest)
        sync_directory(self._dest.parent)
