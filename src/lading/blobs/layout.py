"""Where files are below the root. Nobody else builds these paths; nothing here makes any of them.

```
<root>
├── docker/registry/v2
│   ├── blobs/<algorithm>/<2 hex>/<hex>/data   a blob, in CNCF Distribution's layout
│   └── repositories/<name>                    a repository of CNCF Distribution, if it was here
│       ├── _layers/<algorithm>/<hex>/link                a blob of it
│       ├── _manifests/revisions/<algorithm>/<hex>/link   a manifest of it, whose bytes are a blob
│       ├── _manifests/tags/<tag>/current/link            what a tag points to
│       ├── _manifests/tags/<tag>/index/<algorithm>/<hex>/link   what it has ever pointed to
│       └── _uploads/<upload>                             an upload, unfinished
└── lading
    ├── adopted.json                       says that those repositories were adopted
    ├── owner                              whose all of this is, if there are replicas
    ├── uploads/<owner>/<upload>           what an upload has so far: its size is its offset
    ├── uploads/<owner>/<upload>.<digest>  its mark: it becomes that blob, which no row may know
    ├── locks/<2 hex>                      locked (flock) while a blob is committed or deleted
    └── quarantine/<digest>                bytes that were damaged, taken aside by a check
```

An upload is named by its id and its repository (`core.names.UploadKey`). Its file is all that is
known of it: when it was last active is when the file was changed; what is known of its hash is an
attribute of the file, what else has become of it is in its mode (`blobs.upload_hash`).

Rules:

* A file under `blobs` is complete and verified when it gets there: by a rename, after an fsync.
  What a disk does to it later heals when the blob is pushed again: the new file replaces it.
* Bytes of an upload are appended in order, so whatever a crash leaves is a prefix of what was sent.
* Bytes that get their final name are marked before, and until a row knows them: a crash between the
  two leaves a mark, by which the collector finds them without looking at all blobs.
* An upload is written by the holder of its `flock` only, whichever worker that is; the kernel ends
  the locks of a process that dies.

Paths are strings: on the way of every push, making an object of one costs as much as the call that
it is made for.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lading.core.digest import HEX_LENGTH, Digest
from lading.core.errors import DigestInvalid, UploadUnknown
from lading.core.names import Owner, UploadKey

# Below the root, each after the one that holds it.
_DIRECTORIES = (
    "docker",
    "docker/registry",
    "docker/registry/v2",
    "docker/registry/v2/blobs",
    "lading",
    "lading/uploads",
    "lading/locks",
    "lading/quarantine",
)


class Layout:
    """The paths below a root.

    Attributes:
        root: the directory of everything.
        blobs, uploads, locks, quarantine: directories.
        repositories: the directory of CNCF Distribution's own, if it keeps its data here or did.
        cached: a file of Distribution's, where that is a proxy.
        adopted: the note that its repositories were adopted.
        owner: the file that names the registry to which all of this belongs.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = f"{root}/docker/registry/v2/blobs"
        self.repositories = f"{root}/docker/registry/v2/repositories"
        self.cached = f"{root}/scheduler-state.json"
        self.adopted = f"{root}/lading/adopted.json"
        self.owner = f"{root}/lading/owner"
        self.uploads = f"{root}/lading/uploads"
        self.locks = f"{root}/lading/locks"
        self.quarantine = f"{root}/lading/quarantine"

    def directories(self) -> Iterator[Path]:
        """The directories below the root that a store needs, each after the one that holds it."""
        return (self.root / name for name in _DIRECTORIES)

    @staticmethod
    def key(digest: Digest) -> str:
        """The path of a blob's bytes below `blobs`."""
        return f"{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"

    def blob(self, digest: Digest) -> str:
        """The file of a blob's bytes, alone in a directory, which is in one of the `shards`."""
        return f"{self.blobs}/{self.key(digest)}"

    def shards(self) -> Iterator[tuple[str, str]]:
        """The directories that hold those of blobs, each with the algorithm of their digests."""
        for algorithm in HEX_LENGTH:
            for shard in names_in(f"{self.blobs}/{algorithm}"):
                yield algorithm, f"{self.blobs}/{algorithm}/{shard}"

    def digests_in(self, algorithm: str, shard: str) -> Iterator[Digest]:
        """The blobs in one of the `shards` whose bytes are there."""
        for name in names_in(shard):
            with suppress(DigestInvalid):
                digest = Digest(f"{algorithm}:{name}")
                if os.path.exists(self.blob(digest)):
                    yield digest

    def digests(self) -> Iterator[Digest]:
        """All blobs whose bytes are there, in no order."""
        for algorithm, shard in self.shards():
            yield from self.digests_in(algorithm, shard)

    def repository(self, name: str) -> "RepositoryLayout":
        """The paths of a repository of Distribution."""
        return RepositoryLayout(f"{self.repositories}/{name}")

    def lock(self, digest: Digest) -> str:
        """The file whose lock is that of a digest, and of others."""
        return f"{self.locks}/{digest.hex[:2]}"

    def quarantined(self, digest: Digest) -> str:
        """The file of bytes that were taken aside, if it is the first of this digest."""
        return f"{self.quarantine}/{digest}"

    def uploads_of(self, owner: Owner) -> str:
        """The directory of somebody's uploads."""
        return f"{self.uploads}/{owner}"

    def owners(self) -> Iterator[str]:
        """The directories of all who have uploads, or had."""
        return (f"{self.uploads}/{owner}" for owner in names_in(self.uploads))

    def upload(self, upload: UploadKey) -> str:
        """The file of an upload."""
        return f"{self.uploads}/{upload.owner}/{upload}"

    def mark(self, upload: UploadKey, digest: Digest) -> str:
        """The mark of an upload that is about to be a blob."""
        return f"{self.uploads}/{upload.owner}/{upload}.{digest}"

    def staged(self) -> Iterator[tuple[str, UploadKey, Digest | None]]:
        """The files of uploads and, each with its digest, their marks.

        Files with other names are somebody else's, and left alone.
        """
        for directory in self.owners():
            for name in names_in(directory):
                upload, _, digest = name.partition(".")
                with suppress(UploadUnknown, DigestInvalid):
                    key = UploadKey(upload)
                    yield f"{directory}/{name}", key, Digest(digest) if digest else None

    def marked(self) -> frozenset[Digest]:
        """The blobs that got their names in commits which were not settled."""
        return frozenset(digest for _, _, digest in self.staged() if digest is not None)


class RepositoryLayout:
    """The paths of a repository of CNCF Distribution.

    Attributes:
        layers, revisions: directories of links to blobs, and to manifests: of an algorithm each has
            a directory, in which each digest has one.
        tags, uploads: directories of what they say.
    """

    def __init__(self, path: str) -> None:
        self.layers = f"{path}/_layers"
        self.revisions = f"{path}/_manifests/revisions"
        self.tags = f"{path}/_manifests/tags"
        self.uploads = f"{path}/_uploads"

    def layer(self, digest: str) -> str:
        """The link to a blob."""
        return _link(self.layers, digest)

    def revision(self, digest: str) -> str:
        """The link to a manifest."""
        return _link(self.revisions, digest)

    def tag(self, name: str) -> str:
        """The directory of a tag."""
        return f"{self.tags}/{name}"

    def current(self, tag: str) -> str:
        """The link to what a tag points to."""
        return f"{self.tags}/{tag}/current/link"

    def index(self, tag: str, digest: str) -> str:
        """The link to something that a tag has pointed to."""
        return _link(f"{self.tags}/{tag}/index", digest)


def _link(directory: str, digest: str) -> str:
    algorithm, _, name = digest.partition(":")
    return f"{directory}/{algorithm}/{name}/link"


def names_in(directory: str) -> list[str]:
    """The names in a directory; none if it is gone, or a stranger's file."""
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
