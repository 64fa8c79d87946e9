"""Port of what images can be copied from and to: a repository of a registry, or a folder."""

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from lading.client.errors import ClientError, ContentWrong
from lading.core import media
from lading.core.digest import Digest, digest_in, new_hasher
from lading.core.errors import RegistryError
from lading.core.json_objects import object_in
from lading.core.names import Tag

LATEST = "latest"
_MOST_SIZE = 2**63


class RemoteManifest(NamedTuple):
    """A manifest, byte for byte; what it names is checked when it is asked for (`ContentWrong`)."""

    digest: str
    media_type: str
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """What the manifest says; empty if it is no object of JSON."""
        return object_in(self.body)

    @property
    def subject(self) -> str:
        """The digest of the manifest that it is about; empty if it is about none."""
        found = self.document.get("subject")
        return str(found.get("digest", "")) if isinstance(found, dict) else ""

    @property
    def children(self) -> list[dict[str, Any]]:
        """The descriptors of the manifests that an index names."""
        return checked_descriptors(self.document.get("manifests"), self.digest)

    @property
    def blobs(self) -> list[dict[str, Any]]:
        """The descriptors of the blobs that a registry has to have: configuration and layers."""
        return [blob for blob in self.all_blobs if is_required(blob)]

    @property
    def all_blobs(self) -> list[dict[str, Any]]:
        """The same, and the descriptors of layers that a registry may have."""
        document = self.document
        config = document.get("config")
        found = checked_descriptors([config] if config else [], self.digest)
        return found + checked_descriptors(
            document.get("layers") or document.get("blobs"), self.digest
        )


def checked_descriptors(found: object, where: str) -> list[dict[str, Any]]:
    """Descriptors as another one wrote them; none where there is nothing.

    Raises:
        ContentWrong: one is no descriptor (image-spec, `descriptor.md`).
    """
    if not found:
        return []
    if isinstance(found, list) and all(_is_descriptor(one) for one in found):
        return list(found)
    raise ContentWrong(
        f"{where} names what is no descriptor", advice="have it built and pushed anew"
    )


def is_required(blob: dict[str, Any]) -> bool:
    """Whether a registry has to have a blob; clients find some layers elsewhere."""
    return media.is_distributed(blob.get("mediaType", "")) and not blob.get("urls")


def checked_digest(said: str, where: str) -> Digest:
    """A digest as another one wrote it; `ContentWrong` if it is none."""
    if (digest := digest_in(said)) is None:
        raise ContentWrong(f"{where}: {said[:80]!r} is no digest")
    return digest


def verified(pieces: Iterable[bytes], digest: str, wrong: ContentWrong) -> Iterator[bytes]:
    """All bytes of a blob; behind the last one an error, unless they have its digest."""
    expected = Digest(digest)
    hasher = new_hasher(expected.algorithm)
    for piece in pieces:
        hasher.update(piece)
        yield piece
    if hasher.hexdigest() != expected.hex:
        raise wrong


def refuse_schema_1(what: str, media_type: str, body: bytes) -> None:
    """Have no image of schema 1: its digest is of a part of it, and it names layers its own way.

    Raises:
        ClientError: it is one.
    """
    if media_type in media.SCHEMA_1 or "fsLayers" in object_in(body):
        raise ClientError(
            f"{what} is an image of Docker's schema 1, which was retired in 2017 and is taken by no"
            " registry of today",
            advice="make another one of it, as by `skopeo copy --format v2s2`, or build it anew",
        )


def is_tag(text: str) -> bool:
    """Whether it is a tag, by which anything can be asked for."""
    try:
        return bool(Tag(text))
    except RegistryError:
        return False


def _is_descriptor(one: object) -> bool:
    if not isinstance(one, dict):
        return False
    size, kind = one.get("size", 0), one.get("mediaType", "")
    if not (isinstance(size, int) and 0 <= size < _MOST_SIZE and isinstance(kind, str)):
        return False
    return digest_in(str(one.get("digest"))) is not None


class BlobContent(NamedTuple):
    """A blob that is to be brought somewhere.

    Attributes:
        size: in bytes.
        read: gives the bytes from an offset on, at most as many as its second argument says.
        mount_from: another repository of the same registry that has it; empty if none is known.
        moved: is told of bytes that have gone; negative ones are to be sent again.
        fresh: whether the place is known to be so new that it has no blob yet.
    """

    digest: str
    size: int
    read: Callable[[int, int], Iterable[bytes]]
    mount_from: str = ""
    moved: Callable[[int], None] = lambda _count: None
    fresh: bool = False


class ImagePlace(Protocol):
    """A place that has images by tags and digests.

    What is not there raises `NotThere`, whatever else goes wrong another `ClientError`.

    Attributes:
        host: of the registry; empty if it is a folder.
        name: of the repository, or the folder's path.
    """

    host: str
    name: str

    def default_image(self) -> str:
        """The tag or the digest that is meant where none is named."""
        return LATEST

    def tags(self) -> Iterator[str]:
        """All tags, as the place orders them."""

    def digest(self, wanted: str, known: str = "") -> str:
        """The digest of the manifest of a tag or a digest; empty if there is none.

        Args:
            known: the one that it is likely to be, which a place may find out with less work.
        """

    def manifest(self, wanted: str) -> RemoteManifest:
        """The manifest of a tag or a digest, its digest verified."""

    def referrers(self, digest: str, tags: Container[str] | None = None) -> list[dict[str, Any]]:
        """The descriptors of the manifests that are about this one.

        Args:
            tags: all of the place, if they are known: then none is asked for in vain.
        """

    def has_blob(self, digest: str) -> bool:
        """Whether a blob is there."""

    def blob(self, digest: str, offset: int = 0, length: int = -1) -> Iterator[bytes]:
        """The bytes of a blob, or a part of them; verified if it is all of them."""

    def push_blob(self, content: BlobContent) -> bool:
        """Bring a blob; whether bytes had to go for it."""

    def push_manifest(self, wanted: str, manifest: RemoteManifest) -> bool:
        """Bring a manifest under a tag or its digest; whether the place lists it as a referrer."""
