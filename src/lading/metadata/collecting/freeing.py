"""Freeing of space: which bytes would be free if some tags or manifests were deleted.

What may fall with them is followed from reference to reference, all that is equally far at once: it
costs what they lead to, and not what there is. It is a read; between it and a deletion others may
push.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.names import Reference, RepositoryName
from lading.metadata import batches, repositories
from lading.metadata.noun import looking
from lading.ports.database import Database, SqlConnection

# Manifests and blobs that are looked at for one question, references that are followed to those
# that are equally far, and how far: an index leads to images, these to blobs and to what is about
# them, and that to its own.
MOST, MOST_FOLLOWED, FARTHEST = 5000, 20_000, 8

# SQLite takes any repository for a small one; a `CROSS JOIN` has it begin with what is asked for.
_TARGETS = """
    SELECT DISTINCT digest FROM json_each(:tags) AS wanted CROSS JOIN tags
    WHERE repository_id = :repository AND name = wanted.key
"""
_FOLLOW = """
    SELECT parent, child, 1 FROM (
        SELECT edges.parent, child FROM json_each(:digests) AS wanted CROSS JOIN edges
        WHERE repository_id = :repository AND edges.parent = wanted.key
        LIMIT :most) AS children
    UNION ALL
    SELECT subject, digest, 0 FROM (
        SELECT subject, digest FROM json_each(:digests) AS held CROSS JOIN manifests
        WHERE repository_id = :repository AND subject = held.key
            AND deleted_at IS NULL LIMIT :most) AS about
"""
# Of each digest: whether it is a manifest, what that is about and whether that is here, whether
# another tag leads to it, and something that was not followed; how large the blob is, and whether
# another repository has it.
_FACTS = """
    SELECT wanted.key, live.digest IS NOT NULL, live.subject,
        EXISTS (SELECT 1 FROM manifests AS subjects WHERE subjects.repository_id = :repository
            AND subjects.digest = live.subject AND subjects.deleted_at IS NULL),
        EXISTS (SELECT 1 FROM tags WHERE tags.repository_id = :repository
            AND tags.digest = wanted.key AND tags.name NOT IN (SELECT key FROM json_each(:tags))),
        EXISTS (SELECT 1 FROM edges WHERE edges.repository_id = :repository
            AND edges.child = wanted.key
            AND edges.parent NOT IN (SELECT key FROM json_each(:followed))),
        blobs.size,
        EXISTS (SELECT 1 FROM links AS other
            WHERE other.digest = blobs.digest AND other.repository_id <> :repository)
    FROM json_each(:reached) AS wanted
    LEFT JOIN manifests AS live ON live.repository_id = :repository AND live.digest = wanted.key
        AND live.deleted_at IS NULL
    LEFT JOIN links ON links.repository_id = :repository AND links.digest = wanted.key
    LEFT JOIN blobs ON blobs.digest = links.digest
"""


@dataclass(frozen=True, slots=True)
class Freed:
    """The bytes that a deletion frees, once what nothing needs then is collected.

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


class _Fact(NamedTuple):
    """The facts about a digest.

    Attributes:
        is_manifest: of the repository, and not deleted.
        is_subject_here: whether what it is about is one, too.
        is_tagged: whether a tag leads to it that is not deleted.
        is_held: whether something holds it of which it is not known whether it falls.
        size: of the blob; `None` if it is none of the repository's.
        is_shared: whether another repository has it.
    """

    is_manifest: bool
    subject: str | None
    is_subject_here: bool
    is_tagged: bool
    is_held: bool
    size: int | None
    is_shared: bool


@dataclass(slots=True)
class _Reached:
    """The digests that some manifests lead to.

    Attributes:
        digests: of these and of all that they lead to, the nearest first.
        followed: those of which all is known that they lead to.
        next: what each leads to: what it holds, and what is about it.
        holders: what holds each.
    """

    digests: dict[str, None]
    followed: set[str] = field(default_factory=set)
    next: dict[str, list[str]] = field(default_factory=dict)
    holders: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether these are all digests that the manifests lead to."""
        return len(self.followed) == len(self.digests)

    def add(self, start: str, end: str, *, is_held: bool) -> bool:
        """Add a reference; false if there is no room for what it leads to."""
        if end not in self.digests and len(self.digests) >= MOST:
            return False
        self.digests[end] = None
        self.next.setdefault(start, []).append(end)
        if is_held:
            self.holders.setdefault(end, []).append(start)
        return True


def find(
    connection: SqlConnection, repository: RepositoryName, references: Sequence[Reference]
) -> Freed:
    """What would be free if some tags, and manifests by their digests, were deleted together."""
    repository_id = repositories.find(connection, repository)
    if repository_id is None:
        return Freed(0, 0, 0, 0)
    deleted = frozenset(str(each) for each in references if isinstance(each, Digest))
    tags = batches.keys(each for each in references if not isinstance(each, Digest))
    values = {"repository": repository_id, "tags": tags}
    targets = [digest for (digest,) in connection.execute(_TARGETS, values).fetchall()]
    starts = [*targets, *deleted]
    reached = _reach(connection, repository_id, starts)
    values |= {"reached": batches.keys(reached.digests), "followed": batches.keys(reached.followed)}
    rows = connection.execute(_FACTS, values).fetchall()
    facts = {digest: _Fact(*fact) for digest, *fact in rows}
    return _Falling(reached, facts, deleted).find(starts)


def _reach(connection: SqlConnection, repository_id: int, starts: Sequence[str]) -> _Reached:
    """The digests that some manifests lead to, as far as they are not too many."""
    reached = _Reached(dict.fromkeys(starts))
    waiting = list(reached.digests)
    for _ in range(FARTHEST):
        if not waiting:
            break
        values = {"repository": repository_id, "digests": batches.keys(waiting)}
        rows = connection.execute(_FOLLOW, {**values, "most": MOST_FOLLOWED}).fetchall()
        known = len(reached.digests)
        if len(rows) >= MOST_FOLLOWED:
            break
        has_room = [reached.add(start, end, is_held=bool(held)) for start, end, held in rows]
        if not all(has_room):
            break
        reached.followed.update(waiting)
        waiting = list(reached.digests)[known:]
    return reached


class _Falling:
    """The search for what falls with some manifests, among what these lead to."""

    def __init__(self, reached: _Reached, facts: dict[str, _Fact], deleted: frozenset[str]) -> None:
        self._reached = reached
        self._facts = facts
        self._deleted = deleted
        self._found: set[str] = set()

    def find(self, starts: Sequence[str]) -> Freed:
        waiting, others = list(starts), set[str]()
        while waiting:
            digest = waiting.pop()
            if not self._facts[digest].is_manifest:
                others.add(digest)
            elif digest not in self._found and self._falls(digest):
                self._found.add(digest)
                waiting += self._reached.next.get(digest, ())
        blobs = [self._facts[digest] for digest in others if self._is_let_go(digest)]
        blobs = [blob for blob in blobs if blob.size is not None]
        return Freed(
            size=sum(blob.size or 0 for blob in blobs if not blob.is_shared),
            shared_size=sum(blob.size or 0 for blob in blobs if blob.is_shared),
            manifests=len(self._found),
            blobs=len(blobs),
            is_whole=self._reached.is_whole or not self._found,
        )

    def _falls(self, digest: str) -> bool:
        fact = self._facts[digest]
        if digest in self._deleted:
            return self._is_let_go(digest)
        is_kept = fact.is_subject_here and fact.subject not in self._found
        return not fact.is_tagged and not is_kept and self._is_let_go(digest)

    def _is_let_go(self, digest: str) -> bool:
        """Whether all that holds it falls."""
        if self._facts[digest].is_held:
            return False
        return self._found.issuperset(self._reached.holders.get(digest, ()))


class Freeing:
    """Freeing of space, as it would be."""

    def __init__(self, database: Database) -> None:
        self.find = looking(database, find)
