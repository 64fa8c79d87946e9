"""Export: the links of CNCF Distribution, written so that it can serve what is here.

The way back of an adoption, and as good for a registry that never was Distribution's. Links are
written in an order in which a registry that is running there never sees half of an image: bytes,
links to blobs, manifests, then those that hold others, what tags have pointed to, and last what
they point to. Whatever says what it should is left alone, so an export that was interrupted is done
again.

Where the bytes are in the place of the export already, links are removed, too, of what was deleted
here; and those to manifests keep these from then on.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from lading.core.digest import Digest
from lading.core.moving import ExportedManifest, ExportedTag, ExportTally
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.metadata.moving.exports import RANKS
from lading.ports.blob_sources import InMemory, LocalFile, all_bytes
from lading.ports.volumes import LinkTarget
from lading.services import lease
from lading.services.lease import Lease
from lading.services.moving.taking import stored_blobs
from lading.services.pages import pages
from lading.services.progress import StepProgress
from lading.services.registry import Registry

JOB = "export"
# What is done for each repository, for who is told of it.
STEP = "Writing links"
# Repositories that are written together, so that they share what makes them durable.
TOGETHER = 100


@dataclass(frozen=True, slots=True)
class Export:
    """An export of links, and of the bytes that they lead to.

    Attributes:
        at_home: whether the links are written beside the blobs of this registry.
        holder: who does it, as no other process is called.
    """

    registry: Registry
    target: LinkTarget
    at_home: bool
    holder: str
    progress: StepProgress
    tally: ExportTally = field(default_factory=ExportTally)


async def run(export: Export) -> ExportTally:
    """Write all links; what was written.

    Raises:
        StorageFull, Unavailable: there is no room for them, or the database fails.
        DigestMismatch: the bytes of a blob are not what they were; `lading verify` mends that.
    """
    registry = export.registry
    async with lease.wait_for(registry, JOB, export.holder, export.progress.wait) as held:
        if export.at_home:
            await export.target.keep_links()
        repositories = registry.metadata.exports.list_repositories
        export.progress.begin(STEP, sum([len(page) async for page in pages(repositories)]))
        async for page in pages(repositories):
            for group in batches.pieces(page, TOGETHER):
                await _Group(export, group, held).run()
    registry.note("export", repositories=str(export.tally.repositories))
    return export.tally


class LinkKeeper:
    """A job that keeps links as they should be, some seconds behind what clients do.

    Args:
        new_target: where they are, beside the blobs of the registry: another one each time, as one
            that has failed has links that wait for their names.
    """

    def __init__(self, new_target: Callable[[], LinkTarget]) -> None:
        self._new_target = new_target
        self._seen: object = None

    async def keep(self, registry: Registry, held: Lease) -> None:
        """Write links where one says something else than it should, and remove those of deletes."""
        rows = registry.metadata.exports
        change = await rows.last_change()
        if change == self._seen:
            return
        target = self._new_target()
        await target.keep_links()
        export = Export(registry, target, at_home=True, holder=JOB, progress=StepProgress())
        async for page in pages(rows.list_changed):
            for group in batches.pieces(page, TOGETHER):
                await _Group(export, group, held).run()
        self._seen = change


class _Group:
    """A group of repositories, exported step by step."""

    def __init__(self, export: Export, names: Sequence[RepositoryName], held: Lease) -> None:
        self._export = export
        self._registry = export.registry
        self._rows = export.registry.metadata.exports
        self._target = export.target
        self._tally = export.tally
        self._names = names
        self._held = held

    async def run(self) -> None:
        for name in self._names:
            await self._bring_blobs(name)
        await self._settle()
        for rank in range(RANKS):
            for name in self._names:
                await self._bring_manifests(name, rank)
            await self._settle()
        for link in (self._target.link_index, self._target.link_current):
            for name in self._names:
                async for tags in self._tags(name):
                    self._tally.links += await link(name, tags)
            await self._settle()
        if self._export.at_home:
            for name in self._names:
                await self._note_tags(name)
                await self._remove_stale(name)
        self._tally.repositories += len(self._names)
        self._export.progress.advance(len(self._names))

    async def _settle(self) -> None:
        await self._target.settle()
        await self._held.renew()

    async def _bring_blobs(self, name: RepositoryName) -> None:
        async for page in pages(partial(self._rows.list_blobs, name)):
            for digest in page:
                await self._bring(digest)
            self._tally.links += await self._target.link_blobs(name, page)
            await self._held.renew()

    async def _bring(self, digest: Digest) -> None:
        """Have a blob's bytes there."""
        source = await self._registry.blobs.find(digest)
        if source is None or await self._target.has_bytes(digest, source.size):
            return
        is_linked = isinstance(source, LocalFile) and await self._target.take_file(
            digest, source.path
        )
        if not is_linked:
            async with all_bytes(source) as pieces:
                await self._target.put_bytes(digest, pieces)
        self._tally.blobs += 1
        self._tally.size += source.size

    async def _bring_manifests(self, name: RepositoryName, rank: int) -> None:
        read = partial(self._rows.list_manifests, name, rank=rank)
        async for page in pages(read, lambda manifest: manifest.key, 0):
            for manifest in page:
                await self._bring_body(manifest)
            self._tally.links += await self._target.link_manifests(name, page)
            if self._export.at_home:
                await self._target.settle()
                await self._rows.see_manifests(name, [each.digest for each in page])
            await self._held.renew()

    async def _bring_body(self, manifest: ExportedManifest) -> None:
        if await self._target.has_bytes(manifest.digest, manifest.size):
            return
        body = await self._rows.find_body(manifest.key)
        if body is None:
            return
        async with self._registry.locks.lock(manifest.digest):
            await self._target.put_bytes(manifest.digest, InMemory(body).pieces(0, manifest.size))
        self._tally.blobs += 1
        self._tally.size += manifest.size

    async def _note_tags(self, name: RepositoryName) -> None:
        """Note what the links say, so that an adoption sees what changes there from now on."""
        async for page in self._tags(name):
            await self._rows.see_tags(name, await self._target.times_of(name, page))

    def _tags(self, name: RepositoryName) -> AsyncIterator[Sequence[ExportedTag]]:
        """The tags of a repository, in pages."""
        return pages(partial(self._rows.list_tags, name), lambda exported: exported.tag)

    async def _remove_stale(self, name: RepositoryName) -> None:
        """Remove what was deleted here: tags, and then manifests."""
        after = ""
        while tags := await self._rows.list_stale_tags(name, after=after):
            gone = await self._target.unlink_tags(name, tags)
            await self._rows.forget_links(name, tags=gone)
            self._tally.removed += len(gone)
            after = max(tags)
        async for digests in pages(partial(self._rows.list_stale_manifests, name)):
            await self._target.unlink_manifests(name, digests)
            await self._let_go(digests)
            # Last, as until then a crash has all of it done again.
            await self._rows.forget_links(name, manifests=digests)
            self._tally.removed += len(digests)

    async def _let_go(self, digests: Sequence[Digest]) -> None:
        """Have the bytes of manifests be garbage, which no link keeps any more."""
        for digest in digests:
            async with self._registry.locks.lock(digest):
                there = await stored_blobs(self._registry, [digest])
                await self._registry.metadata.adoptions.add_garbage(
                    there, now=self._registry.clock()
                )
