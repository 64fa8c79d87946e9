"""`lading garbage-collect`: free what nothing needs, while the server runs or not.

Prints the lines of CNCF Distribution's command of that name, which scripts read, and then a summary
with bytes.
"""

import asyncio
import sys
from pathlib import Path

import click

from lading.app import close_registry, open_registry
from lading.cli.settings import load_settings
from lading.cli.units import human_size
from lading.config.settings import Settings
from lading.core.garbage import DoomedBlob, DoomedManifest, Limits
from lading.services import collect
from lading.services.collect import Plan
from lading.services.registry import Registry


@click.command("garbage-collect")
@click.option("-d", "--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option(
    "-m", "--delete-untagged", is_flag=True, help="Also remove manifests that no tag leads to."
)
@click.option("-q", "--quiet", is_flag=True, help="Print the summary only.")
@click.argument("config", type=click.Path(path_type=Path))
def garbage_collect(config: Path, *, dry_run: bool, delete_untagged: bool, quiet: bool) -> None:
    """Remove deleted images for good, and free the bytes that nothing needs.

    The server may run meanwhile: pushes and pulls go on. CONFIG is the server's configuration file.
    """
    settings = load_settings(config)
    if settings.storage.driver == "inmemory":
        raise click.ClickException("data in memory belongs to the server alone (storage: inmemory)")
    asyncio.run(_collect(settings, dry_run=dry_run, untagged=delete_untagged, quiet=quiet))


async def _collect(settings: Settings, *, dry_run: bool, untagged: bool, quiet: bool) -> None:
    registry = open_registry(settings)
    try:
        now = registry.clock()
        # By hand, the trash is emptied: what is in it has no window left.
        limits = Limits(now=now, grace=registry.policy.grace, trash_before=now, untagged=untagged)
        plan = await collect.plan(registry, limits)
        if not quiet:
            await _print_plan(registry, plan)
        if dry_run:
            _summarise(plan)
        else:
            await _run(registry, plan)
    finally:
        await close_registry(registry)


async def _print_plan(registry: Registry, plan: Plan) -> None:
    marked = 0
    async for repository, manifests in collect.list_kept(registry, plan):
        click.echo(repository)
        for digest, children in manifests:
            click.echo(f"{repository}: marking manifest {digest} ")
            for child in children:
                click.echo(f"{repository}: marking blob {child}")
            marked += 1 + len(children)
    for manifest in plan.manifests:
        click.echo(
            f"manifest eligible for deletion: {{{manifest.repository} {manifest.digest} []}}"
        )
    click.echo(
        f"\n{marked} blobs marked, {len(plan.blobs)} blobs and {len(plan.manifests)} manifests"
        " eligible for deletion"
    )
    for blob in plan.blobs:
        click.echo(f"blob eligible for deletion: {blob.digest}")
    for link in plan.links:
        click.echo(f"{link.repository}: layer link eligible for deletion: {link.digest}")
    for upload in plan.uploads:
        click.echo(
            f"{upload.repository}: upload given up: {upload.upload} ({human_size(upload.size)})"
        )


def _summarise(plan: Plan) -> None:
    click.echo(
        f"{len(plan.manifests)} manifests and {len(plan.blobs)} blobs would be removed;"
        f" {plan.size} bytes ({human_size(plan.size)}) would be freed"
    )


async def _run(registry: Registry, plan: Plan) -> None:
    manifests = blobs = freed = 0
    with click.progressbar(length=len(plan.items), label="Removing", file=sys.stderr) as bar:
        async for removed in collect.run(registry, plan):
            bar.update(1)
            match removed:
                case DoomedManifest():
                    manifests += 1
                case DoomedBlob(size=size):
                    blobs += 1
                    freed += size
                case _:
                    pass
    click.echo(
        f"{manifests} manifests and {blobs} blobs removed;"
        f" {freed} bytes ({human_size(freed)}) freed"
    )
