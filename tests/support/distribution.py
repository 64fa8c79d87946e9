"""Directories of CNCF Distribution, with what it keeps there."""

import os
from pathlib import Path

from tests.support.pushes import digest_of

# When the bytes got there: longer ago than any grace.
_LONG_AGO = 1_000_000_000


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
        name = digest_of(data)[7:]
        path = self._v2 / "blobs/sha256" / name[:2] / name / "data"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (_LONG_AGO, _LONG_AGO))
        return path

    def layer(self, repository: str, data: bytes) -> Path:
        """A blob of a repository."""
        self._link(repository, "_layers", data)
        return self.blob(data)

    def manifest(self, repository: str, tag: str, data: bytes) -> Path:
        """A manifest, and a tag that leads to it."""
        self._link(repository, "_manifests/revisions", data)
        tags = self._v2 / "repositories" / repository / "_manifests/tags" / tag / "current"
        tags.mkdir(parents=True, exist_ok=True)
        (tags / "link").write_text(digest_of(data))
        return self.blob(data)

    def _link(self, repository: str, kind: str, data: bytes) -> None:
        name = digest_of(data)[7:]
        link = self._v2 / "repositories" / repository / kind / "sha256" / name / "link"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.write_text(digest_of(data))
