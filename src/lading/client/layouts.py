"""Folder as an OCI image layout: a place for images without a registry.

Source: image-spec `image-layout.md`. A tag is the annotation `org.opencontainers.image.ref.name` of
an entry in `index.json`; entries without it are referrers and images without a tag.
"""

import fcntl
import json
import os
import tempfile
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from lading.client.answers import MOST_DOCUMENT
from lading.client.errors import ClientError, ContentWrong, NotThere
from lading.client.layout_index import Entry, LayoutIndex, ListedImages, tag_of_entry
from lading.client.places import (
    BlobContent,
    ImagePlace,
    RemoteManifest,
    checked_descriptors,
    is_tag,
)
from lading.core import media
from lading.core.digest import Digest, new_hasher
from lading.core.images.layout_names import REF_NAME
from lading.core.typing import override
from lading.system.regular_files import open_to_read

_PIECE = 256 * 1024
# The file by which a folder is known to be a layout.
_MARK = "oci-layout"


class LayoutFolder(ImagePlace):
    """An OCI image layout, which is made when something is brought to it.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.host = ""
        self.name = str(root)
        self._root = root
        self._lock = threading.Lock()
        self._listed = LayoutIndex(root / "index.json", self._entries)
        self._looking = threading.Lock()

    @override
    def tags(self) -> Iterator[str]:
        yield from filter(is_tag, self._listed.now().tags)

    @override
    def digest(self, wanted: str) -> str:
        if ":" in wanted:
            return wanted if self._path(wanted).is_file() else ""
        return self._listed.now().tags.get(wanted, "")

    @override
    def manifest(self, wanted: str) -> RemoteManifest:
        digest = self.digest(wanted)
        if not digest:
            raise NotThere(f"{self.name} has no image {wanted!r}", status=404)
        try:
            with _translating(), _open(self._path(digest)) as file:
                body = file.read(MOST_DOCUMENT + 1)
        except FileNotFoundError as error:
            raise NotThere(f"{self.name} has no manifest {digest}", status=404) from error
        if len(body) > MOST_DOCUMENT or not Digest(digest).names(body):
            raise ContentWrong(f"{self._path(digest)} does not have the digest that it is named by")
        found = RemoteManifest(digest, "", body)
        said = self._listed.now().kinds.get(digest)
        kind = found.document.get("mediaType") or said or _guess(found)
        return RemoteManifest(digest, str(kind), body)

    @override
    def referrers(self, digest: str, tags: Container[str] | None = None) -> list[dict[str, Any]]:
        listed = self._listed.now()
        with self._looking:
            if listed.about is None:
                listed.about = self._look_at(listed)
        return listed.about.get(digest, [])

    def _look_at(self, listed: ListedImages) -> dict[str, list[Entry]]:
        """The entries that are about a digest, each once, by that.

        Raises:
            ClientError: one without a tag cannot be read; of others it is said when they are asked
                for.
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
        hasher = new_hasher(Digest(digest).algorithm)
        try:
            with _translating():
                file = _open(self._path(digest))
        except FileNotFoundError as error:
            raise NotThere(f"{self.name} has no blob {digest}", status=404) from error
        with file, _translating():
            file.seek(offset)
            left = length
            while left and (piece := file.read(_PIECE if left < 0 else min(_PIECE, left))):
                left -= len(piece) if left > 0 else 0
                hasher.update(piece)
                yield piece
        if offset == 0 and length < 0 and hasher.hexdigest() != Digest(digest).hex:
            raise ContentWrong(f"{self._path(digest)} does not have the digest that it is named by")

    @override
    def push_blob(self, content: BlobContent) -> bool:
        if self.has_blob(content.digest):
            return False
        hasher = new_hasher(Digest(content.digest).algorithm)

        def pieces() -> Iterator[bytes]:
            for piece in content.read(0, content.size):
                hasher.update(piece)
                yield piece
                content.moved(len(piece))
            if hasher.hexdigest() != Digest(content.digest).hex:
                raise ContentWrong(f"what came for {content.digest} does not have this digest")

        self._write(self._path(content.digest), pieces())
        return True

    @override
    def push_manifest(self, wanted: str, manifest: RemoteManifest) -> bool:
        self._write(self._path(manifest.digest), iter([manifest.body]))
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
        with self._lock, self._locked():
            index = self._index()  # all of it stays that is not known here
            listed = self._checked(index)
            entries = [e for e in listed if not _is_replaced(e, tag, manifest.digest)]
            if not (self._root / _MARK).exists():
                self._write_json(_MARK, {"imageLayoutVersion": "1.0.0"})
            self._write_json("index.json", index | {"manifests": [*entries, entry]})

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other commands from changing the index meanwhile: each would write it as it was."""
        with _translating():
            descriptor = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _entries(self) -> list[Entry]:
        return self._checked(self._index())

    def _checked(self, index: dict[str, Any]) -> list[Entry]:
        return checked_descriptors(index.get("manifests", []), str(self._root / "index.json"))

    def _index(self) -> dict[str, Any]:
        """What is in `index.json`; that of a new folder if there is none."""
        path = self._root / "index.json"
        try:
            with _translating(), _open(path) as file:
                found = json.loads(file.read())
        except FileNotFoundError:
            return {"schemaVersion": 2, "mediaType": media.OCI_INDEX}
        except (ValueError, RecursionError) as error:
            raise ClientError(f"{path} is no index of an OCI image layout: {error}") from error
        if not isinstance(found, dict):
            raise ClientError(f"{path} is no index of an OCI image layout: it is no JSON object")
        return found

    def _path(self, digest: str) -> Path:
        checked = Digest(digest)
        return self._root / "blobs" / checked.algorithm / checked.hex

    def _write_json(self, name: str, document: object) -> None:
        self._write(self._root / name, iter([json.dumps(document).encode()]))

    def _write(self, path: Path, pieces: Iterator[bytes]) -> None:
        """Write a file that is there as a whole or not at all."""
        with _translating():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                try:
                    file.writelines(pieces)
                except BaseException:
                    Path(file.name).unlink()
                    raise
            Path(file.name).chmod(0o644)
            os.replace(file.name, path)  # noqa: PTH105 - as the calls of the system are named


def _open(path: Path) -> BinaryIO:
    return open(open_to_read(str(path)), "rb")  # noqa: PTH123 - the caller closes it


@contextmanager
def _translating() -> Iterator[None]:
    """Say in a line what is wrong with a file, but for one that is not there.

    Raises:
        ClientError: it cannot be read or written.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ClientError(f"{error.filename or 'the folder'}: {error.strerror}") from error


def _is_replaced(entry: dict[str, Any], tag: str, digest: str) -> bool:
    """Whether a new entry takes the place of this one: of the same tag, or of the same image."""
    own = tag_of_entry(entry)
    return own == tag if tag else entry["digest"] == digest and not own


def _guess(manifest: RemoteManifest) -> str:
    return media.OCI_INDEX if "manifests" in manifest.document else media.OCI_MANIFEST
