"""Configurations of images: what a manifest names as its own is fetched, and read."""

from lading.cli.images.documents import ManifestDocument
from lading.cli.images.source import ImageSource
from lading.core.images.image_config import ShownConfig, read_config

# Bytes of a configuration that are read; real ones have some KiB.
_MOST = 4 * 1024 * 1024


async def fetch_config(
    source: ImageSource, repository: str, document: ManifestDocument
) -> ShownConfig:
    """The configuration that a manifest names.

    Raises:
        BlobUnknown: the registry does not have it.
    """
    assert document.config is not None
    part = document.config
    async with source.blob(repository, part.digest, part.size, "configuration") as file:
        return read_config(file.read(_MOST))
