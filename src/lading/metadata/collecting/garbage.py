"""Search for garbage: a pure read that costs what there is to find.

It starts from the columns that mark candidates, and follows what would fall with them. Rows are
read a page at a time, by their keys, and what is found waits on the disk if it is much. Removing
(`metadata.collection`) asks for the same conditions again, inside the transaction that removes.
"""

from collections.abc import Iterator, Sequence, Sized
from itertools import islice
from typing import Any

from lading.core.digest import Digest
from lading.core.garbage import Cause, Criteria, GarbageBlob, GarbageLink, GarbageManifest
from lading.core.names import RepositoryName
from lading.metadata import documents
from lading.metadata.collecting import kept_bytes, orphans
from lading.metadata.collecting.found_garbage import PAGE, Garbage
from lading.metadata.references import HELD, KEPT, TAGGED
from lading.ports.database import SqlConnection

# A promise ("it is there") holds until something has relied on it, or for the grace.
UNPROMISED = "(promised_at <= :now - :grace OR used_at IS NOT NULL)"

HAS_DOCUMENT = "EXISTS (SELECT 1 FROM documents WHERE documents.id = m.id)"
# One without a document may be a push that is not at its end.
_ENDED = f"(m.deleted_at <= :now - :grace OR {HAS_DOCUMENT})"
_TIME = {Cause.DELETED: "m.deleted_at", Cause.UNTAGGED: "m.loose_at"}
CONDITIONS = {
    # A child of an index that is stored stays, even if it was deleted itself.
    Cause.DELETED: f"m.deleted_at <= :trash_before AND NOT {HELD} AND {_ENDED}",
    Cause.UNTAGGED: f"m.loose_at <= :trash_before AND {UNPROMISED} AND NOT {KEPT}",
}

_CANDIDATES = """
    SELECT repository_id, name, m.digest, m.size, {time}, m.id FROM manifests AS m
    JOIN repositories ON repositories.id = repository_id
    WHERE {condition} AND {time} >= :after_1 AND ({time} > :after_1 OR m.id > :after_2)
    ORDER BY {time}, m.id LIMIT :page
"""
# What may fall with a manifest: what it holds, and what is about it.
_CHILDREN = """
    SELECT m.size, m.deleted_at, m.subject, edges.child FROM edges
    JOIN manifests AS m ON m.repository_id = edges.repository_id AND m.digest = edges.child
    WHERE edges.repository_id = :repository AND edges.parent = :digest AND edges.child > :after_1
    ORDER BY edges.child LIMIT :page
"""
_REFERRERS = """
    SELECT size, deleted_at, subject, digest FROM manifests
    WHERE repository_id = :repository AND subject = :digest AND digest > :after_1
    ORDER BY digest LIMIT :page
"""
_HOLDERS = """
    SELECT parent FROM edges WHERE repository_id = :repository AND child = :digest
        AND parent > :after_1
    ORDER BY parent LIMIT :page
"""
_DELETED = f"""
    SELECT 1 FROM manifests AS m WHERE repository_id = :repository AND digest = :digest
    AND deleted_at <= :trash_before AND {_ENDED}
"""
_UNUSED = f"""
    SELECT 1 FROM manifests AS m WHERE repository_id = :repository AND digest = :digest
    AND deleted_at IS NULL AND {UNPROMISED} AND NOT {TAGGED}
"""

UNREFERENCED_LINK = f"links.loose_at IS NOT NULL AND {UNPROMISED}"
_UNREFERENCED_LINKS = f"""
    SELECT name, loose_at, repository_id, links.digest FROM links
    JOIN repositories ON repositories.id = repository_id
    WHERE {UNREFERENCED_LINK} AND loose_at >= :after_1 AND (loose_at > :after_1
        OR repository_id > :after_2 OR (repository_id = :after_2 AND links.digest > :after_3))
    ORDER BY loose_at, repository_id, links.digest LIMIT :page
"""
_LINKS_OF_MANIFEST = f"""
    SELECT edges.child FROM edges
    JOIN links ON links.repository_id = edges.repository_id AND links.digest = edges.child
    WHERE edges.repository_id = :repository AND edges.parent = :digest AND {UNPROMISED}
        AND edges.child > :after_1
    ORDER BY edges.child LIMIT :page
"""

_DELETIONS = "SELECT digest FROM deletions WHERE digest > :after_1 ORDER BY digest LIMIT :page"
_UNLINKED_BLOBS = """
    SELECT size, unlinked_at, digest FROM blobs
    WHERE unlinked_at IS NOT NULL AND unlinked_at >= :after_1
        AND (unlinked_at > :after_1 OR digest > :after_2)
    ORDER BY unlinked_at, digest LIMIT :page
"""
_REPOSITORIES_WITH = """
    SELECT repository_id FROM links WHERE digest = :digest AND repository_id > :after_1
    ORDER BY repository_id LIMIT :page
"""

# A time before all that are stored.
_BEFORE_ALL = -1e18


def find(connection: SqlConnection, criteria: Criteria) -> Garbage:
    """The garbage that a collection would remove; what keeps some of it comes before that."""
    search = _GarbageSearch(connection, criteria)
    search.find_manifests()
    for orphan in orphans.find_orphans(connection, criteria, search.found.manifests):
        search.found.add_tag(orphan)
    search.find_links()
    search.find_blobs()
    return search.found


def values_of(criteria: Criteria) -> dict[str, float]:
    """The criteria as the parameters that the statements name."""
    return {"now": criteria.now, "grace": criteria.grace, "trash_before": criteria.trash_before}


class _GarbageSearch:
    """A search for garbage; what keeps some of it comes before that."""

    def __init__(self, connection: SqlConnection, criteria: Criteria) -> None:
        self.found = Garbage()
        self._connection = connection
        self._criteria = criteria
        self._values = values_of(criteria)
        # The number of the manifest up to which it is known what falls with them.
        self._followed = 0

    def find_manifests(self) -> None:
        for cause in [Cause.DELETED, *([Cause.UNTAGGED] if self._criteria.untagged else ())]:
            statement = _CANDIDATES.format(time=_TIME[cause], condition=CONDITIONS[cause])
            rows = self._pages(statement, _BEFORE_ALL, 0)
            for repository_id, name, digest, size, since, _ in rows:
                manifest = GarbageManifest(RepositoryName(name), Digest(digest), size, cause, since)
                self.found.add_manifest(repository_id, manifest)
                self._follow()
                if self._is_full(self.found.manifests):
                    break

    def _follow(self) -> None:
        """Take all that falls with what was found, unless that is more than is wanted.

        What is left out is found again once that with which it falls is gone.
        """
        for number, repository_id, manifest in self.found.manifests_after(self._followed):
            for falling in self._falling(repository_id, manifest):
                if self._is_full(self.found.manifests):
                    return
                self.found.add_manifest(repository_id, falling)
            self._followed = number

    def _falling(self, repository_id: int, manifest: GarbageManifest) -> Iterator[GarbageManifest]:
        for statement in (_CHILDREN, _REFERRERS):
            pages = self._pages(statement, "", repository=repository_id, digest=manifest.digest)
            for size, deleted_at, subject, digest in pages:
                cause = Cause.UNTAGGED if deleted_at is None else Cause.DELETED
                since = manifest.since if deleted_at is None else deleted_at
                falling = GarbageManifest(manifest.repository, Digest(digest), size, cause, since)
                if self._falls(repository_id, falling, deleted_at, subject):
                    yield falling

    def _falls(
        self,
        repository_id: int,
        manifest: GarbageManifest,
        deleted_at: float | None,
        subject: str | None,
    ) -> bool:
        if not self._is_let_go(repository_id, manifest.repository, manifest.digest):
            return False
        if deleted_at is not None:
            return self._is_there(_DELETED, repository_id, manifest.digest)
        return (
            self._criteria.untagged
            and not self._is_about_kept(repository_id, manifest.repository, subject)
            and self._is_there(_UNUSED, repository_id, manifest.digest)
        )

    def _is_there(self, statement: str, repository_id: int, digest: Digest) -> bool:
        values = self._values | {"repository": repository_id, "digest": digest}
        return self._connection.execute(statement, values).fetchone() is not None

    def _is_let_go(self, repository_id: int, repository: RepositoryName, digest: Digest) -> bool:
        """Whether all manifests that refer to something are gone, were the garbage gone."""
        holders = self._pages(_HOLDERS, "", repository=repository_id, digest=digest)
        return all(self.found.has_manifest(repository, holder) for (holder,) in holders)

    def _is_about_kept(
        self, repository_id: int, repository: RepositoryName, subject: str | None
    ) -> bool:
        if subject is None or self.found.has_manifest(repository, subject):
            return False
        return documents.find(self._connection, repository_id, subject) is not None

    def find_links(self) -> None:
        """Find the links that no manifest needs, were the garbage gone."""
        rows = self._pages(_UNREFERENCED_LINKS, _BEFORE_ALL, 0, "")
        for count, (name, _, repository_id, digest) in enumerate(rows, 1):
            self._look_at(repository_id, GarbageLink(RepositoryName(name), Digest(digest)))
            if count == self._criteria.at_most:
                return
        for _, repository_id, manifest in self.found.manifests_after(0):
            if self._is_full(self.found.links):
                return
            pages = self._pages(
                _LINKS_OF_MANIFEST, "", repository=repository_id, digest=manifest.digest
            )
            for (digest,) in islice(pages, self._criteria.at_most):
                self._look_at(repository_id, GarbageLink(manifest.repository, Digest(digest)))

    def _look_at(self, repository_id: int, link: GarbageLink) -> None:
        is_new = self.found.looks_at(repository_id, link.digest)
        if is_new and self._is_let_go(repository_id, link.repository, link.digest):
            self.found.add_link(repository_id, link)

    def find_blobs(self) -> None:
        """Find blobs in no repository, were the links gone; and what was interrupted before."""
        if kept_bytes.last(self._connection, now=self._criteria.now) is None:
            for size, _, digest in self._pages(_UNLINKED_BLOBS, _BEFORE_ALL, ""):
                self.found.add_blob(GarbageBlob(Digest(digest), size))
                if self._is_full(self.found.blobs):
                    break
            for link in self.found.links:
                self._add_if_free(link.digest)
        for count, (digest,) in enumerate(self._pages(_DELETIONS, ""), 1):
            self.found.add_blob(GarbageBlob(Digest(digest), 0, interrupted=True))
            if count == self._criteria.at_most:
                break

    def _add_if_free(self, digest: Digest) -> None:
        holders = self._pages(_REPOSITORIES_WITH, 0, digest=digest)
        if all(self.found.has_link(repository_id, digest) for (repository_id,) in holders):
            row = self._connection.execute(
                "SELECT size FROM blobs WHERE digest = ?", (digest,)
            ).fetchone()
            if row is not None:
                self.found.add_blob(GarbageBlob(digest, int(row[0])))

    def _pages(self, statement: str, *first: float | str, **names: float | str) -> Iterator[Any]:
        """The rows of a statement, a page at a time; its last columns are the key of a row.

        Args:
            first: what comes before the keys of all rows.
            names: other parameters.
        """
        after: Sequence[float | str] = first
        size = min(PAGE, self._criteria.at_most or PAGE)
        page: list[Any] = []
        while not page or len(page) == size:
            key = {f"after_{place}": value for place, value in enumerate(after, 1)}
            values = self._values | names | key | {"page": size}
            page = self._connection.execute(statement, values).fetchall()
            if not page:
                return
            yield from page
            after = page[-1][-len(first) :]

    def _is_full(self, found: Sized) -> bool:
        return self._criteria.at_most is not None and len(found) >= self._criteria.at_most
