"""Stores of bytes: blobs, uploads and locks that belong together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lading.blobs.disk import Disk
from lading.blobs.file_blobs import FileBlobs
from lading.blobs.file_locks import FileLocks
from lading.blobs.file_uploads import FileUploads
from lading.blobs.in_memory import InMemoryBlobs, InMemoryLocks, InMemoryUploads
from lading.blobs.small_cache import SmallBlobCache
from lading.ports.blobs import Blobs, Locks
from lading.ports.measures import UNMEASURED, Measures
from lading.ports.objects import ObjectRows, Upkeep, UploadRows
from lading.ports.uploads import Uploads
from lading.system.threads import Threads

if TYPE_CHECKING:
    from lading.blobs.s3.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class Stores:
    """Blobs, the uploads that become them, and their locks.

    Attributes:
        disk: that they are on, if there is one.
        upkeep: what an object store needs beside.
        threads: that work for them, if they are in an object store.
    """

    blobs: Blobs
    uploads: Uploads
    locks: Locks
    disk: Disk | None = None
    upkeep: Upkeep | None = None
    threads: Sequence[Threads] = ()

    @classmethod
    def in_files(
        cls,
        root: Path,
        reserve: int = 0,
        *,
        read_only: bool = False,
        measures: Measures = UNMEASURED,
    ) -> "Stores":
        """Stores whose files are below a directory, see `lading.blobs.disk.Disk`."""
        disk = Disk(root, reserve, read_only=read_only)
        blobs = SmallBlobCache(FileBlobs(disk), measures=measures)
        return cls(blobs, FileUploads(disk), FileLocks(disk.layout), disk)

    @classmethod
    def in_memory(cls) -> "Stores":
        """Stores in memory, which are empty."""
        blobs = InMemoryBlobs()
        return cls(blobs, InMemoryUploads(blobs), InMemoryLocks())

    @classmethod
    def in_s3(
        cls,
        store: "ObjectStore",
        uploads: UploadRows,
        objects: ObjectRows,
        locks: Locks,
        clock: Callable[[], float],
        measures: Measures = UNMEASURED,
        directory: Path | None = None,
    ) -> "Stores":
        """Stores in an object store, with rows that say what is where.

        Args:
            locks: held against all who have the same rows.
            clock: the time, in seconds since the epoch.
            directory: where files may be made for what waits; `None` for the system's place.
        """
        # Who has blobs in files does without loading this.
        from lading.blobs.s3.object_room import ObjectRoom  # noqa: PLC0415
        from lading.blobs.s3.object_upkeep import ObjectUpkeep  # noqa: PLC0415
        from lading.blobs.s3.s3_blobs import S3Blobs  # noqa: PLC0415
        from lading.blobs.s3.s3_uploads import S3Uploads  # noqa: PLC0415
        from lading.blobs.s3.waiting_files import WaitingRoom  # noqa: PLC0415

        room = ObjectRoom(store, uploads, objects, clock, WaitingRoom(directory))
        return cls(
            SmallBlobCache(S3Blobs(room), measures=measures),
            S3Uploads(room),
            locks,
            upkeep=ObjectUpkeep(room),
            threads=(room.hashing, room.files.thread),
        )

    def close(self) -> None:
        """Finish what was begun, and end the threads that do it."""
        if self.disk is not None:
            self.disk.close()
        for threads in self.threads:
            threads.close()
