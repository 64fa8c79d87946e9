"""`lading cp`: images from one registry to another, to a folder, or from one."""

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import click

from lading.cli.complete_images import complete_image
from lading.cli.copy_places import PlaceOpener, TypedPlace
from lading.cli.copy_progress import CopyLines, copy_progress
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.exits import NotAllowed, NothingFound
from lading.cli.output import JSON_LINES, human_size, say, to_json
from lading.client.copy_rules import CopyRules
from lading.client.copying import Copier
from lading.client.errors import ClientError, NotPermitted, NotThere, ReferenceInvalid
from lading.client.kept_uploads import uploads_folder
from lading.client.options import SessionOptions
from lading.core.names import Tag, subject_of

_INTERRUPTED = 130

_Outcome = Future[tuple[str, str]]


class CopyOrder(NamedTuple):
    """A run of the command, as it was ordered.

    Attributes:
        tags, exclude: patterns of tags; without any one image is copied.
        jobs: how many images and blobs are under way at a time, and requests to a host.
        keep_going: whether the rest is copied when an image cannot be.
    """

    source: str
    target: str
    tags: tuple[str, ...]
    exclude: tuple[str, ...]
    rules: CopyRules
    jobs: int
    dry_run: bool
    keep_going: bool
    as_json: bool


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
@click.option("--plain-http", is_flag=True, help="Speak HTTP without TLS.")
@click.option("--insecure", is_flag=True, help="Take any certificate.")
@click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(exists=True, path_type=Path),
    help="A file with further authorities to trust, in PEM.",
)
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
    plain_http: bool,
    insecure: bool,
    ca: Path | None,
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
        options = SessionOptions(
            *(plain_http, insecure, ca),
            at_once=jobs,
            on_wait=steps.wait,
            kept_uploads=uploads_folder(),
        )
        try:
            run = _CopyRun(order, PlaceOpener(stack, options), steps)
            run.go()
        except ClientError as error:
            raise _end(error) from error
        except KeyboardInterrupt:
            stack.close()
            say("Interrupted; the same command goes on with what is left", err=True)
            sys.stdout.flush()
            # Threads may wait for a registry; what they send becomes nothing.
            os._exit(_INTERRUPTED)
    if run.failures:
        sys.exit(1)


class _CopyRun:
    """A run of `lading cp`."""

    def __init__(self, order: CopyOrder, opener: PlaceOpener, steps: CopyLines) -> None:
        self._order = order
        self._opener = opener
        self._steps = steps
        self._source = opener.source(order.source)
        self._target = opener.open(order.target, to_push=not order.dry_run)
        self._ended = threading.Event()
        self._under_way: dict[_Outcome, tuple[str, str]] = {}
        self._done: SimpleQueue[_Outcome] = SimpleQueue()
        self._outcomes: Counter[str] = Counter()
        self.failures: list[str] = []

    def go(self) -> None:
        """Copy all that was ordered."""
        jobs = self._order.jobs
        # An image asks one host after the other: twice as many keep both as busy as they may be.
        images, blobs = ThreadPoolExecutor(2 * jobs), ThreadPoolExecutor(jobs)
        copier = Copier(
            self._source.place,
            self._target.place,
            self._order.rules,
            self._steps,
            blobs,
            self._go_on,
            many=bool(self._order.tags),
        )
        try:
            for pair in self._pairs():
                if len(self._under_way) >= 4 * jobs:
                    self._settle()
                future = images.submit(self._copy, copier, *pair)
                self._under_way[future] = pair
                future.add_done_callback(self._done.put)
            while self._under_way:
                self._settle()
        finally:
            self._ended.set()
            images.shutdown(wait=False, cancel_futures=True)
            blobs.shutdown(wait=False, cancel_futures=True)
            self._opener.settle()
        self._conclude()

    def _go_on(self) -> None:
        if self._ended.is_set():
            raise ClientError("the copy was ended")

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """What is to be copied, and as what."""
        if not self._order.tags:
            wanted = self._source.wanted or "latest"
            yield wanted, self._target.wanted or wanted
            return
        if self._source.wanted or self._target.wanted:
            raise click.UsageError("with --tags neither SOURCE nor TARGET has a tag")
        found = False
        for tag in self._source.place.tags():
            if self._is_wanted(tag):
                found = True
                yield tag, tag
        if not found:
            raise NotThere(f"{self._source} has no tag of {', '.join(self._order.tags)}")

    def _is_wanted(self, tag: str) -> bool:
        """Whether a pattern has it; what clients keep beside an image comes with the image."""
        return (
            any(fnmatchcase(tag, pattern) for pattern in self._order.tags)
            and not any(fnmatchcase(tag, pattern) for pattern in self._order.exclude)
            and not subject_of(Tag(tag))
        )

    def _copy(self, copier: Copier, wanted: str, target: str) -> tuple[str, str]:
        """The outcome of one image, and its digest."""
        if self._order.dry_run:
            return ("there" if copier.is_there(wanted, target) else "to copy"), ""
        done = copier.copy(wanted, target)
        return ("copied" if done.copied else "there"), done.digest

    def _settle(self) -> None:
        """Tell of the next one that is done."""
        future = self._done.get()
        wanted, target = self._under_way.pop(future)
        try:
            outcome, digest = future.result()
        except ClientError as error:
            if not self._order.keep_going:
                raise
            self.failures.append(f"{wanted}: {error}")
            self._tell("failed", wanted, target, error=str(error))
        else:
            self._tell(outcome, wanted, target, digest)

    def _tell(
        self, outcome: str, wanted: str, target: str, digest: str = "", error: str = ""
    ) -> None:
        self._outcomes[outcome] += 1
        source, place = _joined(self._source, wanted), _joined(self._target, target)
        if self._order.as_json:
            document = {"outcome": outcome, "source": source, "target": place, "digest": digest}
            self._steps.answer(to_json(document | ({"error": error} if error else {})))
        else:
            self._steps.answer(f"{outcome}\t{source}\t{place}\t{digest}".rstrip("\t"))

    def _conclude(self) -> None:
        requests = self._opener.requests()
        if self._order.as_json:
            summary = {
                "images": dict(self._outcomes),
                "blobs": self._steps.blobs,
                "bytes": self._steps.size,
                "requests": requests,
            }
            self._steps.answer(to_json({"summary": summary}))
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes.items())
        self._steps.say(
            f"{counts}; sent {self._steps.blobs} blobs, {human_size(self._steps.size)}, with"
            f" {sum(requests.values())} requests"
        )
        for failure in self.failures:
            self._steps.say(f"failed: {failure}")


def _joined(typed: TypedPlace, wanted: str) -> str:
    return f"{typed}{'@' if ':' in wanted else ':'}{wanted}"


def _end(error: ClientError) -> click.ClickException:
    """The end of the command after an error, with its exit code."""
    if isinstance(error, ReferenceInvalid):
        return click.UsageError(str(error))
    if isinstance(error, NotThere):
        return NothingFound(str(error))
    if isinstance(error, NotPermitted):
        return NotAllowed(str(error))
    return click.ClickException(str(error))
