"""Search for garbage: a pure read that costs what there is to find.

It starts from the columns that mark candidates, and follows what would fall with them. Removing
(`metadata.collection`) asks for the same conditions again, inside the transaction that removes.
"""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.garbage import (
    Cause,
    Criteria,
    GarbageBlob,
    GarbageLink,
    GarbageManifest,
    OrphanTag,
)
from lading.core.names import RepositoryName
from lading.metadata import backup_holds, batches, orphans, references
from lading.metadata.references import KEPT
from lading.ports.database import SqlConnection

# A promise ("it is there") holds until something has relied on it, or for the grace.
UNPROMISED = "(promised_at <= :now - :grace OR used_at IS NOT NULL)"

HAS_DOCUMENT = "EXISTS (SELECT 1 FROM documents WHERE documents.id = m.id)"
_HELD = """EXISTS (SELECT 1 FROM edges
    WHERE edges.repository_id = m.repository_id AND edges.child = m.digest)"""
_TIME = {Cause.DELETED: "m.deleted_at", Cause.UNTAGGED: "m.loose_at"}
CONDITIONS = {
    # A child of an index that is stored stays, even if it was deleted itself.
    # One without a document may be a push that is not at its end.
    Cause.DELETED: f"m.deleted_at <= :trash_before AND NOT {_HELD}"
    f" AND (m.deleted_at <= :now - :grace OR {HAS_DOCUMENT})",
    Cause.UNTAGGED: f"m.loose_at <= :trash_before AND {UNPROMISED} AND NOT {KEPT}",
}

# What may fall with a manifest: what it holds, and what is about it.
_DEPENDANTS = """
    SELECT m.digest, m.size, m.deleted_at, m.subject FROM edges
    JOIN manifests AS m ON m.repository_id = edges.repository_id AND m.digest = edges.child
    WHERE edges.repository_id = :repository AND edges.parent = :digest
    UNION
    SELECT digest, size, deleted_at, subject FROM manifests
    WHERE repository_id = :repository AND subject = :digest
    LIMIT :at_most
"""
_HOLDERS = "SELECT parent FROM edges WHERE repository_id = ? AND child = ?"
_UNUSED = f"""
    SELECT 1 FROM manifests AS m WHERE repository_id = :repository AND digest = :digest
    AND deleted_at IS NULL AND {UNPROMISED} AND NOT EXISTS (SELECT 1 FROM tags
        WHERE tags.repository_id = m.repository_id AND tags.digest = m.digest)
"""

UNREFERENCED_LINK = f"links.loose_at IS NOT NULL AND {UNPROMISED}"
_LINKS_OF_MANIFEST = f"""
    SELECT links.digest FROM edges
    JOIN links ON links.repository_id = edges.repository_id AND links.digest = edges.child
    WHERE edges.repository_id = :repository AND edges.parent = :digest AND {UNPROMISED}
    LIMIT :at_most
"""


@dataclass(frozen=True, slots=True)
class Garbage:
    """The garbage that a collection removes."""

    manifests: Sequence[GarbageManifest]
    tags: Sequence[OrphanTag]
    links: Sequence[GarbageLink]
    blobs: Sequence[GarbageBlob]


def find(connection: SqlConnection, criteria: Criteria) -> Garbage:
    """The garbage that a collection would remove; what keeps some of it comes before that."""
    manifests = _Manifests(connection, criteria).find()
    tags = orphans.find_orphans(connection, criteria, manifests)
    links = _find_links(connection, criteria, manifests)
    return Garbage(manifests, tags, links, _find_blobs(connection, criteria, links))


def values_of(criteria: Criteria) -> dict[str, float]:
    """The criteria as the parameters that the statements name."""
    return {
        "now": criteria.now,
        "grace": criteria.grace,
        "trash_before": criteria.trash_before,
        "at_most": batches.NO_LIMIT if criteria.at_most is None else criteria.at_most,
    }


class _Manifests:
    """The search for manifests; what keeps one comes before it."""

    def __init__(self, connection: SqlConnection, criteria: Criteria) -> None:
        self._connection = connection
        self._criteria = criteria
        self._values = values_of(criteria)
        self._found: dict[tuple[int, str], GarbageManifest] = {}

    def find(self) -> Sequence[GarbageManifest]:
        causes = [Cause.DELETED, *([Cause.UNTAGGED] if self._criteria.untagged else ())]
        for cause in causes:
            for repository_id, manifest in self._candidates(cause):
                self._add(repository_id, manifest)
                if _is_full(self._found, self._criteria):
                    break
        return list(self._found.values())

    def _candidates(self, cause: Cause) -> list[tuple[int, GarbageManifest]]:
        rows = self._connection.execute(
            f"""
            SELECT repository_id, name, m.digest, m.size, {_TIME[cause]} FROM manifests AS m
            JOIN repositories ON repositories.id = repository_id
            WHERE {CONDITIONS[cause]} ORDER BY {_TIME[cause]} LIMIT :at_most
            """,
            self._values,
        )
        return [
            (
                repository_id,
                GarbageManifest(RepositoryName(name), Digest(digest), size, cause, since),
            )
            for repository_id, name, digest, size, since in rows
        ]

    def _add(self, repository_id: int, first: GarbageManifest) -> None:
        """Take a manifest, and all that falls with it, unless that is more than is wanted.

        What is left out is found again once that with which it falls is gone.
        """
        waiting = [first]
        while waiting and not _is_full(self._found, self._criteria):
            manifest = waiting.pop()
            key = (repository_id, str(manifest.digest))
            if key not in self._found:
                self._found[key] = manifest
                waiting += self._falling(repository_id, manifest)

    def _falling(self, repository_id: int, manifest: GarbageManifest) -> Iterator[GarbageManifest]:
        rows = self._connection.execute(
            _DEPENDANTS, self._values | {"repository": repository_id, "digest": manifest.digest}
        ).fetchall()
        for digest, size, deleted_at, subject in rows:
            cause = Cause.UNTAGGED if deleted_at is None else Cause.DELETED
            since = manifest.since if deleted_at is None else deleted_at
            if self._falls(repository_id, digest, deleted_at, subject):
                yield GarbageManifest(manifest.repository, Digest(digest), size, cause, since)

    def _falls(
        self, repository_id: int, digest: str, deleted_at: float | None, subject: str | None
    ) -> bool:
        holders = self._connection.execute(_HOLDERS, (repository_id, digest))
        if any((repository_id, holder) not in self._found for (holder,) in holders):
            return False
        if deleted_at is not None:
            return deleted_at <= self._criteria.trash_before
        return (
            self._criteria.untagged
            and not self._is_about_kept(repository_id, subject)
            and self._connection.execute(
                _UNUSED, self._values | {"repository": repository_id, "digest": digest}
            ).fetchone()
            is not None
        )

    def _is_about_kept(self, repository_id: int, subject: str | None) -> bool:
        if subject is None or (repository_id, subject) in self._found:
            return False
        return references.is_stored(self._connection, repository_id, Digest(subject))


def _find_links(
    connection: SqlConnection, criteria: Criteria, manifests: Sequence[GarbageManifest]
) -> Sequence[GarbageLink]:
    """Links that no manifest needs, were these gone."""
    gone = {(manifest.repository, manifest.digest) for manifest in manifests}
    unreferenced = connection.execute(
        f"""
        SELECT name, links.digest FROM links
        JOIN repositories ON repositories.id = repository_id
        WHERE {UNREFERENCED_LINK} ORDER BY loose_at LIMIT :at_most
        """,
        values_of(criteria),
    )
    found = [(RepositoryName(name), Digest(digest)) for name, digest in unreferenced]
    found += _links_of(connection, criteria, manifests)
    return [
        GarbageLink(repository, digest)
        for repository, digest in dict.fromkeys(found)
        if all(
            (repository, holder) in gone
            for (holder,) in connection.execute(
                _HOLDERS, (_repository_id(connection, repository), digest)
            )
        )
    ]


def _links_of(
    connection: SqlConnection, criteria: Criteria, manifests: Sequence[GarbageManifest]
) -> list[tuple[RepositoryName, Digest]]:
    found: list[tuple[RepositoryName, Digest]] = []
    for manifest in manifests:
        if _is_full(found, criteria):
            break
        values = {
            "repository": _repository_id(connection, manifest.repository),
            "digest": manifest.digest,
        }
        rows = connection.execute(_LINKS_OF_MANIFEST, values_of(criteria) | values)
        found += [(manifest.repository, Digest(digest)) for (digest,) in rows]
    return found


def _is_full(found: Sized, criteria: Criteria) -> bool:
    return criteria.at_most is not None and len(found) >= criteria.at_most


def _repository_id(connection: SqlConnection, repository: RepositoryName) -> int:
    (found,) = connection.execute(
        "SELECT id FROM repositories WHERE name = ?", (repository,)
    ).fetchone()
    return int(found)


def _find_blobs(
    connection: SqlConnection, criteria: Criteria, links: Sequence[GarbageLink]
) -> Sequence[GarbageBlob]:
    """Blobs in no repository, were these links gone; and what was interrupted before."""
    interrupted = connection.execute(
        "SELECT digest FROM deletions LIMIT :at_most", values_of(criteria)
    )
    again = [GarbageBlob(Digest(digest), 0, interrupted=True) for (digest,) in interrupted]
    if backup_holds.last(connection, now=criteria.now) is not None:
        return again
    gone = {(link.repository, link.digest) for link in links}
    unlinked = connection.execute(
        "SELECT digest, size FROM blobs WHERE unlinked_at IS NOT NULL LIMIT :at_most",
        values_of(criteria),
    )
    found = {Digest(digest): int(size) for digest, size in unlinked}
    for digest in dict.fromkeys(link.digest for link in links):
        size = _size_if_free(connection, digest, gone)
        if size is not None:
            found[digest] = size
    return [*(GarbageBlob(digest, size) for digest, size in found.items()), *again]


def _size_if_free(
    connection: SqlConnection, digest: Digest, gone: set[tuple[RepositoryName, Digest]]
) -> int | None:
    holders = connection.execute(
        "SELECT name FROM links JOIN repositories ON id = repository_id WHERE digest = ?",
        (digest,),
    )
    if any((name, digest) not in gone for (name,) in holders):
        return None
    row = connection.execute("SELECT size FROM blobs WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else int(row[0])
