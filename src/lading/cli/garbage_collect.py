"""`lading garbage-collect`: free what nothing needs, while the server runs or not.

Prints the lines of CNCF Distribution's command of that name, which scripts read; why each thing
goes; and then a summary with bytes. Listing what stays costs what there is in the registry, which
`--quiet` saves: all else here costs what there is to collect. With `--quiet` or `--json` that goes
in steps; who reads the lists of Distribution's, or a dry run, wants to know all before the first of
it goes. Memory grows with neither: what is to be remembered waits on the disk.
"""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import NamedTuple

import click

from lading.cli.arguments import CONFIG, load_settings
from lading.cli.examples import Example, with_examples
from lading.cli.findings import unused_words
from lading.cli.late import late
from lading.cli.output import JSON, JsonList, counted, human_size, plain, say, to_json
from lading.cli.progress import step_progress
from lading.cli.registry import with_registry
from lading.core.command_lines import command_line
from lading.core.garbage import (
    ExpiredUpload,
    GarbageBlob,
    GarbageItem,
    GarbageLink,
    GarbageManifest,
    InterruptedCommit,
    OrphanTag,
)
from lading.core.names import RepositoryName
from lading.core.timestamps import utc

with late():
    from lading.services import backup, collect, jobs, lease, upkeep
    from lading.services.collect import Plan
    from lading.services.lease import Lease
    from lading.services.registry import Registry
    from lading.wiring import process_names

# How much of each kind is found at once, and removed, before it is looked for more.
STEP = 500
# What another process may be doing.
_DOING = "is collecting garbage"

KINDS = {
    GarbageManifest: "manifest",
    OrphanTag: "tag",
    GarbageLink: "link",
    GarbageBlob: "blob",
    ExpiredUpload: "upload",
    InterruptedCommit: "leftover",
}


@with_examples(
    Example("lading garbage-collect --dry-run", "What would go, why, and how many bytes."),
    Example("lading garbage-collect", "The trash is emptied; pushes and pulls go on."),
    Example("lading garbage-collect --delete-untagged --dry-run", "With all that no tag leads to."),
)
@click.command("garbage-collect")
@click.option("-d", "--dry-run", is_flag=True, help="Say what would go, and why; remove nothing.")
@click.option(
    "-m", "--delete-untagged", is_flag=True, help="Also remove manifests that no tag leads to."
)
@click.option("-q", "--quiet", is_flag=True, help="Print the summary only.")
@JSON
@CONFIG
def garbage_collect(
    config: Path | None, *, dry_run: bool, delete_untagged: bool, quiet: bool, as_json: bool
) -> None:
    """Remove deleted images for good, and free their bytes.

    The server may run meanwhile: pushes and pulls go on. It collects by itself, too, but leaves
    what was deleted in the trash for a while; this empties the trash. CONFIG is the server's
    configuration file.
    """
    command = _Collection(dry_run, delete_untagged, quiet or as_json, as_json)
    with_registry(load_settings(config), command.run)


class _Collection(NamedTuple):
    """A collection by the command: what it takes, and how it is talked of."""

    dry_run: bool
    untagged: bool
    quiet: bool
    as_json: bool

    async def run(self, registry: "Registry") -> None:
        if self.dry_run:
            await self._report(_each((await self._plan(registry)).items))
            return
        if departed := await collect.why_bytes_stay(registry):
            raise click.ClickException(f"{departed}: nothing was removed")
        name = process_names.process_name(process_names.COLLECTION)
        waiting = step_progress(_DOING).wait
        async with lease.wait_for(registry, jobs.COLLECT, name, waiting) as held:
            await jobs.set_times_back(registry)
            await self._report(self._collect(registry, held))
            unused = await upkeep.unused(registry)
            if unused.objects and not self.as_json:
                say(unused_words(unused))

    async def _collect(self, registry: "Registry", held: "Lease") -> AsyncIterator[GarbageItem]:
        if self.quiet:
            await _tell_of_hold(registry)
            criteria = collect.criteria(registry, trash=0, untagged=self.untagged, at_most=STEP)
            removing = collect.run_in_steps(registry, criteria)
        else:
            removing = _with_progress(registry, await self._plan(registry))
        async for item in removing:
            yield item
            await held.renew()

    async def _plan(self, registry: "Registry") -> "Plan":
        # By hand, the trash is emptied: what is in it has no window left.
        criteria = collect.criteria(registry, trash=0, untagged=self.untagged)
        plan = await collect.plan(registry, criteria)
        await _tell_of_hold(registry)
        if not self.quiet:
            marked = await _print_kept(registry, plan)
            manifests = plan.garbage.manifests
            _print_items(manifests)
            say(
                f"\n{marked} blobs marked, {len(plan.garbage.blobs)} blobs and {len(manifests)}"
                " manifests eligible for deletion"  # in Distribution's words
            )
            _print_items(item for item in plan.items if not isinstance(item, GarbageManifest))
        return plan

    async def _report(self, items: AsyncIterator[GarbageItem]) -> None:
        """Count what goes, and say that; in JSON each item as soon as it is known."""
        tally, listed = collect.Tally(), JsonList()
        if self.as_json:
            say(f'{{"dry_run": {to_json(self.dry_run)}, "items": ', nl=False)
        async for item in items:
            tally.count(item)
            if self.as_json:
                listed.add({"kind": KINDS[type(item)], **plain(item), "why": item.why})
        if self.as_json:
            listed.end(nl=False)
            say(f', "bytes": {tally.size}}}')
            return
        if tally.tags:
            trashed = "would be put" if self.dry_run else "put"
            say(f"{counted(tally.tags, 'attachment')} {trashed} into the trash")
        removed, freed = (
            ("would be removed", "would be freed") if self.dry_run else ("removed", "freed")
        )
        say(
            f"{counted(tally.manifests, 'manifest')}, {counted(tally.blobs, 'blob')} and"
            f" {counted(tally.uploads, 'upload')} {removed}; {_size(tally.size)} {freed}"
        )


def _size(size: int) -> str:
    """Bytes for a script, and for a person where that is something else."""
    words = human_size(size)
    plain = counted(size, "byte")
    return words if words == plain else f"{plain} ({words})"


async def _with_progress(registry: "Registry", plan: "Plan") -> AsyncIterator[GarbageItem]:
    with step_progress(_DOING) as progress:
        progress.begin("Removing", plan.count)
        async for item in collect.run(registry, plan):
            yield item
            progress.advance(1)


async def _each(items: Iterable[GarbageItem]) -> AsyncIterator[GarbageItem]:
    for item in items:
        yield item


async def _tell_of_hold(registry: "Registry") -> None:
    if (hold := await backup.find_hold(registry)) is not None:
        done = command_line("lading", "backup", "--done", hold.name)
        say(
            f"no blob is collected until {utc(hold.until)}, as the backup {hold.name} is to be"
            f" completed; when it is: `{done}`",
            err=True,
        )


async def _print_kept(registry: "Registry", plan: "Plan") -> int:
    """Print every manifest that stays, and what it needs once; how many digests that were."""
    marked = 0
    last: RepositoryName | None = None
    async for repository, manifests in collect.list_kept(registry, plan):
        if repository != last:
            say(repository)
            last = repository
        for digest, children in manifests:
            say(f"{repository}: marking manifest {digest} ")
            marked += plan.garbage.mark(digest)
            for child in children:
                if plan.garbage.mark(child):
                    marked += 1
                    say(f"{repository}: marking blob {child}")
    return marked


def _print_items(items: Iterable[GarbageItem]) -> None:
    for item in items:
        say(_line(item))
        say(f"    {_because(item)}")


def _line(item: GarbageItem) -> str:
    """The line of an item, as Distribution prints it, where it does."""
    match item:
        case GarbageManifest():
            return f"manifest eligible for deletion: {{{item.repository} {item.digest} []}}"
        case OrphanTag():
            return f"tag eligible for deletion: {item.repository}:{item.tag}"
        case GarbageLink():
            return f"{item.repository}: layer link eligible for deletion: {item.digest}"
        case GarbageBlob():
            return f"blob eligible for deletion: {item.digest}"
        case ExpiredUpload() | InterruptedCommit():
            return f"upload eligible for deletion: {item.upload.id}"


def _because(item: GarbageItem) -> str:
    if isinstance(item, OrphanTag | GarbageLink):
        return item.why
    return f"{item.why}; {human_size(item.size)}"
