"""The repositories of CNCF Distribution, which may lie beside the blobs: read, never written.

A name may have slashes, so a repository may lie within another; no part of a name starts with `_`.
"""

import os
from collections.abc import Iterator, Sequence

from lading.blobs.layout import Layout
from lading.core.digest import Digest


def repositories(layout: Layout) -> Iterator[str]:
    """The names of all repositories of Distribution.

    Raises:
        OSError: a directory cannot be read, so that what it refers to is not known.
    """
    tree, waiting = layout.repositories, [""]
    while waiting:
        name = waiting.pop()
        try:
            children = [entry.name for entry in os.scandir(f"{tree}/{name}") if entry.is_dir()]
        except FileNotFoundError:  # it is not there, or no longer
            continue
        if any(child in {"_layers", "_manifests", "_uploads"} for child in children):
            yield name
        waiting += [f"{name}/{child}" if name else child for child in children if child[0] != "_"]


def is_there(layout: Layout) -> bool:
    """Whether there is a repository of Distribution.

    Raises:
        OSError: see `repositories`.
    """
    return next(repositories(layout), None) is not None


def referred_to(layout: Layout, digests: Sequence[Digest]) -> frozenset[Digest]:
    """Those of the blobs that a repository of Distribution refers to.

    Raises:
        OSError: see `repositories`.
    """
    return frozenset(
        digest
        for name in repositories(layout)
        for digest in digests
        if any(map(_is_there, layout.links(name, digest)))
    )


def _is_there(path: str) -> bool:
    """Unlike `os.path.exists`, this does not take what cannot be looked at for absent."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
