"""Port of what commands on images stand on: a registry, be it here or anywhere."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lading.core.digest import Bytes


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """A manifest, byte for byte."""

    digest: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ReadDescriptor:
    """A descriptor as others wrote it; its platform is `linux/arm64/v8`, or empty."""

    digest: str
    size: int
    media_type: str
    platform: str = ""
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


class ImageSource(Protocol):
    """A registry, as far as commands on images need it.

    What is not there raises `ManifestUnknown`, `RepositoryUnknown` or `BlobUnknown`; what is
    refused, `Denied`, `Unauthorized` and the like; what cannot be reached, `Unavailable`.
    """

    def repositories(self) -> AsyncIterator[str]:
        """The names of all repositories that the caller sees."""

    def tags(self, repository: str) -> AsyncIterator[str]:
        """The names of all tags of a repository."""

    async def set_at(self, repository: str, tag: str) -> float | None:
        """When a tag was set, in seconds since the epoch; `None` if that is not known."""

    async def manifest(self, repository: str, reference: str) -> FoundManifest:
        """A manifest by its tag or its digest."""

    async def fetch(self, repository: str, digest: str, write: Callable[[Bytes], object]) -> None:
        """Write the bytes of a blob, piece by piece."""

    async def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob."""

    async def referrers(self, repository: str, digest: str) -> Sequence[ReadDescriptor]:
        """Manifests that are about this one."""

    async def delete(self, repository: str, reference: str) -> None:
        """Delete a tag, or a manifest with all its tags."""

    async def put_tag(self, repository: str, manifest: FoundManifest, tag: str) -> None:
        """Point a tag at a manifest that is in the repository."""
