"""`lading verify`: check everything that is stored, while the server runs or not.

Findings are printed as they come, so that a check of a large registry tells early. With `--json`
each line is a document of its own, the last one the summary.
"""

import sys
from pathlib import Path

import click

from lading.cli.arguments import CONFIG
from lading.cli.findings_alone import in_findings_alone
from lading.cli.late import late
from lading.cli.output import JSON_LINES, counted, plain, say, to_json
from lading.cli.progress import StepLines, step_progress
from lading.cli.registry import with_registry
from lading.cli.words import finding_words, unused_words

with late():
    from lading.ports.objects import UnusedBytes
    from lading.services import upkeep, verify_blobs
    from lading.services import verify as checking
    from lading.services.registry import Registry


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
    config: Path, *, checksums: bool, repair: bool, delete_unknown: bool, as_json: bool
) -> None:
    """Compare what the database says with the bytes.

    Exits with 0 if nothing is wrong, or nothing any more; with 1 if there is something left to do.
    The server may run meanwhile. CONFIG is the server's configuration file.
    """
    if delete_unknown and not repair:
        raise click.UsageError("--delete-unknown goes with --repair")
    command = _Verification(
        checksums=checksums, repair=repair, unknown=delete_unknown, as_json=as_json
    )
    with in_findings_alone():
        left = with_registry(config, command.run)
    if left:
        sys.exit(1)


class _Verification:
    """A run of the command, with the findings so far."""

    def __init__(self, *, checksums: bool, repair: bool, unknown: bool, as_json: bool) -> None:
        self._checksums = checksums
        self._repair = repair
        self._unknown = unknown
        self._as_json = as_json
        self._found = 0
        self._left = 0

    async def run(self, registry: "Registry") -> bool:
        """Check everything; whether there is something left to do."""
        totals = await registry.metadata.inspection.totals()
        length = totals.manifests + (totals.size if self._checksums else totals.blobs)
        with step_progress("is verifying") as progress:
            progress.begin("Checking", length)
            await self._check(registry, progress)
        self._conclude(totals.blobs, totals.manifests, await upkeep.unused(registry))
        return self._left > 0

    async def _check(self, registry: "Registry", progress: StepLines) -> None:
        check = verify_blobs.Check(
            registry, self._checksums, self._repair, progress.advance, self._unknown
        )
        async for finding in checking.run(check):
            self._found += 1
            self._left += finding.advice != ""
            document = {"finding": plain(finding)}
            progress.print(to_json(document) if self._as_json else finding_words(finding, "mended"))

    def _conclude(self, blobs: int, manifests: int, unused: "UnusedBytes") -> None:
        if self._as_json:
            summary = {
                "blobs": blobs,
                "manifests": manifests,
                "checksums": self._checksums,
                "findings": self._found,
                "left": self._left,
                "unused": {"objects": unused.objects, "bytes": unused.size},
            }
            say(to_json({"summary": summary}))
            return
        checked = f"{counted(blobs, 'blob')} and {counted(manifests, 'manifest')} checked"
        if not self._found:
            say(f"{checked}: all is well")
        else:
            say(f"{checked}: {counted(self._found, 'finding')}, {self._left} of them left to mend")
        if unused.objects:
            say(unused_words(unused))
