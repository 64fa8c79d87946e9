"""Tree of an image's files: its layers, one on the other, as a program in it would see them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lading.cli.exits import NothingFound
from lading.core.images.tree import Entry, EntryKind, shown

# Symbolic links on the way to a file, as for Linux.
_MOST_LINKS = 40


class PlacedEntry(NamedTuple):
    """An entry of an image, and which of its layers has it, counted from 0."""

    layer: int
    entry: Entry


class TreeNode:
    """A path of an image: what is placed there, `None` for the root, and what is below, by name."""

    __slots__ = ("below", "placed")

    def __init__(self) -> None:
        self.placed: PlacedEntry | None = None
        self.below: dict[str, TreeNode] = {}


class ImageFiles:
    """The files of an image; layers are put on it from the lowest to the highest."""

    def __init__(self) -> None:
        self._root = TreeNode()

    def put(self, layer: int, found: Iterable[Entry]) -> None:
        """Put a layer on what is there: first it hides, then it adds, in whatever order it says."""
        added = []
        for entry in found:
            if not entry.is_mark:
                added.append(entry)
            elif (node := self._find(entry.hidden)) is not None:
                if entry.kind is EntryKind.OPAQUE:
                    node.below.clear()
                else:
                    self._remove(entry.hidden)
        for entry in added:
            self._add(PlacedEntry(layer, entry))

    def all(self, path: str = "") -> Iterator[PlacedEntry]:
        """All below a path, in order, the path itself first; `NothingFound` if there is nothing."""
        node = self._find(path)
        if node is None:
            raise NothingFound(f"{path}: the image has no such path")
        yield from _walk(node)

    def resolve(self, path: str) -> PlacedEntry:
        """The entry that a program would open by a path, or its links; else `NothingFound`."""
        parts, reached = path.strip("/").split("/")[::-1], ""
        for _ in range(_MOST_LINKS * 100):
            if not parts:
                break
            part = parts.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                reached = reached.rpartition("/")[0]
                continue
            node = self._find(f"{reached}/{part}".strip("/"))
            if node is None or node.placed is None:
                raise NothingFound(f"{path}: the image has no such file")
            link = node.placed.entry.link
            if node.placed.entry.kind is EntryKind.SYMLINK:
                reached = "" if link.startswith("/") else reached
                parts += link.split("/")[::-1]
            elif node.placed.entry.kind is EntryKind.HARD_LINK:
                reached, parts = "", [*parts, *link.split("/")[::-1]]
            else:
                reached = node.placed.entry.path
        found = self._find(reached)
        if parts or found is None or found.placed is None:
            raise NothingFound(f"{path}: its links lead to no file")
        return found.placed

    def _find(self, path: str) -> TreeNode | None:
        node: TreeNode | None = self._root
        for part in path.split("/") if path else ():
            node = node.below.get(part) if node is not None else None
        return node

    def _remove(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        if (node := self._find(parent)) is not None:
            node.below.pop(name, None)

    def _add(self, placed: PlacedEntry) -> None:
        node = self._root
        for part in placed.entry.path.split("/"):
            node = node.below.setdefault(part, TreeNode())
        is_directory = placed.entry.kind is EntryKind.DIRECTORY
        if is_directory and placed.entry.is_implied and node.placed is not None:
            return
        if not is_directory:
            node.below.clear()
        node.placed = placed


def _walk(root: TreeNode) -> Iterator[PlacedEntry]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.placed is not None:
            yield node.placed
        waiting += [node.below[name] for name in sorted(node.below, reverse=True)]


def as_shown(path: str) -> str:
    """A path that was typed, as entries have theirs."""
    return shown(path.strip("/").encode())
