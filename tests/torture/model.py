"""What must be true of one repository, given what was acknowledged.

A request whose answer was lost may have happened or not, so the model holds what is *possible*: a
set of values for each tag, and for each manifest whether it may be seen. An acknowledgement leaves
one possibility; a kill widens it; a read that was answered narrows it again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tests.torture.content import Manifest


class Broken(Exception):
    """The registry has broken a promise."""


class Refused(Exception):
    """The registry said no: nothing has changed."""


class Repository:
    """What one actor, the only one to change it, knows of its repository."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.made: dict[str, Manifest] = {}
        self._tags: dict[str, frozenset[str | None]] = {}
        self._visible: dict[str, frozenset[bool]] = {}
        self._held: defaultdict[str, set[str | None]] = defaultdict(set)

    @property
    def tags(self) -> Iterable[str]:
        """Every tag that was ever tried."""
        return self._tags

    def value(self, tag: str) -> frozenset[str | None]:
        """What a tag may point to; `None` stands for nothing."""
        return self._tags.get(tag, frozenset({None}))

    def visible(self, digest: str) -> frozenset[bool]:
        """Whether a manifest may be seen, not seen, or either."""
        return self._visible.get(digest, frozenset({False}))

    @contextmanager
    def pushing(self, manifest: Manifest, tag: str | None) -> Iterator[None]:
        """While a push is under way; leaving the block says that it was acknowledged."""
        self.made[manifest.digest] = manifest
        tags = [] if tag is None else [tag]
        with self._changing(dict.fromkeys(tags, manifest.digest), {manifest.digest: True}):
            yield

    @contextmanager
    def untagging(self, tag: str) -> Iterator[None]:
        """While a tag is deleted."""
        with self._changing({tag: None}, {}):
            yield

    @contextmanager
    def deleting(self, digest: str) -> Iterator[None]:
        """While a manifest is deleted: its tags go with it."""
        for tag, before in self._tags.items():
            if digest in before:
                self._tags[tag] = before | {None}
        with self._changing({}, {digest: False}):
            yield
        for tag, before in self._tags.items():
            self._tags[tag] = before - {digest} or frozenset({None})

    @contextmanager
    def restoring(self, digest: str) -> Iterator[None]:
        """While a manifest is restored; tags that it once had may come back with it."""
        for tag, before in self._tags.items():
            if None in before and digest in self._held[tag]:
                self._tags[tag] = before | {digest}
        with self._changing({}, {digest: True}):
            yield

    def saw_tag(self, tag: str, digest: str | None) -> None:
        """A read of a tag was answered.

        Raises:
            Broken: that cannot be.
        """
        if digest not in self.value(tag):
            raise Broken(f"{self.name}:{tag} is {digest}, may be {set(self.value(tag))}")
        self._tags[tag] = frozenset({digest})
        if digest is not None:
            self._visible[digest] = frozenset({True})

    def saw_manifest(self, digest: str, *, found: bool) -> None:
        """A read of a manifest by its digest was answered.

        Raises:
            Broken: that cannot be.
        """
        if found and True not in self.visible(digest):
            raise Broken(f"{self.name}@{digest} was deleted, but is served")
        if not found and digest in self.required():
            raise Broken(f"{self.name}@{digest} was acknowledged, but is lost")
        self._visible[digest] = frozenset({found})

    def required(self) -> set[str]:
        """Manifests that must be there, whatever a collector thinks of untagged ones."""
        kept = {
            member.digest
            for (digest, *others) in map(list, self._tags.values())
            if digest is not None and not others and digest in self.made
            for member in self.made[digest].family()
            if self.visible(member.digest) == {True}
        }
        while (
            about := {
                manifest.digest
                for manifest in self.made.values()
                if manifest.subject in kept and self.visible(manifest.digest) == {True}
            }
            - kept
        ):
            kept |= about
        return kept

    @contextmanager
    def _changing(self, tags: dict[str, str | None], manifests: dict[str, bool]) -> Iterator[None]:
        tags_before = {tag: self.value(tag) for tag in tags}
        visible_before = {digest: self.visible(digest) for digest in manifests}
        for tag, digest in tags.items():
            self._tags[tag] = tags_before[tag] | {digest}
            self._held[tag].add(digest)
        for digest, seen in manifests.items():
            self._visible[digest] = visible_before[digest] | {seen}
        try:
            yield
        except Refused:
            self._tags.update(tags_before)
            self._visible.update(visible_before)
            raise
        self._tags.update({tag: frozenset({digest}) for tag, digest in tags.items()})
        self._visible.update({digest: frozenset({seen}) for digest, seen in manifests.items()})
        for digest, seen in manifests.items():
            if seen:
                self._is_whole(digest)
        self._doubt_what_may_be_collected()

    def _is_whole(self, digest: str) -> None:
        """A manifest that is there has what it leads to; clients may have deleted that since."""
        for child in self.made[digest].children:
            if True in self.visible(child.digest):
                self._visible[child.digest] = frozenset({True})

    def _doubt_what_may_be_collected(self) -> None:
        """A collector that is told to may take what no tag leads to, at any time."""
        required = self.required()
        for digest, seen in self._visible.items():
            if True in seen and digest not in required:
                self._visible[digest] = frozenset({True, False})
