"""Adoption of one repository: its blobs, then its manifests, then its tags with their history.

Whatever is wrong on the disk gets a line that says what was done. What is taken over is what the
other registry would have served; of what it could not serve, as much as leaves no doubt.
"""

from collections.abc import AsyncIterator, Sequence

from lading.core.damage import Finding, Kind
from lading.core.digest import Digest, digest_in
from lading.core.moving import FoundLink
from lading.core.names import RepositoryName
from lading.metadata import batches
from lading.services.moving.adopt_manifests import ManifestAdoption
from lading.services.moving.adopt_tags import TagAdoption
from lading.services.moving.taking import (
    Adoption,
    finding_in,
    no_digest,
    said_of,
    stat_blob,
    stored_blobs,
    wrong_link,
)

# Rows that a blob is.
_ROWS = 2


class RepositoryAdoption:
    """The adoption of one repository."""

    def __init__(self, adoption: Adoption, name: RepositoryName) -> None:
        self._registry = adoption.registry
        self._rows = adoption.registry.metadata.adoptions
        self._volume = adoption.volume
        self._name = name
        self._manifests = ManifestAdoption(adoption, name)
        self._tags = TagAdoption(adoption, name, self._manifests)

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it was left behind that something else refers to."""
        return self._manifests.is_whole

    async def run(self) -> AsyncIterator[Finding]:
        """Take over all of the repository; all that is wrong with it."""
        async for layers in self._volume.layers(self._name):
            async for finding in self._take_layers(layers):
                yield finding
        async for revisions in self._volume.revisions(self._name):
            async for finding in self._manifests.take(revisions):
                yield finding
        while await self._rows.keep_referrers(self._name):
            pass
        async for tags in self._volume.tags(self._name):
            async for finding in self._tags.take(tags):
                yield finding
        if count := await self._volume.count_uploads(self._name):
            why, mended = (
                f"unfinished uploads: {count}",
                "left where they are; their clients begin anew",
            )
            yield finding_in(self._name, Kind.UPLOADS_LEFT, "", why, mended)

    async def _take_layers(self, links: Sequence[FoundLink]) -> AsyncIterator[Finding]:
        found: list[Digest] = []
        for link in links:
            digest = digest_in(link.name)
            if digest is None:
                yield no_digest(self._name, link)
            elif link.text is not None:
                found.append(digest)
                if link.text != digest:
                    yield wrong_link(self._name, link, "blob")
        for page in batches.pieces(found, batches.MOST_ROWS // _ROWS):
            for digest in await self._add_blobs(page):
                found_out = said_of(await stat_blob(self._registry, digest))
                why = f"there is a link to this blob, and its bytes {found_out}"
                mended = "the link was left out"
                yield finding_in(self._name, Kind.LINK_DANGLING, digest, why, mended)

    async def _add_blobs(self, digests: Sequence[Digest]) -> Sequence[Digest]:
        """Take over blobs, each under its lock; those that are not there."""
        missing: list[Digest] = []
        async with self._registry.locks.lock_free(digests) as free:
            missing += await self._add_locked(free)
        for digest in set(digests).difference(free):
            async with self._registry.locks.lock(digest):
                missing += await self._add_locked([digest])
        return missing

    async def _add_locked(self, digests: Sequence[Digest]) -> Sequence[Digest]:
        there = await stored_blobs(self._registry, digests)
        if there:
            await self._rows.add_blobs(self._name, there, now=self._registry.clock())
        return sorted(set(digests).difference(blob.digest for blob in there))
