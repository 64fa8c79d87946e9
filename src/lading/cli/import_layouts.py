"""`lading import`: OCI image layouts, as zot, skopeo and CI systems have them on their disks."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from lading.cli.arguments import load_settings
from lading.cli.examples import Example, with_examples
from lading.cli.late import late
from lading.cli.output import JSON_LINES, clean, counted, human_size, plain, say, to_json
from lading.cli.progress import step_progress
from lading.cli.registry import operators_grant, with_registry
from lading.core.damage import Finding

with late():
    import asyncio

    from lading.ports.layouts import ImageLayout
    from lading.services.moving import import_layouts as importing
    from lading.services.moving.import_repository import ImportTally
    from lading.services.progress import StepProgress
    from lading.services.registry import Registry
    from lading.wiring.moving import directories


@with_examples(
    Example("lading import /var/lib/zot", "Each repository by the name of its folder."),
    Example("lading import /srv/build/oci team/app", "One layout, by a name of its own."),
)
@click.command("import")
@click.argument("directory", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.argument("name", required=False)
@click.option("--config", type=click.Path(path_type=Path), help="The server's configuration file.")
@JSON_LINES
def import_(directory: Path, name: str | None, *, config: Path | None, as_json: bool) -> None:
    """Bring the images of OCI image layouts, as zot has them.

    DIR is one, or the layouts are below it. NAME is the repository for the images of DIR, or what
    comes before the names of those below it; without one they are named as their folders. Blobs are
    hard links where they can be, and every digest is verified. The server may run meanwhile. What
    is there already is left alone, so an import that was interrupted is done again. Exits with 1 if
    an image is left out.
    """
    _require_directory(directory)
    settings = load_settings(config)

    async def work(registry: "Registry") -> "tuple[ImportTally, int]":
        left = 0
        with step_progress("is importing") as progress:
            task = directories.new_import(registry, settings, operators_grant, progress)
            for repository, layout in await _search(directory, name, progress):
                async for finding in importing.run(task, repository, layout):
                    left += 1
                    document = {"finding": plain(finding)}
                    progress.print(to_json(document) if as_json else _words(finding))
        return task.tally, left

    tally, left = with_registry(settings, work, create=True)
    if tally.repositories == 0 and left == 0:
        raise click.ClickException(
            f"there is no OCI image layout in {directory}, nor below it: such a directory has a"
            " file `oci-layout`, and `skopeo copy` makes one, of what was written to `dir:` by"
            " `skopeo copy dir:DIR oci:NEW:TAG`, of what `docker save` wrote by"
            " `skopeo copy docker-archive:FILE oci:NEW:TAG`; what"
            " `registry:2` or `registry:3` have is taken over by `lading adopt`"
        )
    say(to_json({"summary": plain(tally)}) if as_json else _summary(tally, left))
    if left:
        sys.exit(1)


def _require_directory(path: Path) -> None:
    """Require a directory: of archives, which people have as well, one is made before."""
    if not path.is_dir():
        raise click.BadParameter(
            f"{path} is a file, and no directory: unpack it (`tar -xf FILE -C DIR`) if it is"
            " an archive of a layout, as `docker save` writes since version 25, and `podman save"
            " --format oci-archive`; of others `skopeo copy docker-archive:FILE oci:DIR:TAG` makes"
            " one"
        )


async def _search(
    directory: Path, name: str | None, progress: "StepProgress"
) -> "Sequence[tuple[str, ImageLayout]]":
    """All layouts, each with its repository's name."""
    progress.begin(f"Looking for image layouts in {directory}", 0)
    layouts = []
    for found in directories.named_layouts(directory, name):
        progress.advance(1)
        await asyncio.sleep(0)  # which Ctrl-C ends
        if found is not None:
            layouts.append(found)
    return layouts


def _words(finding: Finding) -> str:
    advice = f"\n    to do: {clean(finding.advice)}" if finding.advice else ""
    return clean(f"{finding.subject}: {finding.explanation}; {finding.mended}") + advice


def _summary(tally: "ImportTally", left: int) -> str:
    size = human_size(tally.size)
    return (
        f"Imported  {counted(tally.manifests, 'manifest')} and {counted(tally.tags, 'tag')} into"
        f" {counted(tally.repositories, 'repository', 'repositories')}\n"
        f"Blobs     {tally.linked} linked, {tally.copied} copied; {size} with those that were here"
        + (f"\nLeft out  {left}, named above" if left else "")
    )
