"""Comparing the files of two images, directory by directory, by what is known of their layers.

Below the layers that two images begin with they have the same files. So only directories are looked
into that a layer above these has something in, and of these no more than a page can show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os.path import commonprefix

from lading.core.digest import Digest
from lading.core.images.tree import Entry, EntryKind, join
from lading.services.registry import Registry
from lading.services.shown.directories import Directory, list_images
from lading.services.shown.trees import Inside, Shown

# Directories that are looked into for one page, and how deep they are in each other; entries of
# layers that are read for them. All that are equally deep are read together.
_MOST_DIRECTORIES, _DEEPEST = 24, 8
_MOST_READ = 100_000


@dataclass(frozen=True, slots=True)
class ComparedFile:
    """A file that two images do not have alike, as the first and the second have it, if at all."""

    path: str
    first: Entry | None
    second: Entry | None

    @property
    def looks_same(self) -> bool:
        """Whether it was only written again: its bytes may be others, or the same."""
        if self.first is None or self.second is None:
            return False
        return self.first[2:6] == self.second[2:6]  # kind, size, mode, link

    @property
    def growth(self) -> int:
        """Bytes that it has more in the second image."""
        sizes = [0 if entry is None else entry.size for entry in (self.first, self.second)]
        return sizes[1] - sizes[0]


@dataclass(slots=True)
class FileDifference:
    """Files that two images do not have alike, below a directory.

    Attributes:
        unread: directories that hold more of them, and were not looked into.
        after: the name in the directory behind which the rest begins; empty if there is no more.
    """

    path: str
    files: list[ComparedFile] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    after: str = ""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two images that are looked into, and the known trees of layers above those they share."""

    first: Inside
    second: Inside
    upper: Sequence[int]


async def compare_files(
    registry: Registry, first: Inside, second: Inside, path: str, *, after: str = "", most: int
) -> FileDifference:
    """Files that two images do not have alike.

    Args:
        path: of the directory that is looked into, empty for the root.
        after: names in it up to this one are left out.
        most: files of a directory that are compared, and about as many that are found.
    """
    pair = _pair(first, second)
    found = FileDifference(path)
    layers = max(1, len(first.layers) + len(second.layers))
    budget = max(1, min(_MOST_DIRECTORIES, _MOST_READ // (layers * most)))
    level, start = [path], after
    for _ in range(_DEEPEST):
        here, later = level[:budget], level[budget:]
        if not here or len(found.files) >= most:
            break
        found.unread += later
        level = await _compare(registry, pair, here, found, start, most)
        budget, start = budget - len(here), ""
    found.unread += level
    return found


async def _compare(
    registry: Registry,
    pair: _Pair,
    paths: Sequence[str],
    found: FileDifference,
    after: str,
    most: int,
) -> list[str]:
    """Compare directories; those in them that are to be compared, too."""
    one, other = await list_images(
        registry, [pair.first, pair.second], paths, after=after, most=most
    )
    inner: dict[str, Sequence[str]] = {}
    for path, *sides in zip(paths, one, other, strict=True):
        if len(found.files) >= most:
            found.unread.append(path)
            continue
        end, inner[path] = _compare_directory(pair, path, sides, found.files)
        if end and path == found.path:
            found.after = end
        elif end:
            found.unread.append(path)
    return await _touched(registry, pair.upper, inner)


def _compare_directory(
    pair: _Pair, path: str, sides: Sequence[Directory], files: list[ComparedFile]
) -> tuple[str, Sequence[str]]:
    """Compare one directory: the name after which the rest begins, and directories of both."""
    ends = [side.after for side in sides if side.after]
    one, other = ({shown.entry.name: shown for shown in side.entries} for side in sides)
    names = [name for name in sorted(one.keys() | other.keys()) if not ends or name <= min(ends)]
    both: list[str] = []
    for name in names:
        first, second = one.get(name), other.get(name)
        if _is_directory(first) and _is_directory(second):
            both.append(name)
        if not _is_same(pair, first, second):
            entries = (None if shown is None else shown.entry for shown in (first, second))
            files.append(ComparedFile(join(path, name), *entries))
    return min(ends, default=""), both


async def _touched(
    registry: Registry, upper: Sequence[int], inner: Mapping[str, Sequence[str]]
) -> list[str]:
    """The directories among these, by their places, of which one of the trees has a part."""
    if not (upper and any(inner.values())):
        return []
    found = await registry.metadata.trees.named(upper, inner)
    touched = {entry.path for entries in found for entry in entries}
    paths = [join(path, name) for path, names in inner.items() for name in names]
    return [path for path in paths if path in touched]


def _pair(first: Inside, second: Inside) -> _Pair:
    common = len(commonprefix([_digests(first), _digests(second)]))  # noqa: RUF071 - of lists
    upper = {*first.trees[common:], *second.trees[common:]} - {-1}
    return _Pair(first, second, sorted(upper))


def _digests(inside: Inside) -> list[Digest]:
    return [looked.layer.digest for looked in inside.layers]


def _is_directory(shown: Shown | None) -> bool:
    return shown is not None and shown.entry.kind is EntryKind.DIRECTORY


def _is_same(pair: _Pair, first: Shown | None, second: Shown | None) -> bool:
    if first is None or second is None:
        return False
    if _is_directory(first) and _is_directory(second):
        implied = first.entry.is_implied or second.entry.is_implied
        return implied or first.entry.mode == second.entry.mode
    of_first = pair.first.layers[first.layer].layer.digest, first.entry.offset
    return of_first == (pair.second.layers[second.layer].layer.digest, second.entry.offset)
