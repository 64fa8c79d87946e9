"""The adapter of OCI image layouts: those below a directory, as zot and skopeo have them.

`<directory>/[<name>/]{oci-layout, index.json, blobs/<algorithm>/<hex>}`
"""

import os
import stat
from collections.abc import Iterator, Sequence

import msgspec

from lading.blobs.distribution_volume import in_thread
from lading.core.digest import Digest
from lading.core.images.layout_names import MOST_INDEX, tag_of
from lading.core.typing import override
from lading.ports.blob_sources import LocalFile
from lading.ports.layouts import ImageLayout, LayoutEntry, LayoutUnusable
from lading.system import regular_files

_INDEX, _MARK = "index.json", "oci-layout"


class _Index(msgspec.Struct):
    manifests: list[object] | None = None  # as programs in Go write an empty list


class OciLayout(ImageLayout):
    """A layout in a directory."""

    def __init__(self, path: str) -> None:
        self.place = path

    @override
    async def entries(self) -> Sequence[LayoutEntry]:
        return await in_thread(self._entries)

    @override
    async def find(self, digest: Digest) -> LocalFile | None:
        return await in_thread(self._find, digest)

    def _entries(self) -> Sequence[LayoutEntry]:
        try:
            path = f"{self.place}/{_INDEX}"
            with open(regular_files.open_to_read(path), "rb") as file:
                body = regular_files.read_bounded(file, MOST_INDEX)
            index = msgspec.json.decode(body, type=_Index)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise LayoutUnusable(f"{self.place}/{_INDEX} cannot be read: {error}") from error
        return [_entry(each) for each in index.manifests or ()]

    def _find(self, digest: Digest) -> LocalFile | None:
        key = f"blobs/{digest.algorithm}/{digest.hex}"
        path = f"{self.place}/{key}"
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return None
        return LocalFile(path, key, status.st_size) if stat.S_ISREG(status.st_mode) else None


def _entry(listed: object) -> LayoutEntry:
    """An entry as far as it can be read: what is wrong with one costs no other."""
    found = listed if isinstance(listed, dict) else {}
    digest, kind, annotations = (found.get(name) for name in ("digest", "mediaType", "annotations"))
    return LayoutEntry(
        digest if isinstance(digest, str) else "",
        kind if isinstance(kind, str) else "",
        tag_of(annotations) if isinstance(annotations, dict) else "",
    )


def find_layouts(directory: str) -> Iterator[tuple[str, OciLayout] | None]:
    """All layouts below a directory, each with its path there, which is empty if it is one itself.

    For each folder that is none there is `None`, so that a long search can be followed. A folder
    that cannot be read is taken for a layout: its index says then what is wrong.
    """
    seen: set[tuple[int, int]] = set()
    _is_new(directory, seen)
    waiting = [""]
    while waiting:
        name = waiting.pop()
        path = f"{directory}/{name}" if name else directory
        try:
            children = sorted(os.listdir(path), reverse=True)
        except OSError:
            children = [_MARK]
        yield (name, OciLayout(path)) if _MARK in children else None
        # zot keeps repositories within others, and what is no repository under names with a dot.
        waiting += [
            f"{name}/{child}" if name else child
            for child in children
            if child != "blobs" and child[0] not in "._" and _is_new(f"{path}/{child}", seen)
        ]


def _is_new(path: str, seen: set[tuple[int, int]]) -> bool:
    """Whether it is a directory that was not seen yet: symbolic links may lead in circles."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    key = status.st_dev, status.st_ino
    if not stat.S_ISDIR(status.st_mode) or key in seen:
        return False
    seen.add(key)
    return True
