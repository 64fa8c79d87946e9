"""Exports: an open registry, and the directory where CNCF Distribution is to find it."""

from pathlib import Path

from lading.blobs.layout import Layout
from lading.blobs.link_writer import LinkWriter
from lading.config.settings import Settings
from lading.services.moving.export import Export
from lading.services.progress import StepProgress
from lading.services.registry import Registry
from lading.wiring.stores import process_name


def new_export(
    registry: Registry, settings: Settings, root: Path, progress: StepProgress
) -> Export:
    """An export of an open registry into a directory, which is made if need be."""
    storage, writer = settings.storage, link_writer(root)
    at_home = storage.driver == "filesystem" and _is_same(storage.filesystem.rootdirectory, root)
    return Export(registry, writer, at_home, process_name("an export"), progress)


def link_writer(root: Path) -> LinkWriter:
    """What writes links below a directory, which is made if need be."""
    layout = Layout(root)
    Path(layout.repositories).mkdir(parents=True, exist_ok=True)
    return LinkWriter(layout)


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
