"""The repositories of CNCF Distribution, which may lie beside the blobs, and what they refer to.

A name may have slashes, so a repository may lie within another; no part of a name starts with `_`.

Whatever they refer to is kept, as it is somebody else's; until they were adopted. Then the metadata
is the truth, and of their links only those count that could not be taken over. A file says so.
"""

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import msgspec

from lading.blobs.layout import Layout, names_in
from lading.core.digest import Digest
from lading.system import durable
from lading.system.unnamed_files import write_at


class AdoptedNote(msgspec.Struct, frozen=True):
    """The note of an adoption: what was left there, and whether links to manifests keep these."""

    left: tuple[str, ...] = ()
    keeps_links: bool = False


def repositories(layout: Layout) -> Iterator[str]:
    """The names of all repositories of Distribution.

    Raises:
        OSError: a directory cannot be read, so that what it refers to is not known.
    """
    tree = layout.repositories
    # Each with the directories on the way to it: symbolic links may lead back to one of these.
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while waiting:
        name, way = waiting.pop()
        path = f"{tree}/{name}" if name else tree
        try:
            status = os.stat(path)
            children = [entry.name for entry in os.scandir(path) if _is_directory(entry)]
        except FileNotFoundError:  # it is not there, or no longer
            _require_not_away(path)
            continue
        place = status.st_dev, status.st_ino
        if place in way:
            continue
        if any(child in {"_layers", "_manifests", "_uploads"} for child in children):
            yield name
        below = [f"{name}/{child}" if name else child for child in children if child[0] != "_"]
        waiting += [(child, way | {place}) for child in below]


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a directory, or a link to one, be it away; or an `OSError`."""
    try:
        return entry.is_dir() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError as error:
        if error.errno == errno.ELOOP:  # a symbolic link that leads to itself
            return False
        raise


def _require_not_away(path: str) -> None:
    """Raise an `OSError` if a symbolic link leads nowhere: a disk may be away that it leads to."""
    if os.path.islink(path) and not os.path.exists(path):
        raise OSError(errno.ENOENT, "this symbolic link leads nowhere; is its disk away?", path)


def is_there(layout: Layout) -> bool:
    """Whether there is a repository of Distribution that refers to blobs; see `repositories`."""
    note = find_note(layout)
    names = repositories(layout) if note is None else iter(note.left)
    return next(names, None) is not None


def referred_to(layout: Layout, digests: Sequence[Digest]) -> frozenset[Digest]:
    """The blobs among these that one of Distribution's `repositories` refers to."""
    note = find_note(layout)
    if note is None:
        return referred_to_by(layout, repositories(layout), digests)
    return referred_to_by(layout, note.left, digests) | kept(layout, digests)


def kept(layout: Layout, digests: Sequence[Digest]) -> frozenset[Digest]:
    """The digests among these of manifests to which a link leads, if links are kept.

    Of blobs it does not matter: which there are in a repository, the metadata knows.

    Raises:
        OSError: see `repositories`.
    """
    note = find_note(layout)
    if note is None or not note.keeps_links:
        return frozenset()
    return _among(digests, (layout.repository(name).revisions for name in repositories(layout)))


def referred_to_by(
    layout: Layout, names: Iterable[str], digests: Sequence[Digest]
) -> frozenset[Digest]:
    """The blobs among these that some repositories of Distribution refer to."""
    paths = (layout.repository(name) for name in names)
    return _among(digests, (links for each in paths for links in (each.layers, each.revisions)))


def find_note(layout: Layout) -> AdoptedNote | None:
    """The note of an adoption; `None` if there was none, or if it cannot be read."""
    try:
        with open(layout.adopted, "rb") as file:
            return msgspec.convert(json.loads(file.read()), type=AdoptedNote)
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def write_note(layout: Layout, note: AdoptedNote) -> None:
    """Note an adoption, durably.

    A crash on the way leaves a file beside, which the next one replaces.
    """
    beside = f"{layout.adopted}.new"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        # Names of folders need be no UTF-8; Python's own JSON keeps what they have instead.
        write_at(descriptor, json.dumps(msgspec.to_builtins(note)).encode(), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(beside, layout.adopted)
    durable.sync_directory(os.path.dirname(layout.adopted))


def remove_note(layout: Layout) -> None:
    """Have the repositories of Distribution be somebody else's again."""
    with suppress(FileNotFoundError):
        os.unlink(layout.adopted)
        durable.sync_directory(os.path.dirname(layout.adopted))


def _among(digests: Sequence[Digest], directories: Iterable[str]) -> frozenset[Digest]:
    """The digests among these that have a link, or its folder, in one of the directories.

    Raises:
        OSError: one cannot be read: it is not taken for empty.
    """
    found: set[Digest] = set()
    if not digests:
        return frozenset()
    algorithms = {digest.algorithm for digest in digests}
    for directory in directories:
        for algorithm in algorithms:
            below = f"{directory}/{algorithm}"
            names = {f"{algorithm}:{name}" for name in names_in(below)}
            if not names:
                _require_not_away(directory)
                _require_not_away(below)
            found.update(digest for digest in digests if digest in names)
    return frozenset(found)
