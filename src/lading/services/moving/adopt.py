"""Adoption of what another registry has, in the place where it is: CNCF Distribution's volume.

No byte is copied or moved: blobs are where they have to be, and of all else rows are made. The old
registry may serve meanwhile. What it writes is seen by the next round; what it writes after the
last one, by the next adoption, which takes over what has changed only. So nothing is written down
of how far an adoption came, and one that is killed is done again.

1. Repository by repository, its blobs, manifests and tags become rows, a few at a time.
2. What was taken over before and is gone from the volume goes to the trash here.
3. Bytes that no repository refers to, and those of manifests, which are rows now, become garbage;
   a hold keeps all bytes until the time of the trash is over.
4. All is checked as `lading verify` does: every manifest and every blob, those of tags among them.
"""

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from functools import partial

from lading.core.damage import Finding, Kind
from lading.core.digest import Digest
from lading.core.errors import NameInvalid
from lading.core.names import RepositoryName, Tag
from lading.services import lease, verify
from lading.services.lease import Lease
from lading.services.moving.adopt_repository import RepositoryAdoption
from lading.services.moving.taking import Adoption, stored_blobs
from lading.services.pages import gathered, pages
from lading.services.verify_blobs import Check

JOB = "adoption"
# Rounds, each of which takes over what was written during the one before.
MOST_ROUNDS = 3
# Blobs that are looked at in one go.
PAGE = 250


class CannotAdopt(Exception):
    """What is there cannot be taken over; the message says why and what to do."""


class AdoptionStep(StrEnum):
    """A step of an adoption, in words."""

    TAKE = "Taking over"
    TAKE_NEW = "Taking over what is new"
    GARBAGE = "Looking for garbage"
    CHECK = "Checking every tag to every byte"


async def run(adoption: Adoption) -> AsyncIterator[Finding]:
    """Take over what is new in the volume; all that is wrong with it, as it comes up.

    Raises:
        CannotAdopt: that is not possible; nothing was changed.
        StorageFull, Unavailable: the database is full or fails, or the volume cannot be read.
    """
    registry, volume = adoption.registry, adoption.volume
    if await volume.is_cache():
        raise CannotAdopt(
            "this is what a proxy has of another registry (scheduler-state.json): its images can be"
            " had from there; remove that file to take them over as images of your own"
        )
    async with lease.wait_for(registry, JOB, adoption.holder, adoption.progress.wait) as held:
        was_done = (await registry.metadata.adoptions.find()).done is not None
        await registry.metadata.adoptions.begin(registry.change_by(adoption.principal))
        async for finding in _Run(adoption, held).run(is_new=not was_done):
            yield finding
    if not adoption.is_plan:
        registry.note("adopt", manifests=str(adoption.tally.manifests))


class _Run:
    """The run of an adoption."""

    def __init__(self, adoption: Adoption, held: Lease) -> None:
        self._adoption = adoption
        self._registry = adoption.registry
        self._rows = adoption.registry.metadata.adoptions
        self._volume = adoption.volume
        self._tally = adoption.tally
        self._held = held
        self._left: set[str] = set()

    async def run(self, *, is_new: bool) -> AsyncIterator[Finding]:
        async for finding in self._rounds():
            yield finding
        await self._drop_gone()
        if await self._registry.metadata.strangers.find() is None:  # else they may be no garbage
            await self._find_garbage()
        async for finding in self._check():
            yield finding
        await self._end(is_new=is_new)

    async def _rounds(self) -> AsyncIterator[Finding]:
        """Take over all, then what was written meanwhile; what is wrong is said once."""
        survey = await self._volume.survey()
        if not survey.times_are_known:
            explanation = (
                "most links were written within a minute, as when a volume is copied without its"
                " times"
            )
            mended = "the history of tags says `at the latest` of their times"
            yield Finding(Kind.TIMES_UNKNOWN, "tags", explanation, mended=mended)
        self._adoption.times_are_known = survey.times_are_known
        for number in range(MOST_ROUNDS):
            step = AdoptionStep.TAKE_NEW if number else AdoptionStep.TAKE
            self._adoption.progress.begin(step, survey.repositories)
            before = self._tally.changes
            async for finding in self._take_all():
                if number == 0:
                    yield finding
            if self._tally.changes == before:
                return

    async def _take_all(self) -> AsyncIterator[Finding]:
        self._tally.repositories = 0
        async for folder in self._volume.repositories():
            try:
                name = RepositoryName(folder)
            except NameInvalid as error:
                self._left.add(folder)
                advice = "copy its images to a repository with another name from the old registry"
                mended = "the repository was left as it is, and its bytes are kept"
                yield Finding(Kind.NAME_REFUSED, folder, error.message, advice, mended)
                continue
            repository = RepositoryAdoption(self._adoption, name)
            async for finding in repository.run():
                yield finding
            if not repository.is_whole:
                self._left.add(folder)
            self._tally.repositories += 1
            self._adoption.progress.advance(1)
            await self._held.renew()

    async def _drop_gone(self) -> None:
        """Delete what was taken over before, and was deleted in the old registry since."""
        async for page in pages(self._rows.list_repositories):
            for repository in page:
                await self._drop_tags(repository)
                await self._drop_manifests(repository)
            await self._held.renew()

    async def _drop_tags(self, repository: RepositoryName) -> None:
        async for page in pages(partial(self._rows.list_seen, repository, manifests=False)):
            for tag in await self._volume.absent_tags(repository, page):
                change = self._registry.change_by(self._adoption.principal)
                self._tally.gone += await self._rows.drop_tag(repository, Tag(tag), change=change)

    async def _drop_manifests(self, repository: RepositoryName) -> None:
        async for page in pages(partial(self._rows.list_seen, repository, manifests=True)):
            for digest in await self._volume.absent_revisions(repository, page):
                change = self._registry.change_by(self._adoption.principal)
                dropped = None
                while dropped is None:
                    dropped = await self._rows.drop_manifest(
                        repository, Digest(digest), change=change
                    )
                self._tally.gone += dropped

    async def _find_garbage(self) -> None:
        totals = await self._registry.metadata.inspection.totals()
        self._adoption.progress.begin(AdoptionStep.GARBAGE, totals.blobs)
        async for digests in gathered(self._registry.blobs.digests(), PAGE):
            await self._add_garbage(digests)

    async def _add_garbage(self, digests: Sequence[Digest]) -> None:
        """Know bytes as garbage that no row knows; what others have locked is theirs."""
        self._adoption.progress.advance(len(digests))
        await self._held.renew()
        known = await self._registry.metadata.inspection.known_blobs(digests)
        unknown = sorted(set(digests).difference(blob.digest for blob in known))
        kept = await self._volume.referred_to(sorted(self._left), unknown)
        unknown = [digest for digest in unknown if digest not in kept]
        if not unknown:
            return
        async with self._registry.locks.lock_free(unknown) as free:
            there = await stored_blobs(self._registry, free)
            added = await self._rows.add_garbage(there, now=self._registry.clock())
        self._tally.garbage += len(added)
        self._tally.garbage_size += sum(blob.size for blob in added)

    async def _check(self) -> AsyncIterator[Finding]:
        registry = self._registry
        totals = await registry.metadata.inspection.totals()
        checksums, progress = self._adoption.checksums, self._adoption.progress
        self._tally.blobs, self._tally.size = totals.blobs, totals.size
        size = totals.size if checksums else totals.blobs
        progress.begin(AdoptionStep.CHECK, totals.manifests + size)
        check = Check(registry, checksums, advance=progress.advance, beside_another=True)
        async for finding in verify.run_known(check):
            await self._held.renew()
            yield finding

    async def _end(self, *, is_new: bool) -> None:
        """Say that all is taken over: first that links do not count any more, then to servers."""
        registry = self._registry
        if not self._adoption.is_plan:
            await self._volume.note_adopted(sorted(self._left))
        change = registry.change_by(self._adoption.principal)
        until = change.at + registry.policy.trash if is_new or self._tally.garbage else None
        await self._rows.end(change, hold_until=until)
