"""Port of what images can be copied from and to: a repository of a registry, or a folder."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from lading.core import media


@dataclass(frozen=True, slots=True)
class RemoteManifest:
    """A manifest, byte for byte."""

    digest: str
    media_type: str
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """What it says; empty if it is no object of JSON."""
        try:
            found = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def children(self) -> list[dict[str, Any]]:
        """The descriptors of the manifests that an index names."""
        return list(self.document.get("manifests") or [])

    @property
    def blobs(self) -> list[dict[str, Any]]:
        """The descriptors of the blobs that a registry has to have: configuration and layers."""
        document = self.document
        found = [document.get("config"), *(document.get("layers") or document.get("blobs") or [])]
        return [blob for blob in found if blob and media.is_distributed(blob.get("mediaType", ""))]


@dataclass(frozen=True, slots=True)
class BlobContent:
    """A blob that is to be brought somewhere.

    Attributes:
        size: in bytes.
        read: gives the bytes from an offset on, at most as many as its second argument says.
        mount_from: another repository of the same registry that has it; empty if none is known.
        moved: is told of bytes that have gone; negative ones are to be sent again.
    """

    digest: str
    size: int
    read: Callable[[int, int], Iterable[bytes]]
    mount_from: str = ""
    moved: Callable[[int], None] = lambda _count: None


class ImagePlace(Protocol):
    """A place that has images by tags and digests.

    What is not there raises `NotThere`, whatever else goes wrong another `ClientError`.

    Attributes:
        host: of the registry; empty if it is a folder.
        name: of the repository, or the folder's path.
    """

    host: str
    name: str

    def tags(self) -> Iterator[str]:
        """All tags, as the place orders them."""

    def digest(self, wanted: str) -> str:
        """The digest of the manifest of a tag or a digest; empty if there is none."""

    def manifest(self, wanted: str) -> RemoteManifest:
        """The manifest of a tag or a digest, its digest verified."""

    def referrers(self, digest: str) -> list[dict[str, Any]]:
        """The descriptors of the manifests that are about this one."""

    def has_blob(self, digest: str) -> bool:
        """Whether a blob is there."""

    def blob(self, digest: str, offset: int = 0, length: int = -1) -> Iterator[bytes]:
        """The bytes of a blob, or a part of them; verified if it is all of them."""

    def push_blob(self, content: BlobContent) -> bool:
        """Bring a blob; whether bytes had to go for it."""

    def push_manifest(self, wanted: str, manifest: RemoteManifest) -> bool:
        """Bring a manifest under a tag or its digest; whether the place lists it as a referrer."""
