"""Figures of repositories, and samples of those of the whole registry over time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

HOUR = 3600.0
DAY = 24 * HOUR
# How long samples are kept, by how far apart they are: all of an hour, then one an hour for two
# days, then one a day for a quarter, then one a week. After ten years that is some 700.
_THINNED = ((90 * DAY, 7 * DAY), (2 * DAY, DAY), (HOUR, HOUR))
# Those of a repository: the last one of a day for a month, then one in four weeks.
DAILY = ((30 * DAY, 28 * DAY), (-math.inf, DAY))

Thinning = Sequence[tuple[float, float]]
"""How far apart samples are that are older than some seconds, the oldest ones first."""


@dataclass(frozen=True, slots=True)
class RepositoryFigures:
    """The figures of a repository, as they were when it was last counted.

    Attributes:
        size: bytes of its blobs, each counted once.
        tagged_size: of those that a tag leads to, by way of its manifest, of what that holds, and
            of what is about it.
        trash_size: of those that only something in the trash needs.
        tags, manifests: how many there are, other than in the trash.
        pushed_at: when a manifest was last pushed.
        counted_at: when this was counted.
    """

    size: int
    tagged_size: int
    trash_size: int
    tags: int
    manifests: int
    pushed_at: float | None
    counted_at: float

    @property
    def untagged_size(self) -> int:
        """Bytes that neither a tag nor something in the trash leads to."""
        return self.size - self.tagged_size - self.trash_size


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: the figures of the whole registry at a time.

    What repositories have each of is `tagged`, `untagged` and `trash`, together. What several of
    them have is stored once, so of that `shared` is not stored: `stored` is their sum less
    `shared`, and `unlinked`, as far as no repository was changed while they were counted.

    Attributes:
        stored: bytes of all blobs.
        unlinked: bytes of blobs that no repository has, until they are collected.
        uploads: bytes of uploads that are no blobs yet.
    """

    at: float
    repositories: int
    tags: int
    stored: int
    tagged: int
    untagged: int
    trash: int
    shared: int
    unlinked: int
    uploads: int


class PastSize(NamedTuple):
    """The size of a repository at a time, with how many tags it had."""

    at: float
    size: int
    tags: int


@dataclass(frozen=True, slots=True)
class LastPull:
    """The last pull of a tag or a manifest, give or take some minutes; no actor is anybody."""

    at: float
    actor: str


def superfluous(
    times: Sequence[float], now: float, thinned: Thinning = _THINNED
) -> Sequence[float]:
    """The times of samples that are too close to a later one for how long ago they are."""
    found: list[float] = []
    later: tuple[float, int] | None = None
    for time in sorted(times, reverse=True):
        distance = next((distance for least, distance in thinned if now - time > least), 1.0)
        slot = (distance, int(time // distance))
        if slot == later:
            found.append(time)
        later = slot
    return found
