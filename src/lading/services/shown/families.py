"""Families of manifests: with those that they hold, and those that are about them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lading.core.access import Action, Grant
from lading.core.digest import Digest
from lading.core.images.summaries import Child, ManifestKind, Summary, summarize
from lading.core.names import Reference
from lading.core.typing import T
from lading.metadata.manifests import StoredManifest
from lading.metadata.shown.manifest_lists import ListedManifest
from lading.services import damage
from lading.services.pull import pull_manifest
from lading.services.registry import Registry
from lading.system import threads

A = TypeVar("A")

# Bytes of manifests that are read on the event loop, in turns; and of one of them.
MOST_ON_LOOP, MOST_OF_ONE = 1024 * 1024, 64 * 1024


@dataclass(frozen=True, slots=True)
class ShownManifest:
    """A manifest as a list shows it.

    Attributes:
        summary: of what it says; `None` if it is too large for a list.
        size: bytes of all that it holds, each blob as often as it is named.
        children: what an index holds and is here; attestations are none.
        attestations: how many of them it holds.
        referrers: what is about it, or about one of its children.
    """

    manifest: ListedManifest
    summary: Summary | None
    size: int
    children: Sequence[tuple[Child, "ShownManifest"]] = ()
    attestations: int = 0
    referrers: Sequence[ListedManifest] = ()

    @property
    def digest(self) -> Digest:
        """The digest by which the manifest is known."""
        return self.manifest.digest

    @property
    def kind(self) -> ManifestKind:
        """The kind, as people call the manifest."""
        return ManifestKind.ARTIFACT if self.summary is None else self.summary.kind

    @property
    def platforms(self) -> Sequence[str]:
        """The platforms that the manifest is for, as far as an index says so."""
        return [child.platform for child, _ in self.children if child.platform]


class ManifestFamily:
    """Manifests, with those that they hold and those that are about them."""

    def __init__(self, manifests: Sequence[ListedManifest]) -> None:
        self._manifests = {manifest.digest: manifest for manifest in manifests}
        self._named = {manifest.reference: manifest for manifest in manifests}
        self._alone: dict[Digest, ShownManifest] = {}
        self._about: dict[Digest, list[ListedManifest]] = {}
        for manifest in self._manifests.values():
            if manifest.subject is not None:
                self._about.setdefault(manifest.subject, []).append(manifest)

    async def make_each(self, make: Callable[[A], T], items: Sequence[A]) -> list[T]:
        """What is made of each of some things by means of this family.

        That is done in turns, or in a thread if there is so much to read that others would wait.
        """
        sizes = [len(manifest.body or b"") for manifest in self._manifests.values()]
        if sum(sizes) > MOST_ON_LOOP or max(sizes, default=0) > MOST_OF_ONE:
            return await asyncio.to_thread(lambda: [make(item) for item in items])
        return await threads.make_each(make, items)

    async def stored(
        self, registry: Registry, grant: Grant, reference: Reference
    ) -> StoredManifest:
        """The manifest of a tag or a digest that was asked for, as `pull_manifest` gives it."""
        grant.require(Action.PULL)
        found = self._named.get(str(reference))
        if found is None or found.body is None:
            return await pull_manifest(registry, grant, found.digest if found else reference)
        manifest = StoredManifest(found.digest, found.media_type, found.body)
        if not manifest.is_intact:
            raise await damage.note_manifest(registry, grant.repository, manifest)
        return manifest

    def show(self, digest: Digest) -> ShownManifest | None:
        """A manifest of the family; `None` if it is not there."""
        alone = self._show_alone(digest)
        if alone is None or alone.summary is None:
            return alone
        children = [
            (child, shown)
            for child in alone.summary.children
            if not child.is_attestation and (shown := self._show_alone(child.digest)) is not None
        ]
        return replace(
            alone,
            size=alone.size + sum(shown.size for _, shown in children),
            children=children,
            attestations=sum(child.is_attestation for child in alone.summary.children),
        )

    def _show_alone(self, digest: Digest) -> ShownManifest | None:
        """A manifest without what it holds; many indexes may hold it, or one many times."""
        manifest = self._manifests.get(digest)
        if manifest is not None and digest not in self._alone:
            body, about = manifest.body, self._about.get(digest, [])
            summary = None if body is None else summarize(body, manifest.media_type)
            size = manifest.size if summary is None else summary.size
            self._alone[digest] = ShownManifest(manifest, summary, size, referrers=about)
        return self._alone.get(digest)
