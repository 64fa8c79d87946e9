"""Directories that a registry is exported to, for CNCF Distribution, and imports layouts from."""

from collections.abc import Callable, Iterator
from pathlib import Path

from lading.blobs.layout import Layout
from lading.blobs.link_writer import LinkWriter
from lading.blobs.oci_layout import find_layouts
from lading.config.settings import Settings
from lading.core.access import Grant
from lading.core.names import RepositoryName
from lading.ports.layouts import ImageLayout
from lading.services.moving.export import Export
from lading.services.moving.import_layouts import LayoutImport
from lading.services.progress import StepProgress
from lading.services.registry import Registry
from lading.wiring.paths import metadata_path
from lading.wiring.process_names import process_name

# In a directory that exports have written to, beside what the other registry looks at.
MARK = ".lading-export"


class AnotherRegistry(Exception):
    """The directory has what another registry has kept; the message says what to do."""


def new_export(
    registry: Registry, settings: Settings, root: Path, progress: StepProgress, *, over: bool
) -> Export:
    """An export of an open registry into a directory, which is made if need be.

    Args:
        over: whether what another registry has there may be changed.

    Raises:
        AnotherRegistry: it may not, and there is some.
    """
    storage = settings.storage
    at_home = storage.driver == "filesystem" and _is_same(storage.filesystem.rootdirectory, root)
    if not at_home:
        _claim(root, over=over)
    return Export(registry, link_writer(root), at_home, process_name("an export"), progress)


def link_writer(root: Path) -> LinkWriter:
    """The writer of links below a directory, which is made if need be."""
    layout = Layout(root)
    Path(layout.repositories).mkdir(parents=True, exist_ok=True)
    return LinkWriter(layout)


def _claim(root: Path, *, over: bool) -> None:
    """Mark a directory as one of exports; one that has something, and no mark, is somebody's."""
    mark, layout = root / MARK, Layout(root)
    kept = (layout.repositories, layout.blobs)
    is_used = metadata_path(root).exists() or any(Path(path).is_dir() for path in kept)
    if is_used and not over and not mark.exists():
        raise AnotherRegistry(
            f"{root} has what another registry keeps: its tags would point to what is here, where"
            " names are the same. Name an empty directory, or say --over if that is wanted"
        )
    root.mkdir(parents=True, exist_ok=True)
    mark.write_text("`lading export` writes here what a registry of CNCF Distribution serves.\n")


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def new_import(
    registry: Registry,
    settings: Settings,
    grant_of: Callable[[RepositoryName], Grant],
    progress: StepProgress,
) -> LayoutImport:
    """An import into an open registry; with hard links, if its blobs are files."""
    storage = settings.storage
    in_files = storage.driver == "filesystem"
    place = LinkWriter(Layout(storage.filesystem.rootdirectory)) if in_files else None
    return LayoutImport(registry, place, grant_of, progress)


def named_layouts(directory: Path, name: str | None) -> Iterator[tuple[str, ImageLayout] | None]:
    """Layouts below a directory, with the names of their repositories; `None` for another folder.

    Args:
        directory: one layout, or one with several below it, as zot keeps them.
        name: of the repository of the one; or what comes before the names of several.
    """
    for found in find_layouts(str(directory)):
        if found is None:
            yield None
            continue
        place, layout = found
        parts = [name, place] if name else [place or directory.resolve().name]
        yield "/".join(filter(None, parts)), layout
