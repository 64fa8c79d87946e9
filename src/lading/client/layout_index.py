"""Index of a layout folder: what it lists, by tags and digests, read anew only when it has changed.

An image is looked for by its tag, and all others are looked at for what is about it: with an index
that is read each time, thousands of images would take hours.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lading.core.images.layout_names import tag_of

Entry = dict[str, Any]


class ListedImages:
    """The images that an index lists.

    Attributes:
        entries: its descriptors, in their order.
        tags: the digest of each tag, of the first entry that has it.
        kinds: the media type that is said of each digest.
        about: the entries that are about a digest; `None` until these were looked at.
    """

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.tags: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.about: dict[str, list[Entry]] | None = None
        for entry in entries:
            digest = entry["digest"]
            if tag := tag_of_entry(entry):
                self.tags.setdefault(tag, digest)
            self.kinds.setdefault(digest, entry.get("mediaType") or "")


class LayoutIndex:
    """The `index.json` of a folder, for any number of threads; `read` gives its entries."""

    def __init__(self, path: Path, read: Callable[[], list[Entry]]) -> None:
        self._path = path
        self._read = read
        self._lock = threading.Lock()
        self._mark: tuple[int, int, int] | None = None
        self._listed = ListedImages([])

    def now(self) -> ListedImages:
        """The images that the index lists now."""
        with self._lock:
            mark = self._mark_now()
            if mark is None or mark != self._mark:
                self._listed = ListedImages(self._read())
                self._mark = mark
            return self._listed

    def _mark_now(self) -> tuple[int, int, int] | None:
        """By what another index is known: who changes it puts a new file in its place."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def tag_of_entry(entry: Entry) -> str:
    """The tag of an entry; empty if it has none. It may be no valid one."""
    annotations = entry.get("annotations")
    return tag_of(annotations) if isinstance(annotations, dict) else ""
