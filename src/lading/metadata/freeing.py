"""Freeing of space: which bytes would be free if some tags or manifests were deleted.

What falls with them is followed from reference to reference, so it costs what would fall, and not
what there is. It is a read; between it and a deletion others may push.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata import batches, repositories
from lading.metadata.noun import scanning
from lading.ports.database import Database, SqlConnection

# Manifests and blobs that are looked at for one question.
MOST = 2000

_TARGETS = """
    SELECT DISTINCT digest FROM tags
    WHERE repository_id = :repository AND name IN (SELECT key FROM json_each(:tags))
"""
_OTHER_TAG = """
    SELECT 1 FROM tags WHERE repository_id = :repository AND digest = :digest
        AND name NOT IN (SELECT key FROM json_each(:tags)) LIMIT 1
"""
_IS_LIVE = """
    SELECT subject FROM manifests
    WHERE repository_id = :repository AND digest = :digest AND deleted_at IS NULL
"""
_HOLDERS = "SELECT parent FROM edges WHERE repository_id = ? AND child = ? LIMIT ?"
_CHILDREN = "SELECT child FROM edges WHERE repository_id = ? AND parent = ? LIMIT ?"
_ABOUT = """
    SELECT digest FROM manifests WHERE repository_id = ? AND subject = ? AND deleted_at IS NULL
    LIMIT ?
"""
# How large a blob is, and whether another repository has it.
_BLOB = """
    SELECT size, EXISTS (SELECT 1 FROM links AS other
        WHERE other.digest = blobs.digest AND other.repository_id <> :repository)
    FROM blobs WHERE digest = :digest AND EXISTS (SELECT 1 FROM links
        WHERE links.repository_id = :repository AND links.digest = blobs.digest)
"""


@dataclass(frozen=True, slots=True)
class Freed:
    """What a deletion frees, once all that nothing needs any more is collected.

    Attributes:
        size: bytes of files that are free then.
        shared_size: bytes that go out of the repository, but that another one has, too.
        manifests: how many go.
        blobs: how many go out of the repository.
        is_whole: whether that is all; if not, it is at least as much, as there is too much to look
            at it all.
    """

    size: int
    shared_size: int
    manifests: int
    blobs: int
    is_whole: bool = True


def find(
    connection: SqlConnection, repository: RepositoryName, references: Sequence[Reference]
) -> Freed:
    """What would be free if some tags, and manifests by their digests, were deleted together."""
    repository_id = repositories.find(connection, repository)
    if repository_id is None:
        return Freed(0, 0, 0, 0)
    digests = [each for each in references if isinstance(each, Digest)]
    tags = [each for each in references if not isinstance(each, Digest)]
    return _Falling(connection, repository_id, tags, digests).find()


class _Falling:
    """The search for what falls with some tags and manifests."""

    def __init__(
        self,
        connection: SqlConnection,
        repository_id: int,
        tags: Sequence[Tag],
        digests: Sequence[Digest],
    ) -> None:
        self._connection = connection
        self._id = repository_id
        self._tags = batches.keys(tags)
        self._deleted = frozenset(map(str, digests))
        self._found: set[str] = set()
        self._blobs: set[str] = set()
        self._looks = 0

    def find(self) -> Freed:
        values = {"repository": self._id, "tags": self._tags}
        targets = [digest for (digest,) in self._connection.execute(_TARGETS, values).fetchall()]
        waiting = [*targets, *self._deleted]
        while waiting and self._looks < MOST:
            self._looks += 1
            digest = waiting.pop()
            if digest not in self._found and self._falls(digest):
                self._found.add(digest)
                waiting += self._led_to(digest)
        blobs = self._free_blobs()
        return Freed(
            size=sum(size for size, is_shared in blobs if not is_shared),
            shared_size=sum(size for size, is_shared in blobs if is_shared),
            manifests=len(self._found),
            blobs=len(blobs),
            is_whole=not waiting,
        )

    def _falls(self, digest: str) -> bool:
        """Whether a manifest goes; a blob is noted to be looked at once all of these are found."""
        values = {"repository": self._id, "digest": digest, "tags": self._tags}
        row = self._connection.execute(_IS_LIVE, values).fetchone()
        if row is None:
            self._blobs.add(digest)
            return False
        (subject,) = row
        if digest in self._deleted:
            return self._is_let_go(digest)
        return (
            self._connection.execute(_OTHER_TAG, values).fetchone() is None
            and self._is_let_go(digest)
            and not (subject is not None and self._is_kept(subject))
        )

    def _is_let_go(self, digest: str) -> bool:
        """Whether all that holds it falls."""
        rows = self._connection.execute(_HOLDERS, (self._id, digest, MOST)).fetchall()
        return all(parent in self._found for (parent,) in rows)

    def _is_kept(self, subject: str) -> bool:
        values = {"repository": self._id, "digest": subject}
        is_live = self._connection.execute(_IS_LIVE, values).fetchone() is not None
        return is_live and subject not in self._found

    def _led_to(self, digest: str) -> Iterable[str]:
        for statement in (_CHILDREN, _ABOUT):
            rows = self._connection.execute(statement, (self._id, digest, MOST)).fetchall()
            yield from (found for (found,) in rows)

    def _free_blobs(self) -> Sequence[tuple[int, bool]]:
        """Of blobs that go, how large each is, and whether another repository has it, too."""
        rows = (
            self._connection.execute(_BLOB, {"repository": self._id, "digest": blob}).fetchone()
            for blob in self._blobs
            if self._is_let_go(blob)
        )
        return [(int(row[0]), bool(row[1])) for row in rows if row is not None]


class Freeing:
    """Freeing of space, as it would be."""

    def __init__(self, database: Database) -> None:
        self.find = scanning(database, find)
