"""Rows of manifests, and of edges: what refers to what."""

from collections.abc import Sequence
from contextlib import closing
from sqlite3 import Connection
from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.errors import TagImmutable
from lading.core.history import Change
from lading.core.immutability import ImmutableTags, is_immutable
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata import attachments, tags
from lading.metadata.large import SMALL
from lading.ports.metadata import Referrer, Referrers

_ROW = f"""
    SELECT manifests.digest, media_type, promised_at, used_at, manifests.id,
        CASE WHEN length(body) <= {SMALL} THEN body END
"""
_BY_TAG = f"""{_ROW}
    FROM repositories
    JOIN tags ON tags.repository_id = repositories.id
    JOIN manifests ON manifests.repository_id = repositories.id
        AND manifests.digest = tags.digest
    JOIN documents ON documents.id = manifests.id
    WHERE repositories.name = ? AND tags.name = ? AND deleted_at IS NULL AND lost_at IS NULL
"""
_BY_DIGEST = f"""{_ROW}
    FROM repositories
    JOIN manifests ON manifests.repository_id = repositories.id
    JOIN documents ON documents.id = manifests.id
    WHERE repositories.name = ? AND digest = ? AND deleted_at IS NULL AND lost_at IS NULL
"""

_TAGS_LEADING_TO = """
    WITH RECURSIVE here (id) AS (SELECT id FROM repositories WHERE name = :repository),
    holders (digest) AS (
        SELECT :digest
        UNION
        SELECT manifests.digest FROM holders
        JOIN edges ON edges.repository_id = (SELECT id FROM here) AND child = holders.digest
        JOIN manifests ON manifests.repository_id = edges.repository_id
            AND manifests.digest = parent AND deleted_at IS NULL
    )
    SELECT name FROM holders
    JOIN tags ON repository_id = (SELECT id FROM here) AND tags.digest = holders.digest
"""

# Neither those that are not shown nor their annotations are to be read for it.
_REFERRERS = """
    SELECT digest, shown, media_type, size, artifact_type,
        CASE WHEN shown THEN (
            SELECT CASE WHEN length(annotations) <= :largest THEN annotations END
            FROM documents WHERE documents.id = here.id
        ) END
    FROM (
        SELECT *, deleted_at IS NULL AND lost_at IS NULL
            AND (artifact_type = :type OR :type IS NULL) AS shown
        FROM manifests
        WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
            AND subject = :subject AND digest > :after
    ) AS here ORDER BY digest LIMIT :most
"""
# Referrers that are looked at in one go, be they shown or not: a read holds up all others.
MAX_LOOKED_AT = 1000
# Bytes that no database has in one row.
LARGEST = 2**62


class Found(NamedTuple):
    """The row of a manifest.

    Attributes:
        promised_at: when a client was told last that it is there.
        used_at: when it was last used, if that was after the promise.
        body: its bytes, unless they are more than `SMALL`.
    """

    digest: Digest
    media_type: str
    promised_at: float
    used_at: float | None
    id: int
    body: bytes | None

    def is_promised(self, not_before: float) -> bool:
        """Whether it was promised since `not_before` and not used after that."""
        return self.promised_at >= not_before and self.used_at is None


def find(connection: Connection, repository: RepositoryName, reference: Reference) -> Found | None:
    """The manifest a tag points to, or the one of that digest."""
    query = _BY_DIGEST if isinstance(reference, Digest) else _BY_TAG
    row = connection.execute(query, (repository, reference)).fetchone()
    return None if row is None else Found(Digest(row[0]), *row[1:])


def promise(connection: Connection, repository: RepositoryName, digest: Digest, now: float) -> bool:
    """Tell a client that the manifest is there, and write that down; false if it is not."""
    row = connection.execute(
        """
        UPDATE manifests SET promised_at = ?, used_at = NULL
        WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)
            AND digest = ? AND deleted_at IS NULL AND lost_at IS NULL
        RETURNING 1
        """,
        (now, repository, digest),
    ).fetchone()
    return row is not None


def delete(
    connection: Connection,
    repository: RepositoryName,
    digest: Digest,
    immutable: Sequence[ImmutableTags],
    change: Change,
) -> bool | None:
    """Take away some tags of a manifest; if these were all, hide it. False if there is none.

    `None` if there are more tags. Each time the state is one that clients could have made.

    Raises:
        TagImmutable: see `Metadata.delete_manifest`.
    """
    if immutable:
        _check_deletable(connection, repository, digest, immutable)
    row = connection.execute(
        "SELECT id, repository_id FROM manifests WHERE digest = ? AND deleted_at IS NULL"
        " AND repository_id = (SELECT id FROM repositories WHERE name = ?)",
        (digest, repository),
    ).fetchone()
    if row is None:
        return False
    id_, repository_id = row
    if tags.remove_some(connection, repository_id, digest, change):
        return None
    connection.execute(
        "UPDATE manifests SET deleted_at = ?, deleted_by = ?, loose_at = NULL WHERE id = ?",
        (change.at, change.actor, id_),
    )
    attachments.release(connection, repository_id, digest, change.at)
    return True


def _check_deletable(
    connection: Connection,
    repository: RepositoryName,
    digest: Digest,
    immutable: Sequence[ImmutableTags],
) -> None:
    """Without it, an immutable tag would lead nowhere, or to an index of which a part is gone."""
    rows = connection.execute(_TAGS_LEADING_TO, {"repository": repository, "digest": digest})
    for (tag,) in rows:
        if is_immutable(immutable, repository, Tag(tag)):
            raise TagImmutable(
                f"the tag {tag} is immutable and leads to this manifest, so it cannot be deleted",
                {"tag": tag, "digest": digest},
            )


def referrers(
    connection: Connection,
    repository: RepositoryName,
    subject: Digest,
    *,
    artifact_type: str | None,
    after: str,
    limit: int,
    max_size: int,
    largest: int = LARGEST,
) -> Referrers | None:
    """Live manifests whose subject this is, in the order of their digests.

    `None` if that would take reading more than `largest` bytes.
    """
    found: list[Referrer] = []
    size, last = 0, None
    values = {
        "repository": repository,
        "subject": subject,
        "type": artifact_type,
        "after": after,
        "largest": largest,
    }
    # What is left unread would keep its view of the database open.
    with closing(connection.execute(_REFERRERS, values | {"most": MAX_LOOKED_AT})) as rows:
        for number, (digest, is_shown, *shown) in enumerate(rows, start=1):
            if is_shown:
                if shown[-1] is None or size > largest:
                    return None
                found.append(Referrer(Digest(digest), *shown))
                size += found[-1].shown_size
            if len(found) == limit or size > max_size or number == MAX_LOOKED_AT:
                last = Digest(digest)
                break
    return Referrers(found, last)


def with_children(
    connection: Connection, repository: RepositoryName
) -> Sequence[tuple[Digest, Sequence[Digest]]]:
    """All manifests of a repository, deleted ones too, each with what it refers to."""
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
    return list(found.items())
