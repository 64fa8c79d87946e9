"""What nothing needs any more: finding it, and removing its rows.

Finding is a pure read that starts from the columns that mark candidates, so it costs what there is
to collect. Removing asks the same questions again inside the transaction that removes: a push may
have come between.
"""

from collections.abc import Iterable, Sequence
from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.names import RepositoryName
from lading.metadata import links, repositories
from lading.ports import CollectionLimits, DoomedBlob, DoomedLink, DoomedManifest

_TRASHED = """
    SELECT name, digest, size, 'deleted' FROM manifests
    JOIN repositories ON repositories.id = repository_id
    WHERE deleted_at < :trash_before
"""

# A manifest pushed by digest gets its tag, or its index, a moment later: the grace covers that. One
# whose tag was moved or deleted has had its time.
_UNTAGGED = """
    SELECT name, digest, size, 'untagged' FROM manifests AS m
    JOIN repositories ON repositories.id = repository_id
    WHERE deleted_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM tags
            WHERE tags.repository_id = m.repository_id AND tags.digest = m.digest)
        AND (m.pushed_at < :now - :grace OR EXISTS (SELECT 1 FROM tag_history
            WHERE tag_history.repository_id = m.repository_id AND tag_history.digest = m.digest))
"""

# What keeps an untagged manifest: an index that holds it, or being about a manifest that is there.
_KEEPERS = """
    SELECT edges.parent FROM edges
    JOIN repositories ON repositories.id = edges.repository_id
    WHERE repositories.name = :repository AND edges.child = :digest
    UNION
    SELECT subject FROM manifests
    JOIN repositories ON repositories.id = manifests.repository_id
    WHERE repositories.name = :repository AND manifests.digest = :digest AND :untagged
        AND EXISTS (SELECT 1 FROM manifests AS target
            WHERE target.repository_id = manifests.repository_id
            AND target.digest = manifests.subject)
"""

_IS_DOOMED = {
    "deleted": f"SELECT 1 FROM ({_TRASHED}) WHERE name = :repository AND digest = :digest",
    "untagged": f"SELECT 1 FROM ({_UNTAGGED}) WHERE name = :repository AND digest = :digest",
}

# The promise ("it is there") holds until a manifest has relied on it, or for the grace.
_UNPROMISED = "(promised_at <= :now - :grace OR used_at >= promised_at)"

_LINK_CANDIDATES = f"""
    SELECT name, links.digest FROM links
    JOIN repositories ON repositories.id = repository_id
    WHERE review_at IS NOT NULL AND {_UNPROMISED}
"""
_LINKS_OF_MANIFEST = f"""
    SELECT name, links.digest FROM repositories
    JOIN edges ON edges.repository_id = repositories.id
    JOIN links ON links.repository_id = repositories.id AND links.digest = edges.child
    WHERE name = :repository AND parent = :digest AND {_UNPROMISED}
"""
_PARENTS = """
    SELECT parent FROM edges WHERE child = :digest
    AND repository_id = (SELECT id FROM repositories WHERE name = :repository)
"""


def doomed_manifests(connection: Connection, limits: CollectionLimits) -> Sequence[DoomedManifest]:
    """Manifests that would go; parents come before their children."""
    query = f"{_TRASHED} UNION ALL {_UNTAGGED}" if limits.untagged else _TRASHED
    rows = connection.execute(query, _values(limits)).fetchall()
    candidates = {
        (name, digest): DoomedManifest(RepositoryName(name), Digest(digest), size, reason)
        for name, digest, size, reason in rows
    }
    keepers = {key: _keepers(connection, doomed) for key, doomed in candidates.items()}
    while kept := [
        key
        for key in candidates
        if any((key[0], keeper) not in candidates for keeper in keepers[key])
    ]:
        for key in kept:
            del candidates[key]
    return _keepers_first(candidates, keepers)


def _keepers(connection: Connection, doomed: DoomedManifest) -> frozenset[str]:
    values = {
        "repository": doomed.repository,
        "digest": doomed.digest,
        "untagged": doomed.reason == "untagged",
    }
    return frozenset(keeper for (keeper,) in connection.execute(_KEEPERS, values))


def _keepers_first(
    candidates: dict[tuple[str, str], DoomedManifest],
    keepers: dict[tuple[str, str], frozenset[str]],
) -> Sequence[DoomedManifest]:
    """An order in which each goes after all that keep it; digests cannot form a circle."""
    ordered: dict[tuple[str, str], DoomedManifest] = {}
    waiting = dict(candidates)
    while waiting:
        ready = [
            key
            for key in waiting
            if not any((key[0], keeper) in waiting for keeper in keepers[key])
        ]
        for key in ready:
            ordered[key] = waiting.pop(key)
    return list(ordered.values())


def doomed_links(
    connection: Connection, limits: CollectionLimits, doomed: Sequence[DoomedManifest]
) -> Sequence[DoomedLink]:
    """Links that would go once the doomed manifests have gone."""
    gone = {(manifest.repository, manifest.digest) for manifest in doomed}
    found = dict.fromkeys(
        (RepositoryName(name), Digest(digest))
        for name, digest in _link_candidates(connection, limits, doomed)
    )
    return [
        DoomedLink(repository, digest)
        for repository, digest in found
        if all(
            (repository, parent) in gone
            for (parent,) in connection.execute(
                _PARENTS, {"repository": repository, "digest": digest}
            )
        )
    ]


def _link_candidates(
    connection: Connection, limits: CollectionLimits, doomed: Sequence[DoomedManifest]
) -> Iterable[tuple[str, str]]:
    values = _values(limits)
    yield from connection.execute(_LINK_CANDIDATES, values).fetchall()
    for manifest in doomed:
        identity = {"repository": manifest.repository, "digest": manifest.digest}
        yield from connection.execute(_LINKS_OF_MANIFEST, values | identity).fetchall()


def doomed_blobs(connection: Connection, doomed: Sequence[DoomedLink]) -> Sequence[DoomedBlob]:
    """Blobs that no repository would have once the doomed links have gone."""
    gone = {(link.repository, link.digest) for link in doomed}
    digests = dict.fromkeys(link.digest for link in doomed)
    unlinked = connection.execute("SELECT digest FROM blobs WHERE unlinked_at IS NOT NULL")
    digests.update(dict.fromkeys(Digest(digest) for (digest,) in unlinked.fetchall()))
    return [
        DoomedBlob(digest, size)
        for digest in digests
        if (size := _size_unless_kept(connection, digest, gone)) is not None
    ] + [
        DoomedBlob(Digest(digest), 0)
        for (digest,) in connection.execute("SELECT digest FROM deletions")
    ]


def _size_unless_kept(
    connection: Connection, digest: Digest, gone: set[tuple[RepositoryName, Digest]]
) -> int | None:
    holders = connection.execute(
        "SELECT name FROM links JOIN repositories ON id = repository_id WHERE digest = ?",
        (digest,),
    )
    if any((name, digest) not in gone for (name,) in holders):
        return None
    row = connection.execute("SELECT size FROM blobs WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else int(row[0])


def remove_manifest(
    connection: Connection, doomed: DoomedManifest, limits: CollectionLimits
) -> bool:
    """Remove a manifest and its edges if it is still doomed; what it used is to be reviewed."""
    identity = {"repository": doomed.repository, "digest": doomed.digest}
    still = connection.execute(_IS_DOOMED[doomed.reason], _values(limits) | identity).fetchone()
    if still is None or _keepers(connection, doomed):
        return False
    repository_id = repositories.find(connection, doomed.repository)
    connection.execute(
        """
        UPDATE links SET review_at = ? WHERE repository_id = ? AND digest IN
            (SELECT child FROM edges WHERE repository_id = ? AND parent = ?)
        """,
        (limits.now, repository_id, repository_id, doomed.digest),
    )
    for statement in (
        "DELETE FROM edges WHERE repository_id = ? AND parent = ?",
        "DELETE FROM manifests WHERE repository_id = ? AND digest = ?",
    ):
        connection.execute(statement, (repository_id, doomed.digest))
    return True


def remove_link(connection: Connection, doomed: DoomedLink, limits: CollectionLimits) -> bool:
    """Remove a link if no manifest needs it and no promise holds it."""
    identity = {"repository": doomed.repository, "digest": doomed.digest}
    candidate = connection.execute(
        f"SELECT 1 FROM ({_LINK_CANDIDATES}) WHERE name = :repository AND digest = :digest",
        _values(limits) | identity,
    ).fetchone()
    if candidate is None or connection.execute(_PARENTS, identity).fetchone():
        return False
    repository_id = repositories.ensure(connection, doomed.repository)
    return links.remove(connection, repository_id, doomed.digest, limits.now)


def remove_blob(connection: Connection, digest: Digest) -> bool:
    """Remove the row of a blob that no repository has, and note that its bytes are to go."""
    connection.execute(
        "INSERT INTO deletions (digest) SELECT digest FROM blobs WHERE digest = :digest"
        " AND NOT EXISTS (SELECT 1 FROM links WHERE digest = :digest) ON CONFLICT DO NOTHING",
        {"digest": digest},
    )
    connection.execute(
        "DELETE FROM blobs WHERE digest = :digest"
        " AND NOT EXISTS (SELECT 1 FROM links WHERE digest = :digest)",
        {"digest": digest},
    )
    row = connection.execute("SELECT 1 FROM deletions WHERE digest = ?", (digest,)).fetchone()
    return row is not None


def forget_deletion(connection: Connection, digest: Digest) -> None:
    """The bytes are gone."""
    connection.execute("DELETE FROM deletions WHERE digest = ?", (digest,))


def kept(
    connection: Connection, repository: RepositoryName, limits: CollectionLimits
) -> Sequence[tuple[Digest, Sequence[Digest]]]:
    """The manifests of a repository that stay, each with what it refers to."""
    doomed = {
        manifest.digest
        for manifest in doomed_manifests(connection, limits)
        if manifest.repository == repository
    }
    rows = connection.execute(
        """
        SELECT manifests.digest, child FROM manifests
        LEFT JOIN edges ON edges.repository_id = manifests.repository_id
            AND parent = manifests.digest
        WHERE manifests.repository_id = (SELECT id FROM repositories WHERE name = ?)
        ORDER BY manifests.digest
        """,
        (repository,),
    )
    found: dict[Digest, list[Digest]] = {}
    for digest, child in rows:
        children = found.setdefault(Digest(digest), [])
        if child is not None:
            children.append(Digest(child))
    return [(digest, children) for digest, children in found.items() if digest not in doomed]


def _values(limits: CollectionLimits) -> dict[str, float | bool]:
    return {
        "now": limits.now,
        "grace": limits.grace,
        "trash_before": limits.trash_before,
    }
