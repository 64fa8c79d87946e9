"""Orphans: attachments of manifests that are gone, on their way into the trash.

What is about a manifest holds its digest, so no two can be about each other. Tags that say so all
the same were set by hand, and keep what they lead to as any tag does.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from lading.core import media
from lading.core.digest import Digest
from lading.core.garbage import COLLECTOR, Cause, Criteria, GarbageManifest, OrphanTag
from lading.core.history import Change
from lading.core.immutability import is_immutable
from lading.core.names import RepositoryName, Tag, attachments_of, is_of_cosign, subject_of
from lading.metadata import manifest_deletion, repositories, tags
from lading.metadata.references import HELD, TAGGED
from lading.ports.database import SqlConnection

# Manifests that one transaction puts into the trash: others wait for it.
MOST = 500

# Of tags that are marked, as they are looked at together.
_PAGE = 500
_MARKED = """
    SELECT repositories.name, at, orphans.repository_id, tag FROM orphans
    JOIN repositories ON repositories.id = orphans.repository_id
    JOIN tags ON tags.repository_id = orphans.repository_id AND tags.name = tag
    WHERE orphans.repository_id > :repository
        OR (orphans.repository_id = :repository AND tag > :tag)
    ORDER BY orphans.repository_id, tag LIMIT :page
"""
_UNMARKED = """
    SELECT tags.name FROM repositories JOIN tags ON repository_id = id
    WHERE repositories.name = ? AND tags.name IN (?, ?, ?, ?)
    AND NOT EXISTS (SELECT 1 FROM orphans WHERE orphans.repository_id = id AND tag = tags.name)
"""
# Whether a tag leads to an index, and all that this holds is about the subject.
_IS_INDEX_OF_REFERRERS = f"""
    SELECT 1 FROM repositories JOIN tags ON tags.repository_id = repositories.id
    JOIN manifests AS m ON m.repository_id = tags.repository_id AND m.digest = tags.digest
    WHERE repositories.name = :repository AND tags.name = :tag
        AND media_type IN ({", ".join(f"'{each}'" for each in sorted(media.INDEXES))})
        AND NOT EXISTS (SELECT 1 FROM edges LEFT JOIN manifests AS child
            ON child.repository_id = edges.repository_id AND child.digest = edges.child
            WHERE edges.repository_id = m.repository_id AND parent = m.digest
            AND coalesce(child.subject, '') NOT LIKE :subject || '%')
"""
# What a tag leads to that is still an orphan; and whether anything else needs that.
_ORPHAN = f"""
    SELECT m.digest, EXISTS (SELECT 1 FROM tags AS other
            WHERE other.repository_id = m.repository_id AND other.digest = m.digest
            AND other.name <> :tag)
        OR {HELD}
        OR EXISTS (SELECT 1 FROM manifests AS target
            WHERE target.repository_id = m.repository_id AND target.digest = m.subject
            AND target.deleted_at IS NULL)
    FROM repositories JOIN orphans ON orphans.repository_id = repositories.id AND tag = :tag
    JOIN tags ON tags.repository_id = orphans.repository_id AND tags.name = tag
    JOIN manifests AS m ON m.repository_id = tags.repository_id AND m.digest = tags.digest
    WHERE repositories.name = :repository
"""
# Manifests about the subject that nothing but an index of them leads to.
_ONLY_IN = f"""
    SELECT m.digest FROM repositories CROSS JOIN edges CROSS JOIN manifests AS m
    WHERE repositories.name = :repository
        AND edges.repository_id = repositories.id AND edges.parent = :digest
        AND m.repository_id = edges.repository_id AND m.digest = edges.child
        AND m.subject LIKE :subject || '%' AND m.deleted_at IS NULL
        AND NOT {TAGGED}
        AND NOT EXISTS (SELECT 1 FROM edges AS other
            WHERE other.repository_id = m.repository_id AND other.child = m.digest
            AND other.parent <> :digest)
    LIMIT :most
"""


def find_orphans(
    connection: SqlConnection, criteria: Criteria, manifests: Iterable[GarbageManifest]
) -> Iterator[OrphanTag]:
    """The orphans that a collection would take, were these manifests gone."""
    if not criteria.attachments:
        return iter(())
    candidates = chain(_marked(connection), _of_garbage(connection, manifests))
    found = (orphan for orphan in candidates if _may_go(connection, orphan, criteria))
    return islice(found, criteria.at_most)


def _marked(connection: SqlConnection) -> Iterator[OrphanTag]:
    after = (0, "")
    while True:
        values = {"repository": after[0], "tag": after[1], "page": _PAGE}
        page = connection.execute(_MARKED, values).fetchall()
        for name, at, *_, tag in page:
            yield OrphanTag(RepositoryName(name), Tag(tag), subject_of(Tag(tag)), at)
        if len(page) < _PAGE:
            return
        after = page[-1][-2:]


def _of_garbage(
    connection: SqlConnection, manifests: Iterable[GarbageManifest]
) -> Iterator[OrphanTag]:
    """The orphans of garbage; those of what was deleted are marked already."""
    for manifest in (each for each in manifests if each.cause is Cause.UNTAGGED):
        names = attachments_of(manifest.digest)
        for (tag,) in connection.execute(_UNMARKED, (manifest.repository, *names)):
            subject = subject_of(Tag(tag))
            yield OrphanTag(manifest.repository, Tag(tag), subject, manifest.since)


def _may_go(connection: SqlConnection, found: OrphanTag, criteria: Criteria) -> bool:
    """Whether a tag may go: it is not immutable, and does not only look like an attachment."""
    if is_immutable(criteria.immutable, found.repository, found.tag):
        return False
    if is_of_cosign(found.tag):
        return True
    return connection.execute(_IS_INDEX_OF_REFERRERS, _values(found)).fetchone() is not None


def trash_orphans(
    connection: SqlConnection, orphans: Sequence[OrphanTag], criteria: Criteria
) -> tuple[Sequence[OrphanTag], bool]:
    """Put attachments into the trash, where that is still right: which, and whether more wait."""
    change, left, trashed = Change(COLLECTOR, criteria.now), MOST, list[OrphanTag]()
    for orphan in orphans:
        if left == 0:
            return trashed, True
        repositories.lock(connection, orphan.repository)
        row = connection.execute(_ORPHAN, _values(orphan)).fetchone()
        if row is None:
            continue
        digest, is_needed = row
        if is_needed:
            tags.delete(connection, orphan.repository, orphan.tag, immutable=(), change=change)
        else:
            # What only this leads to goes before it, so that an interruption forgets none.
            left -= _trash_referrers(connection, orphan, digest, change, left)
            if left == 0:
                return trashed, True
            manifest_deletion.delete(connection, orphan.repository, Digest(digest), (), change)
        trashed.append(orphan)
        left -= 1
    return trashed, False


def _trash_referrers(
    connection: SqlConnection, orphan: OrphanTag, index: str, change: Change, most: int
) -> int:
    """Put some of those that only an index leads to into the trash; how many."""
    values = {**_values(orphan), "digest": index, "most": most}
    referrers = connection.execute(_ONLY_IN, values).fetchall()
    for (digest,) in referrers:
        manifest_deletion.delete(connection, orphan.repository, Digest(digest), (), change)
    return len(referrers)


def _values(orphan: OrphanTag) -> dict[str, str | int]:
    return {"repository": orphan.repository, "tag": orphan.tag, "subject": orphan.subject}
