"""The port of OCI image layouts: directories with images, as programs leave them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lading.core.digest import Digest
from lading.ports.blob_sources import LocalFile


@dataclass(frozen=True, slots=True)
class LayoutEntry:
    """An entry of a layout's `index.json`.

    Attributes:
        media_type: of the manifest; empty if the entry does not say.
        tag: by which the manifest is known, which need not be a valid one; empty if it has none.
    """

    digest: str
    media_type: str
    tag: str


class ImageLayout(Protocol):
    """A directory with images.

    Attributes:
        place: where it is, for people.
    """

    place: str

    async def entries(self) -> Sequence[LayoutEntry]:
        """The manifests that it lists.

        Raises:
            LayoutUnusable: its `index.json` cannot be read.
        """

    async def find(self, digest: Digest) -> LocalFile | None:
        """The file of a blob or a manifest; `None` if it is not there."""


class LayoutUnusable(Exception):
    """A directory is no image layout, or a broken one; the message says why."""
