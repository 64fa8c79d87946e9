"""What other registries keep in or near a directory that somebody has named.

A volume of Distribution is named by its `rootdirectory`, in which `docker/registry/v2` is. People
name what is in there, or the directory that holds it, such as a volume of Docker instead of its
`_data`. And who has named the directory of zot, or that of Harbor, would find a registry that
starts, and is empty: nobody touches these files, so it is a warning.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from os.path import isfile
from pathlib import Path

from lading.blobs import distribution
from lading.blobs.layout import Layout
from lading.blobs.oci_layout import find_layouts
from lading.databases.sqlite.read_only import has_nothing

log = logging.getLogger(__name__)

# Folders that are looked into: enough to meet a layout among those of zot, few enough for a start.
FOLDERS = 1000
# How deep a volume may be below a place.
_DEPTH = 2
# What a new file system has of itself.
_OF_DISKS = frozenset({"lost+found"})


def warn_of_neighbours(root: Path, database: Path) -> None:
    """Warn of images of others that are not served, while there are none of this registry.

    Args:
        root: of the blobs.
        database: its file, which may be missing.
    """
    if not has_nothing(database):
        return
    for volume in volumes_near(root):
        with suppress(OSError):  # of somebody else
            if next(distribution.repositories(Layout(volume)), None) is not None:
                log.warning(
                    "%s has what CNCF Distribution keeps (as Harbor and GitLab do), and is not"
                    " served: give it as storage.filesystem.rootdirectory, and take it over by"
                    " `lading adopt %s`",
                    volume,
                    volume,
                )
                return
    if (place := layout_below(root)) is not None:
        log.warning(
            "%s has OCI image layouts (as zot and skopeo keep them), %s among them, which are not"
            " served: bring them by `lading import %s`",
            root,
            place or "itself",
            root,
        )


def is_root(place: Path) -> bool:
    """Whether a place is the root of a volume, or may become one: nothing else is there."""
    layout = Layout(place)
    if _is_directory(layout.repositories) or _is_directory(layout.blobs):
        return True
    return _OF_DISKS.issuperset(_names(place))


def volumes_near(place: Path) -> Iterator[Path]:
    """The roots of volumes that a place is within, or that are not far below it."""
    candidates = (*place.absolute().parents, *_below(place.absolute()))
    return (one for one in candidates if _is_directory(Layout(one).repositories))


def layout_below(place: Path) -> str | None:
    """The name of an OCI image layout below a place, which is empty for itself; `None` if none is.

    Only so many folders are looked into.
    """
    found = (each for each in islice(find_layouts(str(place)), FOLDERS) if each is not None)
    # `Path.is_file` would fail at what is not to be read.
    has_mark = (name for name, layout in found if isfile(f"{layout.place}/oci-layout"))  # noqa: PTH113
    return next(has_mark, None)


def _below(place: Path) -> Iterator[Path]:
    level, left = [place], FOLDERS
    for _ in range(_DEPTH):
        level = list(islice((one / name for one in level for name in _names(one)), left))
        left -= len(level)
        yield from level


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
