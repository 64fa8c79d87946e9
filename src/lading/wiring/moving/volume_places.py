"""Places that people take for the root of a volume: whether it is one, and where another one is.

A volume is named by its `rootdirectory`, in which `docker/registry/v2` is. People name what is in
there, or the directory that holds it, such as a volume of Docker instead of its `_data`.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lading.blobs.layout import Layout
from lading.blobs.oci_layout import find_layouts

# Folders that are looked at below a place, and how deep.
_MOST = 2000
_DEPTH = 2
# What a new file system has of itself.
_OF_DISKS = frozenset({"lost+found"})


def is_root(place: Path) -> bool:
    """Whether a place is the root of a volume, or may become one: nothing else is there."""
    layout = Layout(place)
    if _is_directory(layout.repositories) or _is_directory(layout.blobs):
        return True
    return _OF_DISKS.issuperset(_names(place))


def root_near(place: Path) -> Path | None:
    """The root of a volume that a place is within, or that is below it, if there is one."""
    candidates = [*place.absolute().parents, *_below(place)]
    return next((one for one in candidates if _is_directory(Layout(one).repositories)), None)


def has_layouts(place: Path) -> bool:
    """Whether OCI image layouts are there or not far below, as zot has them."""
    looked = zip(range(_MOST), find_layouts(str(place)), strict=False)
    return any(found is not None for _, found in looked)


def _below(place: Path) -> Iterator[Path]:
    level, looked = [place], 0
    for _ in range(_DEPTH):
        level = [folder / name for folder in level for name in _names(folder)]
        for one in level:
            looked += 1
            if looked > _MOST:
                return
            yield one


def _names(folder: Path) -> list[str]:
    """The names in a folder; none of what is no folder, or must not be looked into."""
    with suppress(OSError):
        return sorted(child.name for child in folder.iterdir())
    return []


def _is_directory(path: str) -> bool:
    """Whether it is a directory that can be looked at."""
    with suppress(OSError):
        return Path(path).is_dir()
    return False
