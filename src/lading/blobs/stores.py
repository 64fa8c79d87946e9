"""Stores of bytes: blobs, uploads and locks that belong together."""

from dataclasses import dataclass
from pathlib import Path

from lading.blobs.disk import Disk
from lading.blobs.file_blobs import FileBlobs
from lading.blobs.file_locks import FileLocks
from lading.blobs.file_uploads import FileUploads
from lading.blobs.in_memory import InMemoryBlobs, InMemoryLocks, InMemoryUploads
from lading.blobs.small_cache import SmallBlobCache
from lading.ports.blobs import Blobs
from lading.ports.locks import Locks
from lading.ports.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Stores:
    """Blobs, the uploads that become them, and their locks.

    Attributes:
        disk: that they are on, if there is one.
    """

    blobs: Blobs
    uploads: Uploads
    locks: Locks
    disk: Disk | None = None

    @classmethod
    def in_files(cls, root: Path, reserve: int = 0, *, read_only: bool = False) -> "Stores":
        """Stores whose files are below a directory, see `lading.blobs.disk.Disk`."""
        disk = Disk(root, reserve, read_only=read_only)
        return cls(SmallBlobCache(FileBlobs(disk)), FileUploads(disk), FileLocks(disk), disk)

    @classmethod
    def in_memory(cls) -> "Stores":
        """Stores in memory, which are empty."""
        blobs = InMemoryBlobs()
        return cls(blobs, InMemoryUploads(blobs), InMemoryLocks())

    def close(self) -> None:
        """Finish what was begun, and end the threads that do it."""
        if self.disk is not None:
            self.disk.close()
