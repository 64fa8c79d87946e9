"""Space: where the bytes are, how that has grown, and what the next collection would take.

Of all repositories together, and the growth of one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lading.core.figures import RepositoryFigures, Sample
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
from lading.edge.response import Response
from lading.services import collect, jobs
from lading.services.collect import Plan
from lading.services.shown import space
from lading.ui import plots
from lading.ui.context import Visit
from lading.ui.rendering import page

LARGEST = 50
# Garbage that is listed, of each kind about.
MOST_GARBAGE = 40
# Samples that the table below the plot has.
MOST_SAMPLES = 60


class Part(NamedTuple):
    """A part of all bytes.

    Attributes:
        fill: how it is drawn.
        start, width: where it is in a bar of a hundred.
        meaning: what it is, for a person.
    """

    name: str
    size: int
    fill: str
    start: float
    width: float
    meaning: str


async def show(visit: Visit) -> Response:
    """Where the bytes are, as far as the visitor sees the repositories."""
    found = await space.overview(visit.registry, visit.access, limit=LARGEST)
    last = found.samples[-1] if found.samples else None
    plan = await _plan(visit) if visit.access.sees_all("") else None
    highest = max((sample.stored for sample in found.samples), default=0)
    known = await visit.registry.metadata.jobs.find(jobs.COLLECT)
    return page(
        visit,
        "space.html",
        last=last,
        shares=[] if last is None else parts_of(last),
        tiles=plots.treemap(_sizes(found.largest, last)),
        largest=found.largest,
        samples=found.samples[: -MOST_SAMPLES - 1 : -1],
        growth=plots.curve([(each.at, each.stored) for each in found.samples], highest),
        highest=highest,
        first=found.samples[0] if found.samples else None,
        plan=plan,
        garbage=[] if plan is None else [(kind_of(item), item) for item in plan.items],
        collected_at=None if known is None else known.finished_at,
        policy=visit.registry.policy,
    )


async def show_growth(visit: Visit) -> Response:
    """What the repository has, and how large it was on days on which it had changed."""
    metadata, repository = visit.registry.metadata, visit.repository
    figures = (await metadata.figures.of([repository])).get(repository)
    past = await metadata.growth.of(repository)
    if figures is None:
        await metadata.repositories.require(repository)
    highest = max((each.size for each in past), default=0)
    return page(
        visit,
        "growth.html",
        figures=figures,
        past=past[::-1],
        curve=plots.curve([(each.at, each.size) for each in past], highest),
        highest=highest,
    )


async def _plan(visit: Visit) -> Plan:
    policy = visit.registry.policy
    criteria = collect.criteria(
        visit.registry, trash=policy.trash, untagged=policy.untagged, at_most=MOST_GARBAGE
    )
    return await collect.plan(visit.registry, criteria, uploads=False)


def parts_of(sample: Sample) -> Sequence[Part]:
    """The parts of all that repositories have, uploads and what waits to be collected."""
    parts = (
        ("Tagged", sample.tagged, "fill", "a tag leads to it"),
        ("Untagged", sample.untagged, "fill-soft", "no tag leads to it, and it is not deleted"),
        ("In the trash", sample.trash, "fill-warn", "only what was deleted needs it"),
        ("Uploads", sample.uploads, "fill-good", "sent, and not finished yet"),
        ("Waiting", sample.unlinked, "fill-danger", "no repository has it; the next collection's"),
    )
    whole = max(1, sum(size for _, size, *_ in parts))
    shown, start = [], 0.0
    for name, size, fill, meaning in parts:
        width = round(100 * size / whole, 3)
        shown.append(Part(name, size, fill, round(start, 3), width, meaning))
        start += width
    return shown


def _sizes(
    largest: Sequence[tuple[RepositoryName, RepositoryFigures]], last: Sample | None
) -> Sequence[tuple[str, int]]:
    """The sizes of the largest repositories, and of all others together where they are known."""
    sizes = [(str(name), figures.size) for name, figures in largest]
    rest = 0 if last is None else last.tagged + last.untagged + last.trash
    rest -= sum(size for _, size in sizes)
    if rest > 0 and len(sizes) == LARGEST:
        sizes.append(("all others", rest))
    return sorted(sizes, key=lambda each: -each[1])


def kind_of(item: GarbageItem) -> str:
    """The kind of garbage, in words of the page."""
    match item:
        case GarbageManifest():
            return "image"
        case OrphanTag():
            return "attachment"
        case GarbageLink():
            return "blob of a repository"
        case GarbageBlob():
            return "bytes"
        case ExpiredUpload() | InterruptedCommit():
            return "upload"
