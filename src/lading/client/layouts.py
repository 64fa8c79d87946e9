"""Folder as an OCI image layout: a place for images without a registry.

Source: image-spec `image-layout.md`. A tag is the annotation `org.opencontainers.image.ref.name` of
an entry in `index.json`; entries without it are referrers and images without a tag.
"""

import threading
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

from lading.client.answers import MOST_DOCUMENT
from lading.client.errors import ClientError, ContentWrong, NotThere
from lading.client.layout_files import clear_drafts, open_file, translating, write_whole
from lading.client.layout_index import Entry, LayoutIndex, ListedImages, tag_of_entry
from lading.client.places import (
    LATEST,
    BlobContent,
    ImagePlace,
    RemoteManifest,
    is_tag,
    verified,
)
from lading.core import media
from lading.core.digest import Digest
from lading.core.images.layout_names import REF_NAME
from lading.core.typing import override

_PIECE = 256 * 1024
# Tags of a folder that are named where one is not among them.
_MOST_NAMED = 8


class LayoutFolder(ImagePlace):
    """An OCI image layout, which is made when something is brought to it.

    If `many` images are brought to it, each is listed in its index with others, the last ones by
    `settle`.
    """

    def __init__(self, root: Path, *, many: bool = False) -> None:
        self.host = ""
        self.name = str(root)
        self._root = root
        self._index = LayoutIndex(root, at_once=not many)
        self._looking = threading.Lock()
        self._cleared: set[Path] = set()

    @property
    def is_layout(self) -> bool:
        """Whether there is a layout by now."""
        return self._index.is_there

    def settle(self) -> None:
        """List in the index what was brought and is not listed; a `ClientError` if it cannot."""
        self._index.settle()

    @override
    def default_image(self) -> str:
        listed = self._index.now()
        images = {one["digest"] for one in listed.entries if "artifactType" not in one}
        if len(images) != 1 or LATEST in listed.tags:
            return LATEST
        [image] = images
        names = [tag for tag, digest in listed.tags.items() if digest == image and is_tag(tag)]
        return names[0] if len(names) == 1 else image

    @override
    def tags(self) -> Iterator[str]:
        self.settle()
        yield from filter(is_tag, self._index.now().tags)

    @override
    def digest(self, wanted: str, known: str = "") -> str:
        if ":" in wanted:
            return wanted if self._path(wanted).is_file() else ""
        return self._index.waiting(wanted) or self._index.now().tags.get(wanted, "")

    @override
    def manifest(self, wanted: str) -> RemoteManifest:
        digest = self.digest(wanted)
        if not digest:
            raise NotThere(
                f"{self.name} has no image {wanted!r}", status=404, advice=self._what_is_there()
            )
        try:
            with translating(self._path(digest)), open_file(self._path(digest)) as file:
                body = file.read(MOST_DOCUMENT + 1)
        except FileNotFoundError as error:
            raise NotThere(f"{self.name} has no manifest {digest}", status=404) from error
        if len(body) > MOST_DOCUMENT or not Digest(digest).names(body):
            raise self._wrong(digest)
        found = RemoteManifest(digest, "", body)
        said = self._index.now().kinds.get(digest)
        document = found.document
        guess = media.OCI_INDEX if "manifests" in document else media.OCI_MANIFEST
        kind = document.get("mediaType") or said or guess
        return RemoteManifest(digest, str(kind), body)

    def _what_is_there(self) -> str:
        tags = list(self._index.now().tags)
        more = f", and {len(tags) - _MOST_NAMED} more" if len(tags) > _MOST_NAMED else ""
        return f"it has {', '.join(tags[:_MOST_NAMED])}{more}" if tags else ""

    @override
    def referrers(self, digest: str, tags: Container[str] | None = None) -> list[dict[str, Any]]:
        self.settle()
        listed = self._index.now()
        with self._looking:
            if listed.about is None:
                listed.about = self._look_at(listed)
        return listed.about.get(digest, [])

    def _look_at(self, listed: ListedImages) -> dict[str, list[Entry]]:
        """The entries that are about a digest, each once, by that.

        Of one with a tag that cannot be read, it is said when it is asked for.
        """
        found: dict[str, dict[str, Entry]] = {}
        for entry in listed.entries:
            try:
                subject = self.manifest(entry["digest"]).subject
            except ClientError:
                if tag_of_entry(entry):
                    continue
                raise
            if subject:
                bare = {k: v for k, v in entry.items() if k != "annotations"}
                found.setdefault(subject, {})[entry["digest"]] = bare
        return {subject: list(entries.values()) for subject, entries in found.items()}

    @override
    def has_blob(self, digest: str) -> bool:
        return self._path(digest).is_file()

    @override
    def blob(self, digest: str, offset: int = 0, length: int = -1) -> Iterator[bytes]:
        pieces = self._pieces(digest, offset, length)
        return pieces if offset or length >= 0 else verified(pieces, digest, self._wrong(digest))

    def _pieces(self, digest: str, offset: int, length: int) -> Iterator[bytes]:
        path = self._path(digest)
        try:
            with translating(path):
                file = open_file(path)
        except FileNotFoundError as error:
            raise NotThere(f"{self.name} has no blob {digest}", status=404) from error
        with file, translating(path):
            file.seek(offset)
            left = length
            while left and (piece := file.read(_PIECE if left < 0 else min(_PIECE, left))):
                left -= len(piece) if left > 0 else 0
                yield piece

    def _wrong(self, digest: str) -> ContentWrong:
        return ContentWrong(f"{self._path(digest)} does not have the digest that it is named by")

    @override
    def push_blob(self, content: BlobContent) -> bool:
        if self._has_whole(content):
            return False

        def pieces() -> Iterator[bytes]:
            for piece in content.read(0, content.size):
                yield piece
                content.moved(len(piece))

        wrong = ContentWrong(f"what came for {content.digest} does not have this digest")
        self._write(self._path(content.digest), verified(pieces(), content.digest, wrong))
        return True

    def _has_whole(self, content: BlobContent) -> bool:
        """Whether a blob is there; after a power cut, a file may be shorter than it was written."""
        path = self._path(content.digest)
        try:
            with translating(path):
                return path.stat().st_size == content.size
        except FileNotFoundError:
            return False

    @override
    def push_manifest(self, wanted: str, manifest: RemoteManifest) -> bool:
        self._write(self._path(manifest.digest), [manifest.body])
        subject = bool(manifest.subject)
        if ":" not in wanted or subject:
            self._list("" if ":" in wanted else wanted, manifest)
        return subject

    def _list(self, tag: str, manifest: RemoteManifest) -> None:
        entry: dict[str, Any] = {
            "mediaType": manifest.media_type,
            "digest": manifest.digest,
            "size": len(manifest.body),
        }
        document = manifest.document
        config = document.get("config")
        kind = document.get("artifactType") or (config or {}).get("mediaType")
        if manifest.subject and kind:
            entry["artifactType"] = kind
        if tag:
            entry["annotations"] = {REF_NAME: tag}
        self._index.add(entry)

    def _write(self, path: Path, pieces: Iterable[bytes]) -> None:
        if path.parent not in self._cleared:
            self._cleared.add(path.parent)
            clear_drafts(path.parent)
        write_whole(path, pieces)

    def _path(self, digest: str) -> Path:
        checked = Digest(digest)
        return self._root / "blobs" / checked.algorithm / checked.hex
