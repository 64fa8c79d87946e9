"""`lading cp`: images from one registry to another, to a folder, or from one."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack

import click

from lading.cli.arguments import speaking_options
from lading.cli.completion import complete_image
from lading.cli.copy_places import PlaceOpener
from lading.cli.copy_progress import copy_progress
from lading.cli.copy_run import CopyOrder, CopyRun
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.exits import INTERRUPTED, NotAllowed, NothingFound, end_at_once
from lading.cli.output import JSON_LINES, say
from lading.client.copy_rules import CopyRules
from lading.client.errors import ClientError, NotPermitted, NotThere, ReferenceInvalid
from lading.client.kept_uploads import uploads_folder
from lading.client.options import SessionOptions

# How the command ends after an error of the client, with which exit code.
_ENDS: Mapping[type[ClientError], type[click.ClickException]] = {
    ReferenceInvalid: click.UsageError,
    NotThere: NothingFound,
    NotPermitted: NotAllowed,
}


@with_examples(
    Example(f"lading cp {REGISTRY}/app:1.0 {REGISTRY}/copies/app", "One image; as the same tag."),
    Example(
        f"lading cp {REGISTRY}/app {REGISTRY}/copies/app --tags '1.*' --exclude '*-rc*'",
        "All tags of a pattern; a second run sends nothing but HEAD requests.",
    ),
)
@click.command()
@click.argument("source", shell_complete=complete_image)
@click.argument("target", shell_complete=complete_image)
@click.option("--tags", multiple=True, help="Copy all tags of this pattern, such as 'v*'.")
@click.option("--exclude", multiple=True, help="But not those of this pattern.")
@click.option("--platform", multiple=True, help="Of an index, only this, such as linux/arm64.")
@click.option("--no-referrers", is_flag=True, help="Leave signatures and SBOMs behind.")
@click.option("--again", is_flag=True, help="Look at all of an image that is there already.")
@click.option(
    "--jobs",
    default=6,
    show_default=True,
    type=click.IntRange(1, 64),
    help="How many requests to each host at a time.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be copied.")
@click.option("--keep-going", is_flag=True, help="Copy the rest when an image cannot be.")
@speaking_options
@JSON_LINES
def cp(
    source: str,
    target: str,
    *,
    tags: tuple[str, ...],
    exclude: tuple[str, ...],
    platform: tuple[str, ...],
    no_referrers: bool,
    again: bool,
    jobs: int,
    dry_run: bool,
    keep_going: bool,
    speaking: SessionOptions,
    as_json: bool,
) -> None:
    """Copy images between registries and folders.

    Signatures and the like come along. SOURCE and TARGET are
    `[registry/]repository[:tag][@digest]`, or `oci:DIR[:TAG]` for a folder that is an OCI image
    layout. What the target has already is left alone. Exits with 1 if an image cannot be copied, 3
    if it is not there, 4 if a registry refuses it, 130 on Ctrl-C.
    """
    rules = CopyRules(platform, not no_referrers, again)
    order = CopyOrder(source, target, tags, exclude, rules, jobs, dry_run, keep_going, as_json)
    with ExitStack() as stack:
        steps = stack.enter_context(copy_progress())
        options = speaking._replace(at_once=jobs, on_wait=steps.wait, kept_uploads=uploads_folder())
        try:
            run = CopyRun(order, PlaceOpener(stack, options), steps)
            run.go()
        except ClientError as error:
            raise _ENDS.get(type(error), click.ClickException)(str(error)) from error
        except KeyboardInterrupt:
            stack.close()
            say("Interrupted; the same command goes on with what is left", err=True)
            # Threads may wait for a registry; what they send becomes nothing.
            end_at_once(INTERRUPTED)
    if run.failures:
        sys.exit(1)
