"""The registry of a configuration as a source of images: its data, beside a server or without."""

from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial

from lading.cli.images.source import FoundManifest, ImageRepository, ImageSource, ReadDescriptor
from lading.cli.registry import operator, operators_grant
from lading.core.access import ALL_RIGHTS, Access, Principal
from lading.core.digest import Bytes, Digest
from lading.core.errors import BlobUnknown, DigestInvalid
from lading.core.history import Change
from lading.core.names import RepositoryName, Tag, parse_wanted
from lading.core.typing import override
from lading.ports.blob_sources import all_bytes
from lading.services import delete, listing, pull, push_manifest, trash
from lading.services.registry import Registry

# Referrers that are shown, and bytes of their types and annotations.
_MOST_REFERRERS = 1000
_MOST_SHOWN = 4 * 1024 * 1024


class LocalSource(ImageSource):
    """The data of this registry, as the operator sees it: all of it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @override
    def repositories(self) -> AsyncGenerator[str, None]:
        access = Access(Principal(operator()), ALL_RIGHTS)
        return listing.all_names(partial(listing.list_repositories, self._registry, access))

    @override
    def repository(self, name: str) -> ImageRepository:
        return LocalRepository(self._registry, name)


class LocalRepository(ImageRepository):
    """A repository of this registry."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.name = name
        self._registry = registry
        self._grant = operators_grant(RepositoryName(name))

    @override
    def tags(self) -> AsyncGenerator[str, None]:
        return listing.all_names(partial(listing.list_tags, self._registry, self._grant))

    @override
    async def set_at(self, tag: str) -> float | None:
        moves = await trash.history(self._registry, self._grant, Tag(tag), limit=1)
        return moves[0].at if moves else None

    @override
    async def manifest(self, reference: str) -> FoundManifest:
        found = await pull.pull_manifest(self._registry, self._grant, parse_wanted(reference))
        return FoundManifest(str(found.digest), found.media_type, found.body)

    @override
    async def fetch(self, digest: str, write: Callable[[Bytes], object]) -> None:
        found = await pull.pull_blob(self._registry, self._grant, Digest(digest))
        async with all_bytes(found.source) as pieces:
            async for piece in pieces:
                write(piece)

    @override
    async def has_blob(self, digest: str) -> bool:
        try:
            await pull.pull_blob(self._registry, self._grant, Digest(digest))
        except (BlobUnknown, DigestInvalid):
            return False
        return True

    @override
    async def referrers(self, digest: str) -> Sequence[ReadDescriptor]:
        page = await listing.list_referrers(
            self._registry,
            self._grant,
            Digest(digest),
            artifact_type=None,
            after="",
            limit=_MOST_REFERRERS,
            max_size=_MOST_SHOWN,
        )
        return [
            ReadDescriptor(
                str(found.digest), found.size, found.media_type, artifact_type=found.artifact_type
            )
            for found in page.items
        ]

    @override
    async def delete(self, reference: str) -> None:
        await delete.delete_manifest(
            self._registry, self._grant, parse_wanted(reference), change=self._change()
        )

    @override
    async def put_tag(self, manifest: FoundManifest, tag: str) -> None:
        await push_manifest.push_manifest(
            self._registry,
            self._grant,
            Tag(tag),
            manifest.body,
            change=self._change(),
            content_type=manifest.media_type,
        )

    def _change(self) -> Change:
        return self._registry.change_by(self._grant.principal)
