"""The garbage that a search has found: on the disk if it is much, and read a page at a time."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from lading.core.digest import Digest
from lading.core.garbage import Cause, GarbageBlob, GarbageLink, GarbageManifest, OrphanTag
from lading.core.names import RepositoryName, Tag
from lading.core.typing import T, override
from lading.databases.sqlite.memory import Scratch

# Rows that are read at once.
PAGE = 500

_TABLES = """
    CREATE TABLE manifests (number INTEGER PRIMARY KEY, repository TEXT, digest TEXT, size INTEGER,
        cause TEXT, since REAL, repository_id INTEGER, UNIQUE (repository, digest));
    CREATE TABLE tags (number INTEGER PRIMARY KEY, repository TEXT, tag TEXT, subject TEXT,
        since REAL);
    CREATE TABLE looked_at (repository_id INTEGER, digest TEXT, PRIMARY KEY (repository_id, digest))
        WITHOUT ROWID;
    CREATE TABLE links (number INTEGER PRIMARY KEY, repository TEXT, digest TEXT,
        repository_id INTEGER, UNIQUE (repository_id, digest));
    CREATE TABLE blobs (number INTEGER PRIMARY KEY, digest TEXT, size INTEGER, interrupted INTEGER,
        hex TEXT, UNIQUE (digest));
    CREATE INDEX blobs_hex ON blobs (hex, number);
    CREATE TABLE marks (digest TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class FoundItems(Collection[T]):
    """Garbage of one kind, as it was found; it can be gone through again and again."""

    def __init__(self, scratch: Scratch, table: str, make: Callable[..., T]) -> None:
        self._scratch = scratch
        self._table = table
        self._make = make
        self._count = 0

    def add(self, *row: float | str) -> None:
        """Add a row, unless it is there; it gets the next number, from 1 on."""
        marks = ", ?" * len(row)
        statement = f"INSERT OR IGNORE INTO {self._table} VALUES (NULL{marks})"
        self._count += self._scratch.add(statement, row)

    @override
    def __len__(self) -> int:
        return self._count

    @override
    def __iter__(self) -> Iterator[T]:
        return (self._make(*row) for row in self.rows())

    @override
    def __contains__(self, item: object) -> bool:
        return any(each == item for each in self)

    def rows(self, after: int = 0) -> Iterator[Any]:
        """The rows of it, from a number on, with those that are added meanwhile."""
        statement = f"SELECT * FROM {self._table} WHERE number > ? ORDER BY number LIMIT ?"
        while page := self._scratch.execute(statement, (after, PAGE)):
            yield from page
            after = page[-1][0]


class Garbage:
    """The garbage that a collection removes."""

    def __init__(self) -> None:
        self._scratch = Scratch(_TABLES)
        self.manifests = FoundItems(self._scratch, "manifests", _manifest)
        self.tags = FoundItems(self._scratch, "tags", _tag)
        self.links = FoundItems(self._scratch, "links", _link)
        self.blobs = FoundItems(self._scratch, "blobs", _blob)

    def add_manifest(self, repository_id: int, found: GarbageManifest) -> None:
        """Add a manifest, unless it is there."""
        manifest = (found.repository, found.digest, found.size, found.cause.value, found.since)
        self.manifests.add(*manifest, repository_id)

    def has_manifest(self, repository: RepositoryName, digest: str) -> bool:
        """Whether a manifest is in it."""
        statement = "SELECT 1 FROM manifests WHERE repository = ? AND digest = ?"
        return bool(self._scratch.execute(statement, (repository, digest)))

    def manifests_after(self, number: int) -> Iterator[tuple[int, int, GarbageManifest]]:
        """Manifests that were found after one of that number: number, repository's id, manifest."""
        for row in self.manifests.rows(number):
            yield row[0], row[-1], _manifest(*row)

    def add_tag(self, found: OrphanTag) -> None:
        """Add a tag."""
        self.tags.add(found.repository, found.tag, found.subject, found.since)

    def looks_at(self, repository_id: int, digest: Digest) -> bool:
        """Note that a link is looked at; whether it was not before."""
        statement = "INSERT OR IGNORE INTO looked_at VALUES (?, ?)"
        return self._scratch.add(statement, (repository_id, digest))

    def add_link(self, repository_id: int, found: GarbageLink) -> None:
        """Add a link."""
        self.links.add(found.repository, found.digest, repository_id)

    def has_link(self, repository_id: int, digest: str) -> bool:
        """Whether a link is in it."""
        statement = "SELECT 1 FROM links WHERE repository_id = ? AND digest = ?"
        return bool(self._scratch.execute(statement, (repository_id, digest)))

    def add_blob(self, found: GarbageBlob) -> None:
        """Add a blob, unless it is there."""
        self.blobs.add(found.digest, found.size, found.interrupted, found.digest.hex)

    def sorted_blobs(self) -> Iterator[GarbageBlob]:
        """All blobs, by their digests without the algorithms."""
        after: tuple[str, int] = ("", 0)
        statement = "SELECT * FROM blobs WHERE (hex, number) > (?, ?) ORDER BY hex, number LIMIT ?"
        while page := self._scratch.execute(statement, (*after, PAGE)):
            yield from (_blob(*row) for row in page)
            after = (page[-1][-1], page[-1][0])

    def bytes_of_blobs(self) -> int:
        """The bytes of all blobs together."""
        ((size,),) = self._scratch.execute("SELECT coalesce(sum(size), 0) FROM blobs")
        return int(size)

    def mark(self, digest: Digest) -> bool:
        """Mark a digest, as one that is no garbage; whether it was not marked before."""
        return self._scratch.add("INSERT OR IGNORE INTO marks VALUES (?)", (digest,))


def _manifest(
    _: int, repository: str, digest: str, size: int, cause: str, since: float, __: int
) -> GarbageManifest:
    return GarbageManifest(RepositoryName(repository), Digest(digest), size, Cause(cause), since)


def _tag(_: int, repository: str, tag: str, subject: str, since: float) -> OrphanTag:
    return OrphanTag(RepositoryName(repository), Tag(tag), subject, since)


def _link(_: int, repository: str, digest: str, __: int) -> GarbageLink:
    return GarbageLink(RepositoryName(repository), Digest(digest))


def _blob(_: int, digest: str, size: int, interrupted: int, __: str) -> GarbageBlob:
    return GarbageBlob(Digest(digest), size, bool(interrupted))
