"""Adoption of a repository's manifests: those that can be served, with what they refer to."""

from collections.abc import AsyncIterator, Sequence

from lading.core.damage import Finding, Kind
from lading.core.digest import Digest, digest_in
from lading.core.errors import RegistryError, Unavailable
from lading.core.manifest import Manifest, WrongSize
from lading.core.manifest_document import is_schema_1, parse
from lading.core.moving import AdoptedManifest, FoundLink, believable
from lading.core.names import RepositoryName
from lading.metadata import batches, documents
from lading.services import damage
from lading.services.moving.taking import (
    LEFT_OUT,
    PUSH_AGAIN,
    Adoption,
    finding_in,
    no_digest,
    read_manifest,
    said_of,
    stat_blob,
    wrong_link,
)

# Rows that a manifest is, beside its edges.
_ROWS = 3
# Bytes of manifests that are stored in one transaction: those of the last one are beyond it.
_MOST_BYTES = documents.PIECE
_SCHEMA_1 = (
    "it is an image of schema 1, retired in 2017, which nobody can verify and this registry does"
    " not serve"
)


class ManifestAdoption:
    """The adoption of the manifests of one repository.

    Attributes:
        is_whole: whether none was left behind that something else refers to.
        refused: those that were left out, and why.
    """

    def __init__(self, adoption: Adoption, name: RepositoryName) -> None:
        self._adoption = adoption
        self._registry = adoption.registry
        self._rows = adoption.registry.metadata.adoptions
        self._name = name
        self.is_whole = True
        self.refused: dict[str, str] = {}

    async def take(self, links: Sequence[FoundLink]) -> AsyncIterator[Finding]:
        """Take over the manifests of some links; all that is wrong with them."""
        seen = await self._rows.seen_manifests(self._name, [link.name for link in links])
        waiting: list[AdoptedManifest] = []
        rows = size = 0
        for link in links:
            if link.name in seen:
                continue
            adopted, finding = await self._read(link)
            if finding is not None:
                yield finding
            if adopted is None:
                continue
            waiting.append(adopted)
            rows += _ROWS + len(adopted.manifest.edges)
            size += len(adopted.manifest.body)
            if rows > batches.MOST_ROWS or size > _MOST_BYTES:
                async for finding in self._add_manifests(waiting):
                    yield finding
                waiting, rows, size = [], 0, 0
        async for finding in self._add_manifests(waiting):
            yield finding

    async def _read(self, link: FoundLink) -> tuple[AdoptedManifest | None, Finding | None]:
        """The manifest that a link leads to, if it can be served; what is wrong with it."""
        digest = digest_in(link.name)
        if digest is None:
            self.is_whole = False
            return None, no_digest(self._name, link)
        if link.text is None:
            why = "there is a folder of this manifest without a link: it was deleted there"
            return None, finding_in(self._name, Kind.LINK_MISSING, digest, why, LEFT_OUT)
        manifest, finding = await self._manifest(digest)
        if manifest is None:
            return None, finding
        if link.text != digest:
            finding = wrong_link(self._name, link, "manifest")
        at = believable(link.at, self._registry.clock())
        return AdoptedManifest(manifest, at), finding

    async def _manifest(self, digest: Digest) -> tuple[Manifest | None, Finding | None]:
        """A manifest by its digest, if its bytes are there and right and can be served."""
        body = await read_manifest(self._registry, digest)
        if body is None or not digest.names(body):
            return None, await self._refuse_bytes(digest, is_read=body is not None)
        if is_schema_1(body):
            return None, self._refuse(Kind.SCHEMA_1, digest, _SCHEMA_1)
        try:
            return parse(body, "", digest.algorithm), None
        except RegistryError as error:
            return None, self._refuse(Kind.MANIFEST_REFUSED, digest, error.message)

    async def _refuse_bytes(self, digest: Digest, *, is_read: bool) -> Finding:
        stat = await stat_blob(self._registry, digest)
        if stat is None:
            return self._refuse(Kind.BYTES_MISSING, digest, "the bytes of this manifest are gone")
        if not is_read or isinstance(stat, Unavailable):
            why = f"the bytes of this manifest {said_of(stat)}"
            return self._refuse(Kind.MANIFEST_WRONG, digest, why)
        why = f"the {stat.size} bytes of this manifest have another digest, so they are damaged"
        return self._refuse(Kind.MANIFEST_WRONG, digest, why)

    def _refuse(self, kind: Kind, digest: Digest, why: str) -> Finding:
        self.refused[digest] = why
        if kind is not Kind.BYTES_MISSING:
            self.is_whole = False
        return finding_in(
            self._name, kind, digest, why, "it was left out, with whatever bytes it has", PUSH_AGAIN
        )

    async def _add_manifests(self, adopted: Sequence[AdoptedManifest]) -> AsyncIterator[Finding]:
        if not adopted:
            return
        now = self._registry.clock()
        for each in adopted:
            for start in documents.starts(len(each.manifest.body)):
                await self._rows.add_piece(self._name, each, start, now=now)
        wrong = [*await self._rows.add_manifests(self._name, adopted, now=now)]
        for each in adopted:
            for edges in [*batches.pieces(each.manifest.edges)][1:]:
                wrong += await self._rows.add_edges(self._name, each, edges, now=now)
        self._adoption.tally.manifests += len(adopted)
        for size in wrong:
            yield await self._judge(size)

    async def _judge(self, wrong: WrongSize) -> Finding:
        """Find out who is wrong about a size, the manifest or the disk."""
        digest = wrong.edge.child
        known = self._adoption.checked.get(digest)
        if known is None:
            known = await self._registry.blobs.hash(digest, damage.ignore) == digest
            self._adoption.checked[digest] = known
        if known:
            why = f"{wrong}; its digest is right"
            return finding_in(self._name, Kind.SIZE_WRONG, digest, why, "it was taken over")
        await self._registry.metadata.damage.lose_blob(digest, now=self._registry.clock())
        why = f"{wrong}, and another digest"
        mended = "clients are told that it is not there, so that they push it again"
        return finding_in(self._name, Kind.BYTES_WRONG, digest, why, mended, PUSH_AGAIN)

    async def link(self, digest: Digest) -> bool:
        """Put a manifest into the repository that has no link; whether its bytes are there."""
        manifest, _ = await self._manifest(digest)
        if manifest is None:
            return False
        now = self._registry.clock()
        async for _ in self._add_manifests([AdoptedManifest(manifest, now, is_linked=False)]):
            pass
        return True
