"""Rows of exports: what the links of another registry are to say, and what they said last.

The rows of an adoption (`adoptions`, beside this) are those of an export as well: what was written
into the volume is what its links say from then on.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from lading.core.digest import Digest
from lading.core.moving import AdoptedMove, ExportedManifest, ExportedTag
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, documents, repositories
from lading.metadata.moving import adopted_manifests, adopted_tags
from lading.metadata.noun import reading, scanning, writing
from lading.ports.database import Database, SqlConnection

# Indexes come after what they hold, of which some are indexes themselves.
RANKS: Final = 3

_LIVE = "deleted_at IS NULL AND lost_at IS NULL"
_CHILDREN = """SELECT child FROM edges
    WHERE edges.repository_id = m.repository_id AND parent = m.digest AND kind = 'manifest'"""
_RANK = f"""CASE
    WHEN NOT EXISTS ({_CHILDREN}) THEN 0
    WHEN NOT EXISTS (SELECT 1 FROM edges AS e WHERE e.repository_id = m.repository_id
        AND kind = 'manifest' AND parent IN ({_CHILDREN})) THEN 1
    ELSE 2 END"""
_MANIFESTS = f"""
    SELECT m.id, digest, size, pushed_at FROM manifests AS m
    WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
        AND m.id > :after AND {_LIVE} AND {_RANK} = :rank
        AND EXISTS (SELECT 1 FROM documents WHERE documents.id = m.id)
    ORDER BY m.id LIMIT :most
"""
_BLOBS = f"""
    SELECT links.digest FROM links JOIN blobs ON blobs.digest = links.digest
    WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND links.digest > ?
        AND {_LIVE}
    ORDER BY links.digest LIMIT ?
"""
_TAGS = f"""
    SELECT name, tags.digest, updated_at FROM tags
    JOIN manifests AS m ON m.repository_id = tags.repository_id AND m.digest = tags.digest
    WHERE tags.repository_id = :repository AND name > :after AND {_LIVE}
    ORDER BY name LIMIT :most
"""
# What of it is still there.
_MOVES = f"""
    SELECT tag, h.digest, max(at) FROM tag_history AS h
    JOIN manifests AS m ON m.repository_id = h.repository_id AND m.digest = h.digest
    WHERE h.repository_id = :repository AND tag IN (SELECT key FROM json_each(:tags)) AND {_LIVE}
    GROUP BY tag, h.digest ORDER BY tag, 3
"""
_STALE_TAGS = """
    SELECT name, digest FROM adopted_tags AS seen
    WHERE repository_id = :repository AND name > :after AND NOT EXISTS (SELECT 1 FROM tags
        WHERE tags.repository_id = seen.repository_id AND tags.name = seen.name)
    ORDER BY name LIMIT :most
"""
_STALE_MANIFESTS = """
    SELECT digest FROM adopted_manifests AS seen
    WHERE repository_id = :repository AND digest > :after AND NOT EXISTS (SELECT 1 FROM manifests
        WHERE manifests.repository_id = seen.repository_id AND manifests.digest = seen.digest
        AND deleted_at IS NULL)
    ORDER BY digest LIMIT :most
"""
# Of repositories: that something is, or was, exported, and that links say something else than rows.
_HAS_LINKS = """pushed_at IS NOT NULL
    OR EXISTS (SELECT 1 FROM adopted_tags WHERE repository_id = r.id)
    OR EXISTS (SELECT 1 FROM adopted_manifests WHERE repository_id = r.id)
"""
_HAS_CHANGED = """
        EXISTS (SELECT 1 FROM tags AS t WHERE t.repository_id = r.id
            AND NOT EXISTS (SELECT 1 FROM adopted_tags AS seen
                WHERE seen.repository_id = r.id AND seen.name = t.name AND seen.digest = t.digest))
        OR EXISTS (SELECT 1 FROM adopted_tags AS seen WHERE seen.repository_id = r.id
            AND NOT EXISTS (SELECT 1 FROM tags AS t
                WHERE t.repository_id = r.id AND t.name = seen.name))
        OR EXISTS (SELECT 1 FROM manifests AS m JOIN documents ON documents.id = m.id
            WHERE m.repository_id = r.id AND deleted_at IS NULL AND lost_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM adopted_manifests AS seen
                WHERE seen.repository_id = r.id AND seen.digest = m.digest))
        OR EXISTS (SELECT 1 FROM adopted_manifests AS seen WHERE seen.repository_id = r.id
            AND NOT EXISTS (SELECT 1 FROM manifests AS m WHERE m.repository_id = r.id
                AND m.digest = seen.digest AND deleted_at IS NULL))
"""
# Another row whenever a link has to change: every move of a tag is recorded; manifests come with
# greater ids, and go to the trash and come back from there.
_LAST_CHANGE = """
    SELECT (SELECT max(id) FROM tag_history), (SELECT max(id) FROM manifests),
        count(*), max(deleted_at) FROM manifests WHERE deleted_at IS NOT NULL
"""


def list_repositories(connection: SqlConnection, *, after: str) -> Sequence[RepositoryName]:
    """Repositories that have a manifest, or had one that was exported; in order, some."""
    return repositories.those(connection, _HAS_LINKS, after=after)


def list_changed(connection: SqlConnection, *, after: str) -> Sequence[RepositoryName]:
    """Repositories whose links do not say what they should; in order, some."""
    return repositories.those(connection, _HAS_CHANGED, after=after)


def last_change(connection: SqlConnection) -> tuple[object, ...]:
    """Something that is another thing whenever links may have to change; costs nothing much."""
    return tuple(connection.execute(_LAST_CHANGE).fetchone())


def list_blobs(
    connection: SqlConnection, repository: RepositoryName, *, after: str
) -> Sequence[Digest]:
    """Blobs of a repository whose bytes are there; in order, some."""
    rows = connection.execute(_BLOBS, (repository, after, batches.MOST_ROWS)).fetchall()
    return [Digest(digest) for (digest,) in rows]


def list_manifests(
    connection: SqlConnection, repository: RepositoryName, *, rank: int, after: int
) -> Sequence[ExportedManifest]:
    """Manifests of a repository, by their keys, some.

    Args:
        rank: 0 for those that hold no other manifest, then those that hold these, then all else.
        after: the key of the last one that was listed.
    """
    values = {"repository": repository, "rank": rank, "after": after, "most": batches.MOST_ROWS}
    rows = connection.execute(_MANIFESTS, values).fetchall()
    return [ExportedManifest(key, Digest(digest), size, at) for key, digest, size, at in rows]


def list_tags(
    connection: SqlConnection, repository: RepositoryName, *, after: str
) -> Sequence[ExportedTag]:
    """Tags of a repository, each with what it has pointed to; in order, some."""
    here = {"repository": repositories.find(connection, repository), "most": batches.MOST_ROWS}
    rows = connection.execute(_TAGS, here | {"after": after}).fetchall()
    moves: dict[str, list[AdoptedMove]] = {name: [] for name, *_ in rows}
    for tag, digest, at in connection.execute(_MOVES, here | {"tags": batches.keys(moves)}):
        moves[tag].append(AdoptedMove(Digest(digest), at))
    return [
        ExportedTag(
            Tag(name),
            [
                *(move for move in moves[name] if move.digest != digest),
                AdoptedMove(Digest(digest), at),
            ],
        )
        for name, digest, at in rows
    ]


def list_stale_tags(
    connection: SqlConnection, repository: RepositoryName, *, after: str
) -> Mapping[Tag, str]:
    """Tags whose links were there and that are deleted here, with what they said; some."""
    rows = connection.execute(_STALE_TAGS, _after(connection, repository, after)).fetchall()
    return {Tag(name): digest for name, digest in rows}


def list_stale_manifests(
    connection: SqlConnection, repository: RepositoryName, *, after: str
) -> Sequence[Digest]:
    """Manifests whose links were there and that are deleted here; some."""
    rows = connection.execute(_STALE_MANIFESTS, _after(connection, repository, after)).fetchall()
    return [Digest(digest) for (digest,) in rows]


def see_manifests(
    connection: SqlConnection, repository: RepositoryName, digests: Sequence[Digest]
) -> None:
    """Note that there are links to manifests."""
    repository_id = repositories.lock(connection, repository)
    adopted_manifests.see_manifests(connection, repository_id, digests)


def see_tags(
    connection: SqlConnection, repository: RepositoryName, tags: Mapping[Tag, AdoptedMove]
) -> None:
    """Note what the links of tags say, and when they were written."""
    repository_id = repositories.lock(connection, repository)
    moves = [(tag, move.digest, move.at) for tag, move in tags.items()]
    adopted_tags.see_tags(connection, repository_id, moves)


def forget_links(
    connection: SqlConnection,
    repository: RepositoryName,
    *,
    tags: Sequence[Tag] = (),
    manifests: Sequence[Digest] = (),
) -> None:
    """Note that links are there no more."""
    here = {"repository": repositories.lock(connection, repository)}
    for table, column, names in (
        ("adopted_tags", "name", tags),
        ("adopted_manifests", "digest", manifests),
    ):
        connection.execute(
            f"DELETE FROM {table} WHERE repository_id = :repository"
            f" AND {column} IN (SELECT key FROM json_each(:names))",
            here | {"names": batches.keys(names)},
        )


def _after(
    connection: SqlConnection, repository: RepositoryName, after: str
) -> dict[str, int | str | None]:
    return {
        "repository": repositories.find(connection, repository),
        "after": after,
        "most": batches.MOST_ROWS,
    }


class Exports:
    """Exports: what links are to say, and what they said."""

    def __init__(self, database: Database) -> None:
        self.list_repositories = scanning(database, list_repositories)
        self.list_changed = scanning(database, list_changed)
        self.last_change = reading(database, last_change)
        self.list_blobs = scanning(database, list_blobs)
        self.list_manifests = scanning(database, list_manifests)
        self.find_body = scanning(database, documents.read)
        self.list_tags = scanning(database, list_tags)
        self.list_stale_tags = scanning(database, list_stale_tags)
        self.list_stale_manifests = scanning(database, list_stale_manifests)
        self.see_manifests = writing(database, see_manifests)
        self.see_tags = writing(database, see_tags)
        self.forget_links = writing(database, forget_links)
