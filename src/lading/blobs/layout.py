"""Where things are below the root; nothing here makes or changes anything."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lading.core.digest import HEX_LENGTH, Digest
from lading.core.errors import DigestInvalid
from lading.core.names import UploadKey


class Layout:
    """The paths of a store.

    Attributes:
        blobs, uploads, locks, quarantine: of its directories.
        repositories: of CNCF Distribution's own, if it keeps its data here or did.
    """

    def __init__(self, root: Path) -> None:
        self.blobs = f"{root}/docker/registry/v2/blobs"
        self.repositories = f"{root}/docker/registry/v2/repositories"
        self.uploads = f"{root}/lading/uploads"
        self.locks = f"{root}/lading/locks"
        self.quarantine = f"{root}/lading/quarantine"

    def path_of(self, upload: UploadKey) -> str:
        """The file of an upload."""
        return f"{self.uploads}/{upload.owner}/{upload}"

    def staged(self) -> Iterator[str]:
        """All files of uploads."""
        for owner in names(self.uploads):
            for name in names(f"{self.uploads}/{owner}"):
                yield f"{self.uploads}/{owner}/{name}"

    def directory_of(self, digest: Digest) -> str:
        """The directory of a blob; its bytes are in `data` there."""
        return f"{self.blobs}/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}"

    def shards(self) -> Iterator[tuple[str, str]]:
        """The directories that hold those of blobs, each with the algorithm of their digests."""
        for algorithm in HEX_LENGTH:
            for shard in names(f"{self.blobs}/{algorithm}"):
                yield algorithm, f"{self.blobs}/{algorithm}/{shard}"

    def digests_in(self, algorithm: str, shard: str) -> Iterator[Digest]:
        """The blobs in one of the `shards` whose bytes are there."""
        for name in names(shard):
            with suppress(DigestInvalid):
                digest = Digest(f"{algorithm}:{name}")
                if os.path.exists(f"{self.directory_of(digest)}/data"):
                    yield digest

    def digests(self) -> Iterator[Digest]:
        """All blobs whose bytes are there, in no order."""
        for algorithm, shard in self.shards():
            yield from self.digests_in(algorithm, shard)

    def marked(self) -> frozenset[Digest]:
        """The blobs that got their names in commits which were not settled."""
        found = set()
        for path in self.staged():
            _, _, rest = path.rpartition("/")[2].partition(".")
            with suppress(DigestInvalid):
                found.add(Digest(rest))
        return frozenset(found)


def names(directory: str) -> list[str]:
    """What is in a directory; nothing if it is gone, or a stranger's file."""
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
