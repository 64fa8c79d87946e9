"""Overlays: what layers are together, where each hides some of those below.

OCI image-spec, layer.md, "Whiteouts": "Whiteout files MUST only apply to resources in lower/parent
layers. Files that are present in the same layer as a whiteout file can only be hidden by whiteout
files in subsequent layers." An opaque one hides all children of its directory.

Layers are numbers here, from 0 for the lowest.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappush, heappushpop

import msgspec

from lading.core.images.tree import Entry, EntryKind, directories

MOST_WASTED = 50
"""Paths that are named because they waste the most."""
MOST_MARKS = 100_000
"""Marks that are kept in mind while sums are made."""

_HIDES = ".wh."
_OPAQUE = ".wh..wh..opq"


class TooManyMarks(ValueError):
    """Layers that hide so much of each other that no sums of them are made."""


def lookups(parent: str) -> Mapping[str, Iterable[str]]:
    """The names, by their directories, that tell which content of a directory is hidden."""
    places: dict[str, list[str]] = {"": [_OPAQUE]}
    for path in directories(parent):
        above, _, name = path.rpartition("/")
        places[above] += [name, _HIDES + name]
        places[path] = [_OPAQUE]
    return places


def floor(layers: Sequence[Iterable[Entry]], parent: str) -> int:
    """The lowest layer of which a directory's content is seen, by what `lookups` asks of each."""
    above = set(directories(parent))
    lowest = 0
    for layer, entries in enumerate(layers):
        for entry in entries:
            is_mark_of_it = entry.is_mark and (
                entry.hidden in above or entry.kind is EntryKind.OPAQUE
            )
            if is_mark_of_it or (entry.kind is not EntryKind.DIRECTORY and entry.path in above):
                lowest = layer
    return lowest


def hiding(names: Iterable[str]) -> list[str]:
    """The names of some entries, and those of the whiteouts that hide them."""
    return [each for name in names for each in (name, _HIDES + name)]


def top(layers: Sequence[Iterable[Entry]], lowest: int = 0) -> dict[str, tuple[int, Entry]]:
    """The visible entries of some names in one directory, each with its layer.

    Args:
        layers: the entries that have one of the names, and their whiteouts.
        lowest: see `floor`.
    """
    seen: dict[str, tuple[int, Entry]] = {}
    for layer, entries in enumerate(layers):
        if layer < lowest:
            continue
        here = list(entries)
        for entry in here:
            if entry.kind is EntryKind.WHITEOUT:
                seen.pop(entry.name.removeprefix(_HIDES), None)
        for entry in here:
            known = seen.get(entry.name)
            if entry.is_mark or (entry.is_implied and known and _is_directory(known[1])):
                continue
            seen[entry.name] = (layer, entry)
    return seen


def _is_directory(entry: Entry) -> bool:
    return entry.kind is EntryKind.DIRECTORY


class LayerSums(msgspec.Struct):
    """The sums of one layer.

    Attributes:
        added, changed: files that were not, or were, in the layers below; no directories.
        removed: whiteouts and opaque directories.
        size: bytes of its files, unpacked.
        hidden: bytes of these that a later layer replaces or removes.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    size: int = 0
    hidden: int = 0


class WastedPath(msgspec.Struct, order=True):
    """A path with bytes in layers where nobody can see them."""

    size: int
    path: str
    copies: int


class Sums(msgspec.Struct):
    """The sums of layers that lie one on the other.

    Attributes:
        wasted: the paths that waste the most, the worst first.
        failed: why there are no sums; empty if there are.
    """

    layers: list[LayerSums] = []
    wasted: list[WastedPath] = []
    failed: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files of all layers, unpacked."""
        return sum(layer.size for layer in self.layers)

    @property
    def hidden(self) -> int:
        """Bytes of files that nobody sees: a later layer replaces or removes them."""
        return sum(layer.hidden for layer in self.layers)

    @property
    def efficiency(self) -> float:
        """The part of all bytes that can be seen, from 0 to 1."""
        return 1 - self.hidden / self.size if self.size else 1.0


class Adder:
    """Makes sums: it is told all marks first, and then all entries by parent and name.

    A hard link has no bytes here: they are those of what it leads to. A sparse file counts nothing,
    as its size is only what it claims.
    """

    def __init__(self, count: int) -> None:
        self._layers = [LayerSums() for _ in range(count)]
        self._whole: dict[str, list[int]] = {}
        self._inside: dict[str, list[int]] = {}
        self._worst: list[WastedPath] = []
        self._marks = 0
        self._parent = ""
        self._above: list[int] = []

    def mark(self, layer: int, entry: Entry) -> None:
        """Take a mark of a layer; `TooManyMarks` if there were more than `MOST_MARKS`."""
        places = self._inside if entry.kind is EntryKind.OPAQUE else self._whole
        self._cut(places, entry.hidden, layer)
        self._layers[layer].removed += 1

    def add(self, group: Sequence[tuple[int, Entry]]) -> None:
        """Take all entries of one path, the lowest layer first."""
        first = group[0][1]
        if first.parent != self._parent or not self._above:
            self._parent = first.parent
            self._above = sorted(self._cuts_above(first.parent))
        path = first.path
        cuts = [*self._above[1:], *self._whole.get(path, ())]
        entries = [(layer, entry) for layer, entry in group if not entry.is_mark]
        wasted = copies = 0
        for place, (layer, entry) in enumerate(entries):
            below = [lower for lower, _ in entries[:place]]
            if entry.kind is EntryKind.DIRECTORY:
                continue
            if any(_is_directory(lower) for _, lower in entries[:place]):
                self._cut(self._inside, path, layer)  # it is no directory any more
            sums = self._layers[layer]
            if any(not any(lower < cut < layer for cut in cuts) for lower in below):
                sums.changed += 1
            else:
                sums.added += 1
            size = entry.size if entry.kind is EntryKind.FILE else 0
            sums.size += size
            if place + 1 < len(entries) or any(cut > layer for cut in cuts):
                sums.hidden += size
                wasted, copies = wasted + size, copies + 1
        self._note(WastedPath(wasted, path, copies))

    def sums(self) -> Sums:
        """The sums of all that was added."""
        return Sums(self._layers, sorted(self._worst, reverse=True))

    def _cuts_above(self, parent: str) -> set[int]:
        """Layers that hide what lower ones have in a directory; with one that hides nothing."""
        cuts = {-1, *self._inside.get("", ())}
        for path in directories(parent):
            cuts.update(self._whole.get(path, ()), self._inside.get(path, ()))
        return cuts

    def _cut(self, places: dict[str, list[int]], path: str, layer: int) -> None:
        self._marks += 1
        if self._marks > MOST_MARKS:
            raise TooManyMarks("its layers hide too much of each other")
        places.setdefault(path, []).append(layer)

    def _note(self, wasted: WastedPath) -> None:
        if not wasted.size:
            return
        if len(self._worst) < MOST_WASTED:
            heappush(self._worst, wasted)
        else:
            heappushpop(self._worst, wasted)
