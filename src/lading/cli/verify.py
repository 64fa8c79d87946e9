"""`lading verify`: check everything that is stored, while the server runs or not.

Findings are printed as they come, so that a check of a large registry tells early. With `--json`
each line is a document of its own, the last one the summary.
"""

import sys
from pathlib import Path

import click

from lading.cli.arguments import CONFIG, load_settings
from lading.cli.examples import Example, with_examples
from lading.cli.findings import FindingReport, in_findings_alone, unused_words
from lading.cli.late import late
from lading.cli.output import JSON_LINES, counted, say, to_json
from lading.cli.progress import step_progress
from lading.cli.registry import with_registry

with late():
    from lading.services import upkeep, verify_blobs
    from lading.services import verify as checking
    from lading.services.registry import Registry


@with_examples(
    Example("lading verify", "Whether what the database knows is there, with its size."),
    Example("lading verify --checksums --repair", "Byte for byte; and mend what can be mended."),
)
@click.command()
@click.option(
    "--checksums", is_flag=True, help="Read all bytes, and compare them with their digests."
)
@click.option("--repair", is_flag=True, help="Mend what can be mended without loss.")
@click.option(
    "--delete-unknown",
    is_flag=True,
    help="With --repair: delete bytes that the database does not know, even if they may have been"
    " there before it. What another registry's `repositories` refer to stays.",
)
@JSON_LINES
@CONFIG
def verify(
    config: Path | None, *, checksums: bool, repair: bool, delete_unknown: bool, as_json: bool
) -> None:
    """Compare what the database says with the bytes.

    Exits with 0 if nothing is wrong, or nothing any more; with 1 if there is something left to do.
    The server may run meanwhile. CONFIG is the server's configuration file.
    """
    if delete_unknown and not repair:
        raise click.UsageError("--delete-unknown goes with --repair")
    report = FindingReport("mended", as_json=as_json)
    with in_findings_alone():
        with_registry(
            load_settings(config),
            lambda registry: _verify(registry, report, checksums, repair, delete_unknown),
        )
    if report.left:
        sys.exit(1)


async def _verify(
    registry: "Registry", report: FindingReport, checksums: bool, repair: bool, unknown: bool
) -> None:
    """Check everything, and tell what is found and how much was looked at."""
    totals = await registry.metadata.inspection.totals()
    length = totals.manifests + (totals.size if checksums else totals.blobs)
    with step_progress("is verifying") as progress:
        progress.begin("Checking", length)
        check = verify_blobs.Check(registry, checksums, repair, progress.advance, unknown)
        async for finding in checking.run(check):
            report.tell(finding, progress)
    found, unused = report.kinds.total(), await upkeep.unused(registry)
    if report.as_json:
        summary = {
            "blobs": totals.blobs,
            "manifests": totals.manifests,
            "checksums": checksums,
            "findings": found,
            "left": report.left,
            "unused": {
                "objects": unused.objects,
                "bytes": unused.size,
                "refused": unused.refused,
            },
        }
        say(to_json({"summary": summary}))
        return
    looked = f"{counted(totals.blobs, 'blob')} and {counted(totals.manifests, 'manifest')} checked"
    left = f"{counted(found, 'finding')}, {report.left} of them left to mend"
    say(f"{looked}: {left if found else 'all is well'}")
    if unused.objects:
        say(unused_words(unused))
