"""Places in which a registry keeps its bytes in an object store, opened once or several times."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from lading.blobs.file_locks import FileLocks
from lading.blobs.s3.object_store import ObjectStore
from lading.blobs.stores import Stores
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.locks import DatabaseLocks
from lading.databases.postgresql.server import Server
from lading.metadata.metadata import Metadata
from lading.ports.blobs import Locks
from lading.ports.objects import Upkeep
from tests.support import rows
from tests.support.s3 import S3

_NUMBERS = count()


class Clock:
    """A clock that is put forward by hand."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class OpenPlace:
    """The stores of one worker, with the rows that they keep and the objects."""

    stores: Stores
    metadata: Metadata
    store: ObjectStore

    async def keys(self) -> list[str]:
        """The keys of all objects, but for that by which the database knows the place."""
        badges = await self.metadata.objects.badges()
        return [key for key in await self.all_keys() if key not in badges]

    async def all_keys(self) -> list[str]:
        """The keys of all objects."""
        return [stored.key async for page in self.store.pages("objects") for stored in page]

    @property
    def upkeep(self) -> Upkeep:
        """The upkeep of the object store."""
        assert self.stores.upkeep is not None
        return self.stores.upkeep

    def close(self) -> None:
        """Let go of the stores and the rows."""
        self.stores.close()
        if isinstance(self.stores.locks, DatabaseLocks):
            self.stores.locks.close()
        self.metadata.database.close()


@dataclass
class PlaceInS3:
    """A folder of a bucket, and a database of SQLite or PostgreSQL.

    Attributes:
        root: where the database of SQLite is, and the locks.
        clock: the time, for all that are opened.
        url: of the database of PostgreSQL, which has the locks, too.
    """

    s3: S3
    root: Path
    clock: Callable[[], float] = time.time
    url: str = ""
    folder: str = field(default_factory=lambda: f"place-{next(_NUMBERS)}-{time.time_ns():x}")

    def open(self, *, cached: bool = True) -> OpenPlace:
        """Open the place as one more worker does."""
        metadata, locks = self._open_rows()
        store = ObjectStore(replace(self.s3.bucket, root=self.folder))
        stores = Stores.in_s3(store, metadata.uploads, metadata.objects, locks, self.clock)
        if not cached:
            stores = replace(stores, blobs=stores.blobs._store)  # type: ignore[attr-defined]
        return OpenPlace(stores, metadata, store)

    def _open_rows(self) -> tuple[Metadata, Locks]:
        if self.url:
            server = Server(self.url)
            return Metadata(PostgresqlDatabase(server, size=4)), DatabaseLocks(server)
        metadata = rows.open_metadata(self.root / "lading" / "metadata.sqlite3")
        return metadata, FileLocks.below(self.root)

    @contextmanager
    def opened_stores(self, *, cached: bool = True) -> Iterator[Stores]:
        """The stores alone, open for the length of a block."""
        with self.opened(cached=cached) as one:
            yield one.stores

    @contextmanager
    def opened(self, *, cached: bool = True) -> Iterator[OpenPlace]:
        """The place, open for the length of a block."""
        one = self.open(cached=cached)
        try:
            yield one
        finally:
            one.close()


def objects_of(s3: S3) -> dict[str, int]:
    """The sizes of all objects of registries in a bucket, by their keys."""

    async def find() -> dict[str, int]:
        pages = ObjectStore(s3.bucket).pages("objects")
        return {stored.key: stored.size or 0 async for page in pages for stored in page}

    return asyncio.run(find())


def put_object(s3: S3, key: str, data: bytes) -> None:
    """Put an object into a bucket, past the registry."""
    asyncio.run(ObjectStore(s3.bucket).put(key, data))


def delete_object(s3: S3, key: str) -> None:
    """Delete an object from a bucket, past the registry."""
    asyncio.run(ObjectStore(s3.bucket).delete([key]))
