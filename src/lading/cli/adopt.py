"""`lading adopt`: what CNCF Distribution has, taken over in the place where it is.

Findings are printed as they come, of each kind the first ones and then how many more. With `--json`
each line is a document of its own, the last one the summary.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from lading.cli.arguments import load_settings, with_files
from lading.cli.examples import Example, with_examples
from lading.cli.findings import FindingReport, in_findings_alone
from lading.cli.late import late
from lading.cli.output import JSON_LINES, counted, human_size, plain, say, to_json
from lading.cli.progress import step_progress
from lading.cli.registry import operator, run_on_data, with_registry
from lading.core.access import Principal
from lading.core.command_lines import command_line

with late():
    from lading.config.settings import Settings
    from lading.services.moving import adopt as adopting
    from lading.services.moving.taking import Adoption
    from lading.services.registry import Registry
    from lading.wiring import neighbours
    from lading.wiring.moving import adoption as adoptions

# Findings of a kind that are printed for people.
MOST = 20
# Seconds below which a time is no number of minutes.
_MINUTE = 60


@with_examples(
    Example(
        "lading adopt --dry-run /var/lib/registry",
        "What is there, what is wrong with it, and how long it takes.",
    ),
    Example(
        "lading adopt /var/lib/registry",
        "While the old registry serves; and once more when it has stopped.",
    ),
)
@click.command()
@click.argument(
    "root", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration file of the registry as it is to be, or of the old one.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing: say what there is, and is wrong.")
@click.option(
    "--checksums", is_flag=True, help="Read all bytes, and compare them with their digests."
)
@click.option(
    "--repair",
    is_flag=True,
    help="Take over tags, too, whose image has no link and is there all the same.",
)
@JSON_LINES
def adopt(
    root: Path | None,
    *,
    config: Path | None,
    dry_run: bool,
    checksums: bool,
    repair: bool,
    as_json: bool,
) -> None:
    """Take over what `registry:2` or `registry:3` has, in place.

    ROOT is its `rootdirectory`, the one of the configuration if it is left out. All images become
    this registry's, with their tags and these tags' history; no byte is copied or moved. The old
    registry may serve meanwhile: stop it then, or make it read-only, and run this once more, which
    takes over what it has written since. Exits with 1 if an image is not whole.
    """
    settings, begun = _settings(config, root), time.monotonic()
    _require_root(settings.storage.filesystem.rootdirectory)
    report = FindingReport("done", as_json=as_json, most=MOST)
    with in_findings_alone():
        adoption = _take_over(settings, report, dry_run=dry_run, checksums=checksums, repair=repair)
    seconds = time.monotonic() - begun
    if as_json:
        counts = {"seconds": round(seconds, 1), "findings": dict(report.kinds), "left": report.left}
        say(to_json({"summary": plain(adoption.tally) | counts}))
    else:
        say("\n".join(_summary(adoption, report, seconds, settings)))
    if report.left:
        sys.exit(1)


def _settings(config: Path | None, root: Path | None) -> "Settings":
    """The settings, with the place that was named, where a database may begin."""
    settings = load_settings(config)
    storage = settings.storage
    if storage.driver != "filesystem":
        raise click.ClickException(
            f"only files can be taken over where they are, and this keeps its bytes in"
            f" storage.{storage.driver}: with the old registry running, copy each repository with"
            " `lading cp OLD/REPOSITORY NEW/REPOSITORY --tags '*'`; or bring its objects to a"
            " directory, take them over there, and go on to the bucket with `lading migrate`"
            " (docs/migrating.md, From Distribution on S3)"
        )
    update: dict[str, object] = {"foreignblobs": "adopt"}
    if root is not None:
        update["rootdirectory"] = root
    return with_files(settings, update)


def _require_root(place: Path) -> None:
    """Require a volume, so that nobody takes the wrong directory for one that has nothing."""
    if neighbours.is_root(place):
        return
    near = next(neighbours.volumes_near(place), None)
    if near is not None:
        where = f"that is {near}, which `{command_line('lading', 'adopt', near)}` takes over"
    elif neighbours.layout_below(place) is not None:
        bring = command_line("lading", "import", place)
        where = f"what is there are OCI image layouts, as zot has them: `{bring}`"
    else:
        where = "name the `rootdirectory` of its configuration, in which `docker/registry/v2` is"
    raise click.ClickException(f"{place} is not the root of a volume of `registry:2`: {where}")


def _take_over(
    settings: "Settings", report: FindingReport, *, dry_run: bool, checksums: bool, repair: bool
) -> "Adoption":
    """Take over what is there, or plan it, and tell the findings."""
    by, how = Principal(operator()), {"checksums": checksums, "repair": repair}

    async def run(adoption: "Adoption") -> "Adoption":
        async for finding in adopting.run(adoption):
            report.tell(finding, progress)
        return adoption

    async def plan() -> "Adoption":
        async with adoptions.open_plan(settings, by, progress, **how) as adoption:
            return await run(adoption)

    async def take_over(registry: "Registry") -> "Adoption":
        return await run(adoptions.new_adoption(registry, settings, by, progress, **how))

    with step_progress("is taking it over") as progress:
        try:
            if dry_run:
                return run_on_data(settings, plan)
            return with_registry(settings, take_over, create=True)
        except adopting.CannotAdopt as error:
            raise click.ClickException(str(error)) from error


def _summary(
    adoption: "Adoption", report: FindingReport, seconds: float, settings: "Settings"
) -> Iterator[str]:
    for kind, count in report.kinds.items():
        if count > MOST:
            yield f"… and {count - MOST} more of {kind}; `--json` prints all"
    tally = adoption.tally
    new = "To take over" if adoption.is_plan else "Taken over  "
    manifests, tags = counted(tally.manifests, "manifest"), counted(tally.tags, "tag")
    yield f"{new}  {manifests} and {tags} that are new"
    yield (
        f"In all        {counted(tally.repositories, 'repository', 'repositories')},"
        f" {counted(tally.blobs, 'blob')}"
        f" ({human_size(tally.size)})"
    )
    if tally.moves > tally.tags:
        yield f"History       {counted(tally.moves, 'move')} of tags"
    if tally.gone:
        gone = counted(tally.gone, "tag or manifest", "tags and manifests")
        yield f"Gone          {gone} deleted there since"
    if tally.garbage:
        size = human_size(tally.garbage_size)
        yield (
            f"Garbage       {counted(tally.garbage, 'blob')} ({size}), collected after the time"
            " of the trash: no repository has them, or they are manifests, which the database"
            " has now"
        )
    checked = "hashed" if adoption.checksums else "there, with its size"
    if report.left:
        yield f"Not whole     {report.left} of what is named above; see what to do there"
    else:
        yield f"Checked       every tag: all that it needs is {checked}"
    about = "about " if adoption.is_plan else ""
    took = f"{about}{seconds / 60:.1f} minutes" if seconds >= _MINUTE else "less than a minute"
    yield f"Time          {took}"
    if adoption.is_plan:
        again = command_line("lading", "adopt", settings.storage.filesystem.rootdirectory)
        yield f"Next          {again}"
    else:
        yield (
            "Next          stop the old registry, run this once more if it has served until now,"
            " then `lading serve`"
        )
