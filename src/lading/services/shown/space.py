"""Space: where the bytes are, and what a deletion would free."""

from collections.abc import Sequence
from dataclasses import dataclass

from lading.core.access import Access, Action, Grant
from lading.core.figures import RepositoryFigures, Sample
from lading.core.names import Reference, RepositoryName
from lading.metadata.collecting.freeing import Freed
from lading.services.registry import Registry
from lading.services.shown.browse import visible_within


@dataclass(frozen=True, slots=True)
class Space:
    """Where the bytes of the registry are, some time ago.

    Attributes:
        samples: the first one first; empty until the registry was counted, or for who does not see
            all of it.
        largest: repositories that have the most bytes, of those that the caller sees.
    """

    samples: Sequence[Sample]
    largest: Sequence[tuple[RepositoryName, RepositoryFigures]]


# Repositories that are looked at for the largest of those that somebody sees.
MOST_LOOKED_AT = 1000


async def overview(registry: Registry, access: Access, *, limit: int) -> Space:
    """Where the bytes are, as far as the caller sees the repositories.

    Sums of all repositories are for those who see all: they tell of what is in the others.
    """
    sees_all, within = access.sees_all(""), visible_within(access)
    samples = await registry.metadata.samples.all() if sees_all else ()
    if not within:
        return Space(samples, ())
    found = await registry.metadata.figures.largest(
        within=within, limit=limit if sees_all else MOST_LOOKED_AT
    )
    return Space(samples, [each for each in found if access.sees(each[0])][:limit])


async def freed_by(registry: Registry, grant: Grant, references: Sequence[Reference]) -> Freed:
    """What is free, once it is collected, if these tags, and images by their digests, are deleted.

    What nothing leads to any more is taken to be collected, too, which the server does by itself
    only if the policy says so (`Policy.untagged`).
    """
    grant.require(Action.PULL)
    return await registry.metadata.freeing.find(grant.repository, references)
