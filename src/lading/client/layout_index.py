"""Index of a layout folder: what it lists, by tags and digests, and what is to be listed there.

It is read anew only when it has changed. An image is looked for by its tag, and all others are
looked at for what is about it: with an index that is read each time, thousands of images would take
hours.

To write it for each image of thousands would take the square of their number. Where many come, it
is written when as many wait for it as a part of those that are listed, or after some seconds: all
that is written is then a few times as long as the index itself. Whatever ends a run meanwhile
leaves an index of whole images; those that waited are listed by the next run, their blobs there.
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lading.client.errors import ClientError
from lading.client.layout_files import clear_drafts, open_file, translating, write_whole
from lading.client.places import checked_descriptors
from lading.core import media
from lading.core.images.layout_names import MOST_INDEX, tag_of
from lading.system.regular_files import read_bounded

Entry = dict[str, Any]

_INDEX = "index.json"
# The file by which a folder is known to be a layout.
_MARK = "oci-layout"
# One waits for so many that are listed.
_PART = 4
_SECONDS = 5.0


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
    """The `index.json` of a folder, for any number of threads.

    What is added to it waits to be written with others, unless `at_once`.
    """

    def __init__(self, root: Path, *, at_once: bool) -> None:
        self._root = root
        self._path = root / _INDEX
        self._at_once = at_once
        self._reading = threading.Lock()
        self._listed = ListedImages([])
        self._mark: tuple[int, int, int] | None = None
        self._writing = threading.Lock()
        self._waiting: dict[tuple[str, str], Entry] = {}
        self._count = 0
        self._written = time.monotonic()

    @property
    def is_there(self) -> bool:
        """Whether there is one by now."""
        with translating(self._root):
            return self._path.exists()

    def now(self) -> ListedImages:
        """The images that it lists now; a `ClientError` if it is none."""
        with self._reading:
            mark = self._mark_now()
            if mark is None or mark != self._mark:
                self._listed = ListedImages(self._checked(self._read()))
                self._mark = mark
            return self._listed

    def _mark_now(self) -> tuple[int, int, int] | None:
        """By what another one is known: who changes it puts a new file in its place."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def waiting(self, tag: str) -> str:
        """The digest of a tag that waits; empty if none does."""
        entry = self._waiting.get((tag, ""))
        return str(entry["digest"]) if entry else ""

    def add(self, entry: Entry) -> None:
        """List an image, now or with others: instead of that of its tag, or of the same digest.

        Raises:
            ClientError: the index cannot be read or written; those that wait wait on.
        """
        key = _key(entry)
        with self._writing:
            self._waiting.pop(key, None)  # it is the last one now
            self._waiting[key] = entry
            is_much = len(self._waiting) * _PART > self._count
            if self._at_once or is_much or time.monotonic() - self._written >= _SECONDS:
                self._write()

    def settle(self) -> None:
        """List all that wait; as with `add`, it may fail."""
        with self._writing:
            if self._waiting:
                self._write()

    def _write(self) -> None:
        with self._locked():
            clear_drafts(self._root)
            index = self._read()  # all of it stays that is not known here
            # One that waits takes the place of that of its tag, or of the same digest without one.
            entries = [one for one in self._checked(index) if _key(one) not in self._waiting]
            entries += self._waiting.values()
            if not (self._root / _MARK).exists():
                self._write_json(_MARK, {"imageLayoutVersion": "1.0.0"})
            self._write_json(_INDEX, index | {"manifests": entries})
        self._waiting.clear()
        self._count = len(entries)
        self._written = time.monotonic()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other commands from changing the index meanwhile: each would write it as it was."""
        with translating(self._root):
            descriptor = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _checked(self, index: dict[str, Any]) -> list[Entry]:
        return checked_descriptors(index.get("manifests", []), str(self._path))

    def _read(self) -> dict[str, Any]:
        """What is in `index.json`; that of a new folder if there is none."""
        wrong = f"{self._path} is no index of an OCI image layout"
        try:
            with translating(self._path), open_file(self._path) as file:
                found = json.loads(read_bounded(file, MOST_INDEX))
        except FileNotFoundError:
            return {"schemaVersion": 2, "mediaType": media.OCI_INDEX}
        except (ValueError, RecursionError) as error:
            raise ClientError(f"{wrong}: {error}") from error
        if not isinstance(found, dict):
            raise ClientError(f"{wrong}: it is no JSON object")
        return found

    def _write_json(self, name: str, document: object) -> None:
        write_whole(self._root / name, [json.dumps(document).encode()])


def _key(entry: Entry) -> tuple[str, str]:
    """By what an entry is one with another: its tag, or its digest if it has none."""
    tag = tag_of_entry(entry)
    return (tag, "") if tag else ("", entry["digest"])


def tag_of_entry(entry: Entry) -> str:
    """The tag of an entry; empty if it has none. It may be no valid one."""
    annotations = entry.get("annotations")
    return tag_of(annotations) if isinstance(annotations, dict) else ""
