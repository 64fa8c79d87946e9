"""Figures, kept up to date: what each repository has, samples of all of it, and last pulls."""

import asyncio
from collections.abc import Mapping, Sequence

from lading.core.errors import RegistryError
from lading.core.figures import HOUR, LastPull, RepositoryFigures
from lading.metadata import batches
from lading.metadata.shown.pulls import LastPulls
from lading.services.lease import Lease
from lading.services.registry import Registry

COUNT = "counting of repositories"
# Repositories that are counted between two writes.
STEP = 50
# Seconds between writing down which pulls there were.
PULL_NOTES_INTERVAL = 60.0
# Repositories of a registry that is small: a sample of it is taken whenever something has changed.
SMALL = 100
# Pulls that are remembered until they are written down, each with who asked for what last; more are
# not.
MOST_PULLS = 20_000


async def count(registry: Registry, lease: Lease) -> None:
    """Count the repositories that have changed, in steps, with as long a rest after each."""
    clock = asyncio.get_running_loop().time
    after, ids, has_changed = 0, [0], False
    while ids:
        started = clock()
        ids = list(await registry.metadata.figures.begin(after=after, limit=STEP))
        if ids:
            await registry.metadata.figures.store(await _count(registry, lease, ids))
            after, has_changed = ids[-1], True
            await asyncio.sleep(clock() - started)
    await _sample(registry, lease, has_changed=has_changed)


async def _count(registry: Registry, lease: Lease, ids: list[int]) -> dict[int, RepositoryFigures]:
    counted = {}
    for id_ in ids:
        counted[id_] = await registry.metadata.figures.count(id_, now=registry.clock())
        await lease.renew()
    return counted


async def _sample(registry: Registry, lease: Lease, *, has_changed: bool) -> None:
    """Take a sample every hour, and remove what was noted of pulls of what is gone.

    Args:
        has_changed: whether something has since the last time: of a small registry that is enough.
    """
    now, last = registry.clock(), await registry.metadata.samples.last()
    is_due = last is None or not 0 <= now - last.at < HOUR
    if not is_due and not (has_changed and last is not None and last.repositories < SMALL):
        return
    uploads = sum(staged.size for staged in await registry.uploads.list_all())
    sample = await registry.metadata.samples.take(uploads=uploads, now=now)
    await registry.metadata.samples.add(sample)
    after: tuple[int, str] | None = (0, "")
    while after is not None:
        after = await registry.metadata.pulls.remove_gone(after, limit=batches.MOST_ROWS)
        await lease.renew()


class PullNotes:
    """Notes of pulls, in the memory of a worker until they are written down together.

    A crash forgets those of the last minute.
    """

    def __init__(self, pulls: LastPulls) -> None:
        self._pulls = pulls
        # By what is the same in most pulls of a minute: this is done for each of them.
        self._noted: dict[tuple[str, str, str], tuple[float, str]] = {}

    def note(self, repository: str, reference: str, digest: str, at: float, actor: str) -> None:
        """Note a pull by a tag or a digest.

        Args:
            digest: of the manifest that was pulled; empty if only its digest was asked for.
        """
        key = (repository, reference, digest)
        if len(self._noted) < MOST_PULLS or key in self._noted:
            self._noted[key] = at, actor

    async def write_down(self) -> None:
        """Write down what was noted since the last time; if that raises, it is kept until then."""
        noted, self._noted = self._noted, {}
        try:
            for piece in batches.pieces(list(noted.items())):
                await self._pulls.note(_by_reference(piece))
        except RegistryError:
            self._noted = noted | self._noted
            raise


def _by_reference(
    noted: Sequence[tuple[tuple[str, str, str], tuple[float, str]]],
) -> Mapping[tuple[str, str], LastPull]:
    """The last pulls of tags and of manifests: who pulls by a tag pulls both."""
    last: dict[tuple[str, str], LastPull] = {}
    for (repository, reference, digest), pull in sorted(noted, key=lambda item: item[1]):
        for name in {reference, digest} - {""}:
            last[repository, name] = LastPull(*pull)
    return last
