"""`lading export`: all that is here, with links of CNCF Distribution, so that it can serve it."""

from pathlib import Path

import click

from lading.cli.arguments import load_settings, with_files
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON, counted, human_size, say, to_json
from lading.cli.progress import step_progress
from lading.cli.registry import with_registry
from lading.core.moving import ExportTally

with late():
    from lading.config.settings import Settings
    from lading.services.moving import export as exporting
    from lading.services.registry import Registry
    from lading.wiring import paths
    from lading.wiring.moving import directories


@with_examples(
    Example(
        "lading export /var/lib/registry",
        "While this registry serves; and once more when it is read-only.",
    ),
)
@click.command()
@click.argument("root", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration file of this registry; without one, it is the registry in ROOT if"
    " there is one.",
)
@click.option(
    "--over",
    is_flag=True,
    help="Write even where another registry has something: its tags of the same names then point to"
    " what is here.",
)
@JSON
def export(root: Path, *, config: Path | None, over: bool, as_json: bool) -> None:
    """Write all that is here as `registry:2` keeps it.

    CNCF Distribution, which `registry:2` and `registry:3` are, can serve it then. ROOT is its
    `rootdirectory`. In this registry's own directory, links are written beside the blobs, and those
    of what was deleted are removed; elsewhere, blobs are hard links, or copies. The server may run
    meanwhile; make it read-only for the last run (`lading read-only on`). A run that was
    interrupted is done again.
    """
    settings = _settings(config, root)
    with step_progress("is exporting") as progress:

        async def work(registry: "Registry") -> ExportTally:
            try:
                export = directories.new_export(registry, settings, root, progress, over=over)
            except OSError as error:  # of there, and not of our data
                why = f"nothing can be written in {root}: {error.strerror or error}"
                raise click.ClickException(why) from error
            return await exporting.run(export)

        try:
            tally = with_registry(settings, work)
        except directories.AnotherRegistry as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        say(to_json(tally))
        return
    say(f"Repositories  {tally.repositories}")
    say(f"Links         {tally.links} written, {tally.removed} removed")
    say(f"Bytes         {counted(tally.blobs, 'blob')} ({human_size(tally.size)}) brought")
    say("Next          stop this registry, and start the other one")


def _settings(config: Path | None, root: Path) -> "Settings":
    settings = load_settings(config)
    try:
        is_ours = config is None and paths.metadata_path(root).exists()
    except OSError as error:
        raise click.ClickException(
            f"whether {root} has a registry cannot be seen: {error.strerror}; run this as the user"
            " that it runs as"
        ) from error
    if not is_ours:
        return settings
    return with_files(settings, {"rootdirectory": root})
