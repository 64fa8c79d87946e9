"""The repositories of CNCF Distribution, which may lie beside the blobs: read, never written.

```
<root>/docker/registry/v2/repositories/<name>
├── _layers/<algorithm>/<hex>/link                a blob of the repository
└── _manifests/revisions/<algorithm>/<hex>/link   a manifest of it; its bytes are a blob, too
```

A name may have slashes, so a repository may lie within another; no part of a name starts with `_`.
"""

import os
from collections.abc import Iterator, Sequence

from lading.core.digest import Digest

_LINKS = ("_layers", "_manifests/revisions")


def repositories(tree: str) -> Iterator[str]:
    """The names of the repositories below a directory.

    Raises:
        OSError: a directory cannot be read, so that what it refers to is not known.
    """
    waiting = [""]
    while waiting:
        name = waiting.pop()
        try:
            children = [entry.name for entry in os.scandir(f"{tree}/{name}") if entry.is_dir()]
        except FileNotFoundError:  # it is not there, or no longer
            continue
        if any(child in {"_layers", "_manifests", "_uploads"} for child in children):
            yield name
        waiting += [f"{name}/{child}" if name else child for child in children if child[0] != "_"]


def is_there(tree: str) -> bool:
    """Whether there is a repository below a directory.

    Raises:
        OSError: see `repositories`.
    """
    return next(repositories(tree), None) is not None


def referred_to(tree: str, digests: Sequence[Digest]) -> frozenset[Digest]:
    """Those of the blobs that a repository below a directory refers to.

    Raises:
        OSError: see `repositories`.
    """
    found: set[Digest] = set()
    for name in repositories(tree):
        found.update(digest for digest in digests if _has(f"{tree}/{name}", digest))
    return frozenset(found)


def _has(repository: str, digest: Digest) -> bool:
    names = (f"{repository}/{links}/{digest.algorithm}/{digest.hex}" for links in _LINKS)
    return any(_is_there(name) for name in names)


def _is_there(path: str) -> bool:
    """Unlike `os.path.exists`, this does not take what cannot be looked at for absent."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
