"""What other registries keep in or near the data directory, which an empty registry does not show.

Nobody touches these files, so it is a warning: else somebody who has named the directory of zot, or
that of Harbor, finds a registry that starts, and is empty.
"""

import logging
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
# What Distribution's directory ends with, if one was named that is too deep.
_DEEP = (("docker", "registry", "v2"), ("docker", "registry"), ("docker",))


def warn_of_neighbours(root: Path, database: Path) -> None:
    """Warn of images of others that are not served, while there are none of this registry.

    Args:
        root: of the blobs.
        database: its file, which may be missing.
    """
    if not has_nothing(database):
        return
    if (volume := _distribution_near(root.absolute())) is not None:
        log.warning(
            "%s has what CNCF Distribution keeps (as Harbor and GitLab do), and is not served: give"
            " it as storage.filesystem.rootdirectory, and take it over by `lading adopt %s`",
            volume,
            volume,
        )
    elif (place := _layout_below(root)) is not None:
        log.warning(
            "%s has OCI image layouts (as zot and skopeo keep them), %s among them, which are not"
            " served: bring them by `lading import %s`",
            root,
            place or "itself",
            root,
        )


def _distribution_near(root: Path) -> Path | None:
    """A volume of Distribution that `root` is within, or that is directly below it."""
    above = [root.parents[len(end) - 1] for end in _DEEP if root.parts[-len(end) :] == end]
    below: list[Path] = []
    with suppress(OSError):  # there is no directory yet, or it is not to be read
        below = sorted(root.iterdir())[:FOLDERS]
    for volume in (*above, *below):
        with suppress(OSError):  # of somebody else, as a disk's lost+found is
            if next(iter(distribution.repositories(Layout(volume))), None) is not None:
                return volume
    return None


def _layout_below(root: Path) -> str | None:
    """The name of a layout below `root`, which is empty for itself; `None` if none is met."""
    found = (each for each in islice(find_layouts(str(root)), FOLDERS) if each is not None)
    # `Path.is_file` would fail at what is not to be read.
    has_mark = (name for name, layout in found if isfile(f"{layout.place}/oci-layout"))  # noqa: PTH113
    return next(has_mark, None)
