"""Fills a directory with images, as years of pushes would, in seconds.

The rows are made by the code that makes them for a push, in one transaction; the files are small
and not synced.
"""

import json
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lading.blobs.layout import Layout
from lading.core import media
from lading.core.digest import SHA256, Digest
from lading.core.history import Change
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import RepositoryName, Tag
from lading.databases.sqlite.connection import connect
from lading.databases.sqlite.file import FileDatabase
from lading.metadata import links, manifest_deletion
from lading.metadata.pushes import ManifestPush
from lading.wiring.paths import metadata_path

BLOBS_OF_IMAGE = 10
IMAGES_OF_REPOSITORY = 100
LONG_AGO = 30 * 24 * 3600


def fill(root: Path, name: str, blobs: int) -> Sequence[tuple[RepositoryName, Digest]]:
    """Add images with so many blobs in all, none of them shared; returns the images."""
    layout = Layout(root)
    FileDatabase(metadata_path(root)).close()
    pushed = Change("", time.time() - LONG_AGO)
    images = []
    with closing(connect(metadata_path(root))) as connection, connection:
        connection.execute("BEGIN")
        for number in range(blobs // BLOBS_OF_IMAGE):
            repository = RepositoryName(f"{name}/{number // IMAGES_OF_REPOSITORY}")
            contents = [f"{name} {number} {part}".encode() for part in range(BLOBS_OF_IMAGE)]
            for content in contents:
                digest = Digest.of(content)
                _write(Path(layout.blob(digest)), content)
                links.add_blob(connection, repository, digest, len(content), pushed.at)
            manifest = _image(contents)
            tag = Tag(f"v{number}")
            ManifestPush(repository=repository, manifest=manifest, tags=[tag], change=pushed).store(
                connection
            )
            images.append((repository, manifest.digest))
    return images


def delete(root: Path, images: Sequence[tuple[RepositoryName, Digest]]) -> None:
    """Delete images so long ago that their time in the trash is over."""
    change = Change("", time.time() - LONG_AGO)
    with closing(connect(metadata_path(root), timeout=60)) as connection, connection:
        connection.execute("BEGIN")
        for repository, digest in images:
            manifest_deletion.delete(connection, repository, digest, (), change)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def _image(contents: Sequence[bytes]) -> Manifest:
    config, *layers = (
        {
            "mediaType": "application/octet-stream",
            "digest": Digest.of(content),
            "size": len(content),
        }
        for content in contents
    )
    document = {
        "schemaVersion": 2,
        "mediaType": media.OCI_MANIFEST,
        "config": config,
        "layers": layers,
    }
    return parse(json.dumps(document).encode(), media.OCI_MANIFEST, SHA256)
