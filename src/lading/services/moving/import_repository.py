"""Import into one repository: each image that a layout lists, after all that it needs.

Each blob is hashed before it counts. Manifests are pushed as by a client, so that all that holds
for these holds for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lading.core import manifest_document, media
from lading.core.access import Grant
from lading.core.damage import Finding, Kind
from lading.core.digest import Digest, new_hasher
from lading.core.errors import (
    DigestInvalid,
    DigestMismatch,
    ManifestTooLarge,
    ReadOnly,
    RegistryError,
    StorageFull,
    TagInvalid,
    Unavailable,
)
from lading.core.history import Change
from lading.core.json_objects import object_in
from lading.core.manifest import DEFAULT_MAX_SIZE, EdgeKind
from lading.core.moving import AdoptedBlob
from lading.core.names import Tag
from lading.ports.blob_sources import LocalFile, all_bytes
from lading.ports.layouts import ImageLayout, LayoutEntry
from lading.ports.volumes import LinkTarget
from lading.services import push_blob
from lading.services.chunks import Chunk
from lading.services.moving.taking import LEFT_OUT
from lading.services.push_manifest import push_manifest
from lading.services.registry import Registry

_ONE_PLATFORM = (
    "or, of an index that was saved for one platform: `lading cp oci:DIR:TAG HOST/REPOSITORY:TAG"
    " --platform OS/ARCHITECTURE`"
)
AGAIN = "copy it there once more from where it came, and run this again"


@dataclass(slots=True)
class ImportTally:
    """A tally of what was imported.

    Attributes:
        manifests: that were pushed, as they were not there.
        linked, copied: blobs that got a second name, or were copied.
        size: bytes of these.
    """

    repositories: int = 0
    manifests: int = 0
    tags: int = 0
    linked: int = 0
    copied: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class RepositoryImport:
    """The import of the images of a layout into one repository.

    Attributes:
        place: where blobs can get second names; `None` if they are in no files.
        grant: must allow push.
    """

    registry: Registry
    place: LinkTarget | None
    tally: ImportTally
    grant: Grant
    layout: ImageLayout
    done: set[Digest] = field(default_factory=set)

    async def bring(self, entry: LayoutEntry) -> Finding | None:
        """Push what an entry lists; what is wrong with it."""
        subject = f"{self.grant.repository}@{entry.digest}"
        try:
            tag = Tag(entry.tag) if entry.tag else None
            await self._bring_manifest(Digest(entry.digest), entry.media_type, tag)
        except DigestMismatch:
            why = "some of its bytes have another digest"
            return Finding(Kind.BYTES_WRONG, subject, why, AGAIN, LEFT_OUT)
        except (DigestInvalid, TagInvalid) as error:
            return Finding(Kind.NAME_REFUSED, subject, error.message, "", LEFT_OUT)
        except _Missing as missing:
            why = f"it needs {missing.digest}, which is not in {self.layout.place}"
            advice = f"{AGAIN}; {_ONE_PLATFORM}" if entry.media_type in media.INDEXES else AGAIN
            return Finding(Kind.BYTES_MISSING, subject, why, advice, LEFT_OUT)
        except (StorageFull, Unavailable, ReadOnly):
            raise
        except RegistryError as error:
            return Finding(Kind.MANIFEST_REFUSED, subject, error.message, "", LEFT_OUT)
        return None

    async def _bring_manifest(self, digest: Digest, media_type: str, tag: Tag | None) -> None:
        """Push a manifest after all that it needs, unless it is there already.

        What it holds comes before, and what that holds before that, however deep it is.
        """
        waiting = [_Waiting(digest, media_type, tag)]
        while waiting:
            manifest = waiting[-1]
            if manifest.children is None:
                manifest.children = await self._begin(manifest)
            child = next(manifest.children, None)
            if child is not None:
                waiting.append(_Waiting(child))
                continue
            waiting.pop()
            if not manifest.is_there:
                await self._push(manifest)

    async def _begin(self, manifest: "_Waiting") -> Iterator[Digest]:
        """Bring the blobs of a manifest; those that are to come before it."""
        digest, tag = manifest.digest, manifest.tag
        found = await self.registry.metadata.manifests.find(self.grant.repository, tag or digest)
        manifest.is_there = found is not None and found.digest == digest
        if manifest.is_there:
            return iter(())
        body = await self._body(digest)
        edges = manifest_document.parse(body, manifest.media_type, digest.algorithm).edges
        manifests = _manifests_in(body)
        held: list[Digest] = []
        for edge in edges:
            if edge.kind is EdgeKind.MANIFEST and edge.child in manifests:
                held.append(edge.child)
            else:
                await self._bring_blob(edge.child, required=edge.required)
        return (child for child in held if child not in self.done)

    async def _push(self, manifest: "_Waiting") -> None:
        digest, tag = manifest.digest, manifest.tag
        await push_manifest(
            self.registry,
            self.grant,
            digest,
            await self._body(digest),
            change=self._change(),
            content_type=manifest.media_type,
            tags=[tag] if tag else [],
        )
        self.tally.manifests += digest not in self.done
        self.tally.tags += tag is not None
        self.done.add(digest)

    async def _body(self, digest: Digest) -> bytes:
        file = await self._file(digest)
        if file.size > DEFAULT_MAX_SIZE:
            raise ManifestTooLarge
        with file.open() as opened:
            body = bytes(await opened.read(0, file.size))
        if not digest.names(body):
            raise DigestMismatch
        return body

    async def _bring_blob(self, digest: Digest, *, required: bool) -> None:
        repository = self.grant.repository
        if await self.registry.metadata.links.find(repository, digest) is not None:
            return
        if not required and await self.layout.find(digest) is None:
            return
        file = await self._file(digest)
        if self.place is None or not await self._take(self.place, file, digest):
            async with all_bytes(file) as pieces:
                chunk = Chunk(pieces, length=file.size)
                await push_blob.push_whole(
                    self.registry, self.grant, digest, chunk, change=self._change()
                )
            self.tally.copied += 1
        self.tally.size += file.size

    async def _take(self, place: LinkTarget, file: LocalFile, digest: Digest) -> bool:
        """Give the file a second name among the blobs; false if it can have none.

        A crash before the row leaves a blob that nothing knows, until this is done again.
        """
        if await _digest_of(file, digest.algorithm) != digest:
            raise DigestMismatch
        registry = self.registry
        async with registry.locks.lock(digest):
            known = await registry.metadata.inspection.known_blobs([digest])
            if all(blob.lost for blob in known):
                if not await place.take_file(digest, file.path):
                    return False
                self.tally.linked += 1
            now = registry.clock()
            blob = AdoptedBlob(digest, file.size, now)
            await registry.metadata.adoptions.add_blobs(self.grant.repository, [blob], now=now)
            if known:
                await registry.metadata.damage.regain_blob(digest)
        return True

    async def _file(self, digest: Digest) -> LocalFile:
        file = await self.layout.find(digest)
        if file is None:
            raise _Missing(digest)
        return file

    def _change(self) -> Change:
        return self.registry.change_by(self.grant.principal)


@dataclass(slots=True)
class _Waiting:
    """A manifest that waits until what it holds is there.

    Attributes:
        children: those that are still to come; `None` before it was read.
        is_there: whether it is itself.
    """

    digest: Digest
    media_type: str = ""
    tag: Tag | None = None
    children: Iterator[Digest] | None = None
    is_there: bool = False


class _Missing(Exception):
    """Something that an image needs is not in its layout."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(digest)
        self.digest = digest


def _manifests_in(index: bytes) -> frozenset[str]:
    """The manifests that an index holds; it may hold blobs as well, as BuildKit's cache does."""
    found = object_in(index).get("manifests") or ()
    return frozenset(
        one.get("digest", "") for one in found if media.names_manifest(one.get("mediaType") or "")
    )


async def _digest_of(file: LocalFile, algorithm: str) -> str:
    hasher = new_hasher(algorithm)
    async with all_bytes(file) as pieces:
        async for piece in pieces:
            hasher.update(piece)
    return f"{algorithm}:{hasher.hexdigest()}"
