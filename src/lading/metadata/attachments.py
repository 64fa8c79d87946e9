"""Attachments of manifests that are gone: marked in the transaction in which they go.

An *orphan* is a tag that is made of the digest of a manifest that was in the repository, and is in
the trash or collected. A tag whose subject never was here is none: signatures may be pushed first,
or be kept in another repository than the image.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from sqlite3 import Connection

from lading.core import attachments, media
from lading.core.digest import Digest
from lading.core.garbage import Cause, DoomedManifest, DoomedTag, Limits
from lading.core.immutability import is_immutable
from lading.core.names import RepositoryName, Tag

_MARK = """
    INSERT INTO orphans (repository_id, tag, at)
    SELECT repository_id, name, ? FROM tags WHERE repository_id = ? AND name IN (?, ?, ?, ?)
    ON CONFLICT DO NOTHING
"""
_MARKED = """
    SELECT repositories.name, tag, at FROM orphans
    JOIN repositories ON repositories.id = orphans.repository_id
    JOIN tags ON tags.repository_id = orphans.repository_id AND tags.name = tag
    ORDER BY at
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


def release(connection: Connection, repository_id: int, digest: Digest, at: float) -> None:
    """A manifest is gone, to the trash or for good: mark the tags of its attachments."""
    connection.execute(_MARK, (at, repository_id, *attachments.tags_of(digest)))


def keep(connection: Connection, repository_id: int, digest: Digest) -> None:
    """A manifest is there, perhaps again: its attachments are no orphans."""
    connection.execute(
        "DELETE FROM orphans WHERE repository_id = ? AND tag IN (?, ?, ?, ?)",
        (repository_id, *attachments.tags_of(digest)),
    )


def forget(connection: Connection, repository_id: int, tag: Tag) -> None:
    """Somebody has set the tag, or taken it away."""
    connection.execute(
        "DELETE FROM orphans WHERE repository_id = ? AND tag = ?", (repository_id, tag)
    )


def find_orphans(
    connection: Connection, limits: Limits, doomed: Sequence[DoomedManifest]
) -> Sequence[DoomedTag]:
    """The orphans that a collection would take, were the doomed manifests gone."""
    if not limits.attachments:
        return ()
    candidates = chain(_marked(connection), _of_doomed(connection, doomed))
    orphans = (found for found in candidates if _may_go(connection, found, limits))
    return list(islice(orphans, limits.at_most))


def _marked(connection: Connection) -> Iterator[DoomedTag]:
    for name, tag, at in connection.execute(_MARKED):
        yield DoomedTag(RepositoryName(name), Tag(tag), attachments.subject_of(Tag(tag)), at)


def _of_doomed(connection: Connection, doomed: Sequence[DoomedManifest]) -> Iterator[DoomedTag]:
    """Those of what was deleted are marked already."""
    for manifest in (each for each in doomed if each.cause is Cause.UNTAGGED):
        names = attachments.tags_of(manifest.digest)
        for (tag,) in connection.execute(_UNMARKED, (manifest.repository, *names)):
            subject = attachments.subject_of(Tag(tag))
            yield DoomedTag(manifest.repository, Tag(tag), subject, manifest.since)


def _may_go(connection: Connection, found: DoomedTag, limits: Limits) -> bool:
    """Unless it is immutable, or only looks like an attachment."""
    if is_immutable(limits.immutable, found.repository, found.tag):
        return False
    if attachments.is_of_cosign(found.tag):
        return True
    values = {"repository": found.repository, "tag": found.tag, "subject": found.subject}
    return connection.execute(_IS_INDEX_OF_REFERRERS, values).fetchone() is not None
