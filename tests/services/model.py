"""What a registry should be, in plain Python: what is there, what is hidden, and what may go.

The model decides by looking at everything, where the registry keeps marks; so it is slow, short,
and shares no idea with what it is compared to. It predicts the answer to every request. Of a
collection it predicts what must not go, and what must have gone when it was made for everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lading.core.digest import Digest
from lading.core.garbage import Criteria
from lading.core.manifest import EdgeKind, Manifest


@dataclass
class Promise:
    """ "It is there": until something relies on it, or for the grace."""

    at: float
    used: bool = False

    def renew(self, now: float, grace: float) -> None:
        """Promise again, if less than half of the grace is left."""
        if self.used or self.at < now - grace / 2:
            self.at, self.used = now, False

    def holds(self, limits: Criteria) -> bool:
        """Whether a collector must heed it."""
        return not self.used and self.at > limits.now - limits.grace


@dataclass
class Link:
    """A blob of a repository; hidden if it was deleted while the trash needs it."""

    promise: Promise
    hidden: bool = False


@dataclass
class Stored:
    """A manifest of a repository.

    Attributes:
        taken: the tags that were taken away with it when it was deleted.
        loose_since: when the last tag, index or subject of it went; `None` while there is one.
    """

    manifest: Manifest
    promise: Promise
    deleted_at: float | None = None
    taken: list[str] = field(default_factory=list)
    loose_since: float | None = None


@dataclass
class Repository:
    """What one repository has."""

    links: dict[Digest, Link] = field(default_factory=dict)
    manifests: dict[Digest, Stored] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)
    moves: dict[str, list[tuple[float, Digest | None]]] = field(default_factory=dict)

    # --- what is seen from outside ---

    def blobs(self) -> set[Digest]:
        """The blobs that are served."""
        return {digest for digest, link in self.links.items() if not link.hidden}

    def live(self, digest: Digest) -> bool:
        """Whether a manifest is served."""
        return digest in self.manifests and self.manifests[digest].deleted_at is None

    def trashed(self) -> list[Digest]:
        """The manifests that are in the trash."""
        return [digest for digest in self.manifests if not self.live(digest)]

    def missing(self, manifest: Manifest) -> list[Digest]:
        """What a push of the manifest is refused for, in its order."""
        return [
            edge.child
            for edge in manifest.edges
            if edge.child not in self.blobs()
            and not (edge.kind is EdgeKind.MANIFEST and self.live(edge.child))
        ]

    def users(self, digest: Digest) -> list[Stored]:
        """The manifests that need something, those in the trash too."""
        return [
            stored
            for stored in self.manifests.values()
            if any(edge.child == digest for edge in stored.manifest.edges)
        ]

    # --- what people do ---

    def add_blob(self, digest: Digest, now: float) -> None:
        """A blob was pushed or mounted."""
        self.links[digest] = Link(Promise(now))

    def delete_blob(self, digest: Digest) -> None:
        """A blob was deleted that no live manifest needs."""
        if self.users(digest):
            self.links[digest].hidden = True
        else:
            del self.links[digest]

    def push(self, manifest: Manifest, tags: list[str], now: float) -> None:
        """A manifest was pushed with all that it needs."""
        for edge in manifest.edges:
            if edge.kind is EdgeKind.MANIFEST and self.live(edge.child):
                self.manifests[edge.child].promise.used = True
            else:
                self.links[edge.child].promise.used = True
        self.manifests[manifest.digest] = Stored(manifest, Promise(now))
        for tag in tags:
            self.point(tag, manifest.digest, now)
        self.manifests[manifest.digest].promise.used = bool(tags) or (
            manifest.subject in self.manifests
        )
        self.settle(now)

    def point(self, tag: str, digest: Digest | None, now: float) -> None:
        """A tag moved, or went."""
        if self.tags.get(tag) != digest:
            self.moves.setdefault(tag, []).append((now, digest))
        if digest is None:
            del self.tags[tag]
        else:
            self.tags[tag] = digest

    def delete_tag(self, tag: str, now: float) -> None:
        """A tag was deleted."""
        self.point(tag, None, now)
        self.settle(now)

    def delete(self, digest: Digest, now: float) -> None:
        """A manifest was deleted."""
        stored = self.manifests[digest]
        stored.deleted_at = now
        stored.taken = sorted(tag for tag, target in self.tags.items() if target == digest)
        for tag in stored.taken:
            self.point(tag, None, now)
        self.settle(now)

    def taken(self, digest: Digest) -> list[str]:
        """The tags that went with a manifest, and that nothing else has now."""
        return [tag for tag in self.manifests[digest].taken if tag not in self.tags]

    def would_restore(self, digest: Digest, tags: list[str]) -> bool:
        """Whether there is anything to bring back."""
        return any(
            self.manifests[member].deleted_at is not None for member in self._tree(digest)
        ) or any(self.tags.get(tag) != digest for tag in tags)

    def restore(self, digest: Digest, tags: list[str], now: float) -> None:
        """A manifest came back with all that it holds, and with those tags."""
        for member in self._tree(digest):
            stored = self.manifests[member]
            if stored.deleted_at is not None:
                stored.deleted_at = None
                if member == digest:
                    stored.promise = Promise(now)
            for edge in stored.manifest.edges:
                if edge.child in self.links:
                    self.links[edge.child].hidden = False
        for tag in tags:
            if self.tags.get(tag) != digest:
                self.point(tag, digest, now)
                self.manifests[digest].promise.used = True
        self.settle(now)

    def _tree(self, digest: Digest) -> Iterator[Digest]:
        yield digest
        for edge in self.manifests[digest].manifest.edges:
            if edge.child in self.manifests:
                yield from self._tree(edge.child)

    # --- what a collector may take ---

    def keepers(self, digest: Digest) -> bool:
        """Whether a tag, an index or a subject keeps a manifest, be they in the trash or not."""
        return (
            digest in self.tags.values()
            or bool(self.users(digest))
            or self.manifests[digest].manifest.subject in self.manifests
        )

    def settle(self, now: float) -> None:
        """Note what has become loose, and what is not loose any more."""
        for digest, stored in self.manifests.items():
            if self.keepers(digest) or stored.deleted_at is not None:
                stored.loose_since = None
            elif stored.loose_since is None:
                stored.loose_since = now

    def may_lose(self, digest: Digest, limits: Criteria) -> bool:
        """Whether a collection may remove a manifest."""
        stored = self.manifests[digest]
        if stored.deleted_at is not None:
            return stored.deleted_at <= limits.trash_before and not self.users(digest)
        return (
            limits.untagged
            and not self.keepers(digest)
            and not stored.promise.holds(limits)
            and stored.loose_since is not None
            and stored.loose_since <= limits.trash_before
        )

    def lose(self, digest: Digest) -> None:
        """A collection removed a manifest; what falls with it has been as long in the trash."""
        gone = self.manifests.pop(digest)
        since = gone.deleted_at if gone.deleted_at is not None else gone.loose_since
        assert since is not None
        self.settle(since)

    def may_unlink(self, digest: Digest, limits: Criteria) -> bool:
        """Whether a collection may take a blob out of the repository."""
        return not self.users(digest) and not self.links[digest].promise.holds(limits)
