"""Directories of images and of layers, put together when they are shown.

That is done out of those entries of each layer that are in them; how much is read depends on what
is shown alone, and how often the database is asked on nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lading.core.images import overlay
from lading.core.images.tree import Entry, EntryKind, split
from lading.services.registry import Registry
from lading.services.shown.trees import Effect, Inside, Shown


@dataclass(frozen=True, slots=True)
class Directory:
    """A part of what is in a directory, and the name after which the rest begins, if any."""

    entries: Sequence[Shown]
    after: str


async def list_image(
    registry: Registry, inside: Inside, path: str, *, after: str = "", most: int
) -> Directory:
    """A part of a directory, empty for the root, as a container sees it, in the order of names."""
    [[listed]] = await list_images(registry, [inside], [path], after=after, most=most)
    return listed


async def list_images(
    registry: Registry,
    images: Sequence[Inside],
    paths: Sequence[str],
    *,
    after: str,
    most: int,
) -> Sequence[Sequence[Directory]]:
    """Parts of some directories as containers see them, of each of some images.

    The database is asked no more often than for one directory of one image.
    """
    trees = list(dict.fromkeys(tree for inside in images for tree in inside.trees))
    above = await _named(registry, trees, _together(map(overlay.lookups, paths)))
    inner = await registry.metadata.trees.children(trees, paths, after=after, most=most + 1)
    found = _by_place(trees, inner)
    parts = [[_part(inside, path, above, found, most) for path in paths] for inside in images]
    names = [(part.path, part.names) for of_image in parts for part in of_image]
    places = _together({path: overlay.hiding(named)} for path, named in names)
    seen = await _named(registry, trees, places)
    return [
        [_seen(inside, part, seen) for part in of_image]
        for inside, of_image in zip(images, parts, strict=True)
    ]


async def list_layer(
    registry: Registry, inside: Inside, number: int, path: str, *, after: str = "", most: int
) -> Directory:
    """A part of a directory, empty for the root, of a layer, and what it does to those below."""
    trees, below = registry.metadata.trees, inside.trees[:number]
    [found] = await trees.children([inside.trees[number]], [path], after=after, most=most + 1)
    names = [entry.name.removeprefix(".wh.") for entry in found]
    lowest = await _floor(registry, below, path)
    seen = await _top(registry, below, path, names, lowest)
    entries = [Shown(entry, number, _effect(entry, entry.name in seen)) for entry in found[:most]]
    return Directory(entries, found[most - 1].name if len(found) > most else "")


async def find_entry(
    registry: Registry, inside: Inside, path: str, number: int | None = None
) -> Shown | None:
    """The entry of a path: in one layer, or as a container sees it."""
    parent, name = split(path)
    if number is not None:
        [[*found]] = await registry.metadata.trees.named([inside.trees[number]], {parent: [name]})
        return Shown(found[0], number) if found else None
    lowest = await _floor(registry, inside.trees, parent)
    seen = await _top(registry, inside.trees, parent, [name], lowest)
    return Shown(seen[name][1], seen[name][0]) if name in seen else None


_Places = Mapping[str, Iterable[str]]
"""Names in directories."""
_ByPlace = Mapping[tuple[int, str], Sequence[Entry]]
"""Entries of trees, by the id of the tree and the directory."""


class _Part(NamedTuple):
    """A part of a directory of an image, of which it is not known yet what can be seen.

    Attributes:
        lowest: the lowest layer of which its content can be seen.
        after: see `Directory`.
    """

    path: str
    names: Sequence[str]
    lowest: int
    after: str


def _part(inside: Inside, path: str, above: _ByPlace, found: _ByPlace, most: int) -> _Part:
    lowest = _lowest(inside.trees, path, above)
    layers = [found.get((tree, path), ()) for tree in inside.trees]
    # Behind the last one of a layer that has more, other names may be missing.
    ends = [entries[-1].name for entries in layers if len(entries) > most]
    names = sorted(
        {entry.name for entries in layers[lowest:] for entry in entries if not entry.is_mark}
    )
    here = [name for name in names if not ends or name <= min(ends)]
    shown = here[:most]
    last = shown[-1] if len(here) > most else min(ends, default="")
    return _Part(path, shown, lowest, last if len(here) > most or ends else "")


def _seen(inside: Inside, part: _Part, found: _ByPlace) -> Directory:
    layers = [found.get((tree, part.path), ()) for tree in inside.trees]
    seen = overlay.top(layers, part.lowest)
    entries = [
        Shown(entry, layer) for name in part.names if name in seen for layer, entry in [seen[name]]
    ]
    return Directory(entries, part.after)


async def _floor(registry: Registry, trees: Sequence[int], path: str) -> int:
    return _lowest(trees, path, await _named(registry, trees, overlay.lookups(path)))


def _lowest(trees: Sequence[int], path: str, above: _ByPlace) -> int:
    """The lowest layer of which the content of a directory can be seen; see `overlay.floor`."""
    places = {parent: set(names) for parent, names in overlay.lookups(path).items()}
    return overlay.floor(
        [
            [
                entry
                for parent, names in places.items()
                for entry in above.get((tree, parent), ())
                if entry.name in names
            ]
            for tree in trees
        ],
        path,
    )


async def _top(
    registry: Registry, trees: Sequence[int], path: str, names: Sequence[str], lowest: int
) -> dict[str, tuple[int, Entry]]:
    found = await _named(registry, trees, {path: overlay.hiding(names)} if names else {})
    return overlay.top([found.get((tree, path), ()) for tree in trees], lowest)


async def _named(registry: Registry, trees: Sequence[int], places: _Places) -> _ByPlace:
    """The entries of some places in trees."""
    if not (trees and places):
        return {}
    return _by_place(trees, await registry.metadata.trees.named(trees, places))


def _by_place(trees: Sequence[int], found: Sequence[Sequence[Entry]]) -> _ByPlace:
    known: dict[tuple[int, str], list[Entry]] = {}
    for tree, entries in dict(zip(trees, found, strict=True)).items():
        for entry in entries:
            known.setdefault((tree, entry.parent), []).append(entry)
    return known


def _together(places: Iterable[_Places]) -> dict[str, set[str]]:
    """The names in each directory, of some that were asked for by themselves."""
    every: dict[str, set[str]] = {}
    for each in places:
        for parent, names in each.items():
            every.setdefault(parent, set()).update(names)
    return every


def _effect(entry: Entry, is_below: bool) -> Effect:
    if entry.is_mark:
        return Effect.REMOVED
    if entry.is_implied or (is_below and entry.kind is EntryKind.DIRECTORY):
        return Effect.SAME
    return Effect.CHANGED if is_below else Effect.ADDED
