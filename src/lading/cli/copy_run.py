"""Run of `lading cp`: which images, how many at a time, and what is told of them."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from queue import Empty, SimpleQueue
from typing import NamedTuple

import click

from lading.cli.copy_places import PlaceOpener, TypedPlace
from lading.cli.copy_progress import CopyLines
from lading.cli.output import counted, human_size, to_json
from lading.cli.windows import fitting
from lading.client.copy_rules import CopyRules
from lading.client.copying import Copier
from lading.client.errors import ClientError, NotThere
from lading.client.places import LATEST
from lading.client.workers import Outcome, Workers
from lading.core.names import Tag, subject_of

_MOMENT = 1.0
_Outcome = Outcome[tuple[str, str]]
_Pair = tuple[str, str]
"""What is to be copied, and as what."""


class CopyOrder(NamedTuple):
    """An order to copy: a run of the command, as it was ordered.

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


class CopyRun:
    """A run of `lading cp`, with a line for each image that could not be copied (`failures`)."""

    def __init__(self, order: CopyOrder, opener: PlaceOpener, steps: CopyLines) -> None:
        self._order = order
        self._opener = opener
        self._steps = steps
        self._source = opener.source(order.source)
        self._target = opener.open(order.target, to_push=not order.dry_run)
        self._ended = threading.Event()
        # An image asks one host after the other: twice as many keep both as busy as they may be.
        self._images = Workers(2 * order.jobs)
        self._blobs = Workers(order.jobs)
        self._copier = Copier(
            self._source.place,
            self._target.place,
            order.rules,
            steps,
            self._blobs,
            self._go_on,
            many=bool(order.tags),
        )
        self._under_way: dict[_Outcome, _Pair] = {}
        self._done: SimpleQueue[_Outcome] = SimpleQueue()
        self._outcomes: Counter[str] = Counter()
        self.failures: list[str] = []

    def go(self) -> None:
        """Copy all that was ordered."""
        try:
            self._copy_all()
        except BaseException:
            self._stop()
            self._list_what_came()
            raise
        self._stop()
        try:
            self._opener.settle()
        finally:
            self._conclude()

    def _copy_all(self) -> None:
        for pair in self._pairs():
            if len(self._under_way) >= 4 * self._order.jobs:
                self._settle()
            outcome = self._images.begin(partial(self._copy, *pair), self._done.put)
            self._under_way[outcome] = pair
        while self._under_way:
            self._settle()

    def _stop(self) -> None:
        self._ended.set()
        for workers in (self._images, self._blobs):
            workers.end()

    def _list_what_came(self) -> None:
        """List in folders what came before an error, which remains the one that is told."""
        try:
            self._opener.settle()
        except ClientError as error:
            self._steps.print(f"what was copied last is not listed: {error}", err=True)

    def _go_on(self) -> None:
        if self._ended.is_set():
            raise ClientError("the copy was ended")

    def _pairs(self) -> Iterator[_Pair]:
        """What is to be copied, and as what."""
        if not self._order.tags:
            said = self._source.wanted
            wanted = said or self._source.place.default_image()
            own = LATEST if ":" in wanted else wanted
            yield wanted, self._target.wanted or said or own
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

    def _copy(self, wanted: str, target: str) -> tuple[str, str]:
        """The outcome of one image, and its digest."""
        if self._order.dry_run:
            is_there = self._copier.is_there(wanted, target)
            return ("there" if is_there else "to copy"), ""
        done = self._copier.copy(wanted, target)
        return ("copied" if done.copied else "there"), done.digest

    def _settle(self) -> None:
        """Tell of the next one that is done."""
        done = self._next_done()
        wanted, target = self._under_way.pop(done)
        try:
            outcome, digest = done.result()
        except ClientError as error:
            if not self._order.keep_going:
                raise
            self.failures.append(f"{wanted}: {error}")
            self._tell("failed", wanted, target, error=str(error))
        else:
            self._tell(outcome, wanted, target, digest)

    def _next_done(self) -> _Outcome:
        """Wait for it. A Ctrl-C that comes just before a wait begins is noticed only after it."""
        while True:
            with suppress(Empty):
                return self._done.get(timeout=_MOMENT)

    def _tell(
        self, outcome: str, wanted: str, target: str, digest: str = "", error: str = ""
    ) -> None:
        self._outcomes[outcome] += 1
        source, place = _joined(self._source, wanted), _joined(self._target, target)
        if self._order.as_json:
            document = {"outcome": outcome, "source": source, "target": place, "digest": digest}
            self._steps.print(to_json(document | ({"error": error} if error else {})))
        else:
            line = f"{outcome}\t{source}\t{place}\t{digest}".rstrip("\t")
            self._steps.print(fitting(line))

    def _conclude(self) -> None:
        requests = self._opener.requests()
        if self._order.as_json:
            summary = {
                "images": dict(self._outcomes),
                "blobs": self._steps.blobs,
                "bytes": self._steps.size,
                "requests": requests,
            }
            self._steps.print(to_json({"summary": summary}))
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes.items())
        self._steps.print(
            f"{counts}; sent {counted(self._steps.blobs, 'blob')},"
            f" {human_size(self._steps.size)}, with {counted(sum(requests.values()), 'request')}",
            err=True,
        )
        for failure in self.failures:
            self._steps.print(f"failed: {failure}", err=True)


def _joined(typed: TypedPlace, wanted: str) -> str:
    return f"{typed}{'@' if ':' in wanted else ':'}{wanted}"
