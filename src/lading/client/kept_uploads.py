"""What is kept of uploads for those that follow: where they are, and how much a request may carry.

Addresses of unfinished uploads are on disk, so that another run goes on where the server has got
to. One file for each, as many runs may write at a time. An address may be a secret of its own, so
nobody else may read them.
"""

import contextlib
import os
import time
from pathlib import Path

from lading.client.own_folders import base_folder

# As long as most registries keep what was begun.
_SECONDS = 7 * 86400
_MOST_BYTES = 16 * 1024
# What is smaller is sent with the first request, which costs less than to ask whether it is there.
SMALL = 256 * 1024
# What is known not to be there goes so up to this size, to a registry that is known to take it.
_MOST_AT_ONCE = 8 * 1024 * 1024
_CHUNK = 64 * 1024 * 1024
LEAST_CHUNK = 1024 * 1024
_MOST_CHUNK = 1024 * 1024 * 1024


def uploads_folder() -> Path:
    """The folder for them among this person's caches."""
    return base_folder(os.environ, "XDG_CACHE_HOME", ".cache") / "lading/uploads"


class KeptUploads:
    """Addresses of unfinished uploads, in a folder; where that is none, none are kept.

    Nothing here fails: an address that cannot be kept costs an upload from its beginning.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder or Path(os.devnull)

    def place(self, name: str) -> str:
        """The address of an upload, by registry, repository and digest; empty if none is kept."""
        try:
            with self._path(name).open("rb") as file:
                return file.read(_MOST_BYTES).decode()
        except (OSError, ValueError):
            return ""

    def keep(self, name: str, place: str) -> None:
        """Keep an address, in place of an older one; forget those of long ago."""
        import tempfile  # noqa: PLC0415 - few uploads need it

        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._forget_old()
            descriptor, written = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(descriptor, "w") as file:
                file.write(place)
            Path(written).replace(self._path(name))

    def forget(self, name: str) -> None:
        """Keep an address no longer."""
        with contextlib.suppress(OSError):
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        import hashlib  # noqa: PLC0415 - few uploads need it

        return self._folder / hashlib.sha256(name.encode()).hexdigest()

    def _forget_old(self) -> None:
        for path in self._folder.iterdir():
            # It may be gone, of an upload that has just ended.
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - _SECONDS:
                    path.unlink()


class ChunkSizes:
    """How much a request to one registry carries; of all uploads to it.

    Attributes:
        size: of a chunk in bytes; 0 sends blobs as a whole.
        one_request: whether a blob may come with the request that begins its upload, as the
            specification has it ("Single POST") and not every registry; `None` until it is known.
    """

    def __init__(self) -> None:
        self.size = 0
        self.one_request: bool | None = None

    def shrink(self, refused: bool) -> None:
        """Send less at once, after 413 or a cut."""
        if self.size == 0:
            self.size = _CHUNK
        elif refused:
            self.size = max(LEAST_CHUNK, self.size // 2)

    def grow(self) -> None:
        """Send fewer and larger requests, after 429."""
        if self.size:
            self.size = min(_MOST_CHUNK, self.size * 2)

    def takes_at_once(self, size: int) -> bool:
        """Whether a blob of so many bytes may come with the request that begins its upload."""
        most = _MOST_AT_ONCE if self.one_request else SMALL
        return self.one_request is not False and 0 < size <= min(most, self.size or most)
