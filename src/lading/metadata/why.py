"""Why a blob or a manifest is kept: the way up to tags, or to where nothing leads further."""

from collections import deque
from collections.abc import Sequence

from lading.core import media
from lading.core.digest import Digest
from lading.core.manifest import EdgeKind
from lading.core.names import RepositoryName, Tag
from lading.core.why import KeptIn, ReferencePath, Step
from lading.metadata.noun import scanning
from lading.ports.database import Database, SqlConnection

# Repositories, ways, and manifests on them that are looked at: a base layer has thousands.
MAX_REPOSITORIES = 100
MAX_PATHS = 20
MAX_MANIFESTS = 2000

_LINKS = """
    SELECT repository_id, name, promised_at, used_at FROM links
    JOIN repositories ON repositories.id = repository_id
    WHERE links.digest = ? ORDER BY name LIMIT ?
"""
_MANIFESTS = """
    SELECT m.repository_id, name, promised_at, used_at FROM repositories
    JOIN manifests AS m ON m.repository_id = repositories.id AND m.digest = ?
    ORDER BY name LIMIT ?
"""
_MANIFEST = """
    SELECT media_type, (SELECT digest FROM manifests AS target
        WHERE target.repository_id = m.repository_id AND target.digest = m.subject),
        deleted_at, loose_at
    FROM manifests AS m WHERE repository_id = ? AND digest = ?
"""
# The kind is looked up for each: if it was read with them, SQLite would take the primary key for
# this, and look through all edges of the repository.
_HOLDERS = """
    SELECT parent, (SELECT kind FROM edges AS edge
        WHERE edge.repository_id = edges.repository_id AND edge.parent = edges.parent
            AND edge.child = edges.child)
    FROM edges WHERE repository_id = ? AND child = ? LIMIT ?
"""
_TAGS = "SELECT name FROM tags WHERE repository_id = ? AND digest = ? ORDER BY name LIMIT ?"
# How a manifest names what it holds, if that is a blob; an index of blobs is BuildKit's cache.
_BLOBS = {EdgeKind.CONFIG: "config", EdgeKind.LAYER: "layer"}

Steps = tuple[Step, ...]


def find(connection: SqlConnection, digest: Digest) -> Sequence[KeptIn]:
    """The repositories that have a blob or a manifest, each with what keeps it there."""
    links = connection.execute(_LINKS, (digest, MAX_REPOSITORIES)).fetchall()
    manifests = connection.execute(_MANIFESTS, (digest, MAX_REPOSITORIES)).fetchall()
    return [
        KeptIn(
            RepositoryName(name),
            promised_at if used_at is None else None,
            _Search(connection, repository_id).paths_to(digest),
        )
        for repository_id, name, promised_at, used_at in (*links, *manifests)
    ]


class _Search:
    """The search in one repository: what is near comes first."""

    def __init__(self, connection: SqlConnection, repository_id: int) -> None:
        self._connection = connection
        self._id = repository_id
        self._paths: list[ReferencePath] = []
        self._seen: set[str] = set()
        self._waiting: deque[tuple[str, Steps]] = deque()

    def paths_to(self, digest: Digest) -> Sequence[ReferencePath]:
        """Ways that lead to it, those from tags first."""
        self._wait(digest, ())
        while self._waiting and len(self._seen) < MAX_MANIFESTS and len(self._paths) < MAX_PATHS:
            self._look(*self._waiting.popleft())
        return sorted(self._paths, key=lambda path: path.tag is None)

    def _wait(self, digest: str, below: Steps) -> None:
        if digest not in self._seen:
            self._seen.add(digest)
            self._waiting.append((digest, below))

    def _look(self, digest: str, below: Steps) -> None:
        """Note the tags that lead to it, and go up to what holds it or what it is about."""
        row = self._connection.execute(_MANIFEST, (self._id, digest)).fetchone()
        holders = self._connection.execute(_HOLDERS, (self._id, digest, MAX_MANIFESTS)).fetchall()
        if row is None:
            for parent, kind in holders:
                self._wait(parent, (Step(_BLOBS.get(kind, "blob"), Digest(digest)), *below))
            return
        media_type, subject, deleted_at, loose_at = row
        kind = "index" if media_type in media.INDEXES else "manifest"
        steps = (Step(kind, Digest(digest)), *below)
        tags = self._connection.execute(_TAGS, (self._id, digest, MAX_PATHS)).fetchall()
        self._paths += [ReferencePath(steps, tag=Tag(tag)) for (tag,) in tags]
        for parent, _ in holders:
            self._wait(parent, steps)
        if subject is not None:
            self._wait(subject, (Step("referrer", Digest(digest)), *below))
        elif not tags and not holders:
            self._paths.append(ReferencePath(steps, deleted_at=deleted_at, loose_at=loose_at))


class Why:
    """The search for why something is kept."""

    def __init__(self, database: Database) -> None:
        self.find = scanning(database, find)
