"""Imports of OCI image layouts: an open registry, and the layouts below a directory."""

from collections.abc import Callable, Iterator
from pathlib import Path

from lading.blobs.layout import Layout
from lading.blobs.link_writer import LinkWriter
from lading.blobs.oci_layout import find_layouts
from lading.config.settings import Settings
from lading.core.access import Grant
from lading.core.names import RepositoryName
from lading.ports.layouts import ImageLayout
from lading.services.moving.import_layouts import LayoutImport
from lading.services.progress import StepProgress
from lading.services.registry import Registry


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
