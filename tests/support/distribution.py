"""Directories of CNCF Distribution, with what it keeps there."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from lading.core.manifest import Manifest
from tests.support.pushes import digest_of

# When the bytes got there: longer ago than any grace.
LONG_AGO = 1_000_000_000


class Tree:
    """A directory of Distribution, as its `paths.go` describes it.

    Attributes:
        root: the `rootdirectory`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._v2 = root / "docker/registry/v2"

    def blob(self, data: bytes) -> Path:
        """A blob that no repository refers to."""
        path = self.data(digest_of(data))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (LONG_AGO, LONG_AGO))
        return path

    def layer(self, repository: str, data: bytes) -> Path:
        """A blob of a repository."""
        self.write(self.layer_link(repository, digest_of(data)), digest_of(data))
        return self.blob(data)

    def manifest(self, repository: str, tag: str, data: bytes, at: float = LONG_AGO) -> Path:
        """A manifest, and a tag that leads to it."""
        self.revision(repository, data, at)
        self.tag(repository, tag, digest_of(data), at)
        return self.blob(data)

    def revision(self, repository: str, data: bytes, at: float = LONG_AGO) -> None:
        """A manifest of a repository."""
        self.blob(data)
        self.write(self.revision_link(repository, digest_of(data)), digest_of(data), at)

    def tag(self, repository: str, tag: str, digest: str, at: float = LONG_AGO) -> None:
        """Point a tag at a manifest, as a push does."""
        folder = self.tag_folder(repository, tag)
        self.write(folder / "index/sha256" / digest[7:] / "link", digest, at)
        self.write(folder / "current/link", digest, at)

    def push(
        self,
        repository: str,
        manifest: Manifest,
        *tags: str,
        contents: Iterable[bytes] = (),
        at: float = LONG_AGO,
    ) -> None:
        """Push a manifest with its blobs, as a client does."""
        for data in contents:
            self.layer(repository, data)
        self.revision(repository, manifest.body, at)
        for tag in tags:
            self.tag(repository, tag, manifest.digest, at)

    def delete(self, repository: str, manifest: Manifest) -> None:
        """Delete a manifest and its tags, as version 2.8 does: a folder stays, without a link."""
        self.revision_link(repository, manifest.digest).unlink()
        for link in self.tag_folder(repository, "").glob("*/current/link"):
            if link.read_text() == manifest.digest:
                shutil.rmtree(link.parent.parent)

    def data(self, digest: str) -> Path:
        """The file of a blob."""
        return self._v2 / "blobs/sha256" / digest[7:9] / digest[7:] / "data"

    def layer_link(self, repository: str, digest: str) -> Path:
        """The link to a blob."""
        return self._repository(repository) / "_layers/sha256" / digest[7:] / "link"

    def revision_link(self, repository: str, digest: str) -> Path:
        """The link to a manifest."""
        return self._repository(repository) / "_manifests/revisions/sha256" / digest[7:] / "link"

    def tag_folder(self, repository: str, tag: str) -> Path:
        """The folder of a tag."""
        return self._repository(repository) / "_manifests/tags" / tag

    def write(self, link: Path, text: str, at: float = LONG_AGO) -> None:
        """Write a link, as old as that."""
        link.parent.mkdir(parents=True, exist_ok=True)
        link.write_text(text)
        os.utime(link, (at, at))

    def _repository(self, name: str) -> Path:
        return self._v2 / "repositories" / name
