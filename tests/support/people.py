"""People who use a registry through its services: they push, delete and collect, as time passes."""

import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from lading.blobs.stores import Stores
from lading.core import media
from lading.core.access import ALL_ACTIONS, Grant, Principal
from lading.core.digest import SHA256, Digest
from lading.core.garbage import Criteria, GarbageItem
from lading.core.history import Change
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata.metadata import Metadata
from lading.services import collect, push_blob, trash
from lading.services.chunks import Chunk
from lading.services.delete import delete_manifest
from lading.services.push_manifest import push_manifest
from lading.services.registry import Policy, Registry
from lading.services.trash import Trashed
from tests.support.contents import HELLO, descriptor, image

DAY = 24 * 3600.0
ALICE = Principal("alice")
CHART_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """The pieces of a request's body: one."""
    yield data


@dataclass
class People:
    """A registry, those who use it, and the time, which stands still until it is told to go on.

    Attributes:
        window: seconds for which what is deleted can be restored.
    """

    metadata: Metadata
    stores: Stores
    now: float = 1_000_000.0
    window: float = 7 * DAY
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        self.blobs = self.stores.blobs
        self.uploads = self.stores.uploads
        self.locks = self.stores.locks
        self.registry = Registry(
            metadata=self.metadata,
            blobs=self.blobs,
            uploads=self.uploads,
            locks=self.locks,
            clock=lambda: self.now,
            new_uuid=uuid.uuid4,
            policy=self.policy,
            upkeep=self.stores.upkeep,
        )

    @property
    def upload_age(self) -> float:
        """Seconds after which an upload is given up."""
        assert self.policy.upload_age is not None
        return self.policy.upload_age

    async def trashed(self, repository: RepositoryName | None = HELLO) -> Sequence[Trashed]:
        """What is in the trash of a repository, or of all."""
        return [item async for item in trash.list_trash(self.registry, repository)]

    def may(self, repository: RepositoryName = HELLO) -> Grant:
        """A grant for everything, in one repository."""
        return Grant(repository, ALL_ACTIONS, ALICE)

    def change(self) -> Change:
        """A change that somebody makes now."""
        return self.registry.change_by(ALICE)

    async def push_blob(self, data: bytes, repository: RepositoryName = HELLO) -> Digest:
        """Push bytes in one request."""
        digest = Digest.of(data)
        await push_blob.push_whole(
            self.registry,
            self.may(repository),
            digest,
            Chunk(pieces(data), length=len(data)),
            change=self.change(),
        )
        return digest

    async def push(
        self, manifest: Manifest, *tags: str, repository: RepositoryName = HELLO
    ) -> Digest:
        """Push a manifest under tags, or by its digest."""
        await push_manifest(
            self.registry,
            self.may(repository),
            manifest.digest,
            manifest.body,
            content_type=manifest.media_type,
            tags=[Tag(tag) for tag in tags],
            change=self.change(),
        )
        return manifest.digest

    async def push_image(
        self, name: bytes, *tags: str, repository: RepositoryName = HELLO, shared: bytes = b""
    ) -> Manifest:
        """Push an image with its two blobs, and perhaps a layer that others have, too."""
        layers = [name + b" layer", *([shared] if shared else [])]
        for data in (name, *layers):
            await self.push_blob(data, repository)
        manifest = image(name, *layers)
        await self.push(manifest, *tags, repository=repository)
        return manifest

    async def push_chart(
        self, config: bytes, *tags: str, content: bytes = b"", kind: str = CHART_CONTENT
    ) -> Manifest:
        """Push a Helm chart: what is said of it, and content of some kind, if there is any."""
        for data in filter(None, (config, content)):
            await self.push_blob(data)
        document = {
            "schemaVersion": 2,
            "config": descriptor(config, "application/vnd.cncf.helm.config.v1+json"),
            "layers": [descriptor(content, kind)] if content else [],
        }
        manifest = parse(json.dumps(document).encode(), media.OCI_MANIFEST, SHA256)
        await self.push(manifest, *tags)
        return manifest

    async def delete(self, reference: str, repository: RepositoryName = HELLO) -> None:
        """Delete a tag, or a manifest."""
        parsed: Reference = Digest(reference) if ":" in reference else Tag(reference)
        await delete_manifest(self.registry, self.may(repository), parsed, change=self.change())

    def limits(self, *, by_hand: bool = False, untagged: bool = False) -> Criteria:
        """The criteria of a collection now."""
        return Criteria(
            now=self.now,
            grace=self.policy.grace,
            trash_before=self.now - (0 if by_hand else self.window),
            untagged=untagged,
            attachments=self.policy.attachments,
            immutable=self.policy.immutable,
        )

    async def collect(
        self, *, by_hand: bool = False, untagged: bool = False
    ) -> Sequence[GarbageItem]:
        """Collect garbage; what was announced must be what goes."""
        limits = self.limits(by_hand=by_hand, untagged=untagged)
        plan = await collect.plan(self.registry, limits)
        removed = [item async for item in collect.run(self.registry, plan)]
        assert sorted(map(str, removed)) == sorted(map(str, plan.items))
        return removed

    async def has(self, reference: str, repository: RepositoryName = HELLO) -> bool:
        """Whether a manifest can be pulled, with all its blobs."""
        parsed: Reference = Digest(reference) if ":" in reference else Tag(reference)
        return await self.metadata.manifests.find(repository, parsed) is not None

    async def stored(self) -> set[Digest]:
        """All blobs whose bytes are there."""
        return {digest async for digest in self.blobs.digests()}
