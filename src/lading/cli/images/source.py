"""Port of what commands on images stand on: a registry, be it here or anywhere."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, cast

from lading.cli.late import late
from lading.core.digest import Bytes

with late():
    import tempfile

    from lading.cli import progress

# Bytes of a blob that stay in memory; larger ones become a file for the time being.
_IN_MEMORY = 16 * 1024 * 1024


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


class ImageRepository(Protocol):
    """A repository, as far as commands on images need it.

    What is not there raises `ManifestUnknown`, `RepositoryUnknown` or `BlobUnknown`; what is
    refused, `Denied`, `Unauthorized` and the like; what cannot be reached, `Unavailable`.
    """

    name: str

    def tags(self) -> AsyncIterator[str]:
        """The names of all tags."""

    async def set_at(self, tag: str) -> float | None:
        """When a tag was set, in seconds since the epoch; `None` if that is not known."""

    async def manifest(self, reference: str) -> FoundManifest:
        """A manifest by its tag or its digest."""

    async def fetch(self, digest: str, write: Callable[[Bytes], object]) -> None:
        """Write the bytes of a blob, piece by piece."""

    async def has_blob(self, digest: str) -> bool:
        """Whether it has a blob."""

    async def referrers(self, digest: str) -> Sequence[ReadDescriptor]:
        """Manifests that are about this one."""

    async def delete(self, reference: str) -> None:
        """Delete a tag, or a manifest with all its tags."""

    async def put_tag(self, manifest: FoundManifest, tag: str) -> None:
        """Point a tag at a manifest that is in it."""


class ImageSource(Protocol):
    """A registry; errors are those of its repositories."""

    def repositories(self) -> AsyncIterator[str]:
        """The names of all repositories that the caller sees."""

    def repository(self, name: str) -> ImageRepository:
        """A repository, which need not be there; nothing is asked for this."""


@asynccontextmanager
async def opened(
    repository: ImageRepository, blob: ReadDescriptor, what: str
) -> AsyncIterator[BinaryIO]:
    """The bytes of a blob, as a file for the length of a block.

    Args:
        what: it is, for a person who waits.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        # No bar is left when the answer is printed, which would be in its line.
        with progress.byte_progress(what, blob.size) as done:

            def write(piece: Bytes) -> None:
                file.write(piece)
                done(len(piece))

            await repository.fetch(blob.digest, write)
        file.seek(0)
        yield cast("BinaryIO", file)
