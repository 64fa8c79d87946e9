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
from lading.metadata import backup_holds, orphans, references
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

LOOSE_LINK = f"links.loose_at IS NOT NULL AND {UNPROMISED}"
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


def find(connection: SqlConnection, limits: Criteria) -> Garbage:
    """All garbage, by the criteria of a collection."""
    manifests = _Manifests(connection, limits).find()
    tags = orphans.find_orphans(connection, limits, manifests)
    links = _find_links(connection, limits, manifests)
    return Garbage(manifests, tags, links, _find_blobs(connection, limits, links))


def values_of(limits: Criteria) -> dict[str, float]:
    """The limits as the parameters that the statements name."""
    return {
        "now": limits.now,
        "grace": limits.grace,
        "trash_before": limits.trash_before,
        # "If the LIMIT expression evaluates to a negative value, then there is no upper bound"
        # (sqlite.org/lang_select.html).
        "at_most": -1 if limits.at_most is None else limits.at_most,
    }


class _Manifests:
    """The search for manifests; what keeps one comes before it."""

    def __init__(self, connection: SqlConnection, limits: Criteria) -> None:
        self._connection = connection
        self._limits = limits
        self._values = values_of(limits)
        self._found: dict[tuple[int, str], GarbageManifest] = {}

    def find(self) -> Sequence[GarbageManifest]:
        for cause in (Cause.DELETED, Cause.UNTAGGED) if self._limits.untagged else (Cause.DELETED,):
            for repository_id, doomed in self._candidates(cause):
                self._add(repository_id, doomed)
                if _is_full(self._found, self._limits):
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
        while waiting and not _is_full(self._found, self._limits):
            doomed = waiting.pop()
            key = (repository_id, str(doomed.digest))
            if key not in self._found:
                self._found[key] = doomed
                waiting += self._falling(repository_id, doomed)

    def _falling(self, repository_id: int, doomed: GarbageManifest) -> Iterator[GarbageManifest]:
        rows = self._connection.execute(
            _DEPENDANTS, self._values | {"repository": repository_id, "digest": doomed.digest}
        ).fetchall()
        for digest, size, deleted_at, subject in rows:
            cause = Cause.UNTAGGED if deleted_at is None else Cause.DELETED
            since = doomed.since if deleted_at is None else deleted_at
            if self._falls(repository_id, digest, deleted_at, subject):
                yield GarbageManifest(doomed.repository, Digest(digest), size, cause, since)

    def _falls(
        self, repository_id: int, digest: str, deleted_at: float | None, subject: str | None
    ) -> bool:
        holders = self._connection.execute(_HOLDERS, (repository_id, digest))
        if any((repository_id, holder) not in self._found for (holder,) in holders):
            return False
        if deleted_at is not None:
            return deleted_at <= self._limits.trash_before
        return (
            self._limits.untagged
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
    connection: SqlConnection, limits: Criteria, doomed: Sequence[GarbageManifest]
) -> Sequence[GarbageLink]:
    """Links that no manifest needs, were the doomed ones gone."""
    gone = {(manifest.repository, manifest.digest) for manifest in doomed}
    loose = connection.execute(
        f"""
        SELECT name, links.digest FROM links
        JOIN repositories ON repositories.id = repository_id
        WHERE {LOOSE_LINK} ORDER BY loose_at LIMIT :at_most
        """,
        values_of(limits),
    )
    found = [(RepositoryName(name), Digest(digest)) for name, digest in loose]
    found += _links_of(connection, limits, doomed)
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
    connection: SqlConnection, limits: Criteria, doomed: Sequence[GarbageManifest]
) -> list[tuple[RepositoryName, Digest]]:
    found: list[tuple[RepositoryName, Digest]] = []
    for manifest in doomed:
        if _is_full(found, limits):
            break
        values = {
            "repository": _repository_id(connection, manifest.repository),
            "digest": manifest.digest,
        }
        rows = connection.execute(_LINKS_OF_MANIFEST, values_of(limits) | values)
        found += [(manifest.repository, Digest(digest)) for (digest,) in rows]
    return found


def _is_full(found: Sized, limits: Criteria) -> bool:
    return limits.at_most is not None and len(found) >= limits.at_most


def _repository_id(connection: SqlConnection, repository: RepositoryName) -> int:
    (found,) = connection.execute(
        "SELECT id FROM repositories WHERE name = ?", (repository,)
    ).fetchone()
    return int(found)


def _find_blobs(
    connection: SqlConnection, limits: Criteria, doomed: Sequence[GarbageLink]
) -> Sequence[GarbageBlob]:
    """Blobs in no repository, were the doomed links gone; and what was interrupted before."""
    interrupted = connection.execute(
        "SELECT digest FROM deletions LIMIT :at_most", values_of(limits)
    )
    again = [GarbageBlob(Digest(digest), 0, interrupted=True) for (digest,) in interrupted]
    if backup_holds.last(connection, limits.now) is not None:
        return again
    gone = {(link.repository, link.digest) for link in doomed}
    unlinked = connection.execute(
        "SELECT digest, size FROM blobs WHERE unlinked_at IS NOT NULL LIMIT :at_most",
        values_of(limits),
    )
    found = {Digest(digest): int(size) for digest, size in unlinked}
    for digest in dict.fromkeys(link.digest for link in doomed):
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
