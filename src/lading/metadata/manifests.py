"""Rows of manifests, and of edges: what refers to what."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from sqlite3 import Connection

from lading.core.digest import Digest
from lading.core.errors import AlreadyExists, ManifestBlobUnknown, SizeMismatch, TagImmutable
from lading.core.history import Change
from lading.core.immutability import ImmutableTags, is_immutable
from lading.core.manifest import Edge, EdgeKind, Manifest, WrongSize
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata import attachments, links, loose, repositories, tags
from lading.ports.metadata import Referrer, Referrers, StoredManifest

_BY_TAG = """
    SELECT manifests.digest, media_type, body, promised_at, used_at
    FROM repositories
    JOIN tags ON tags.repository_id = repositories.id
    JOIN manifests ON manifests.repository_id = repositories.id
        AND manifests.digest = tags.digest
    JOIN documents ON documents.id = manifests.id
    WHERE repositories.name = ? AND tags.name = ? AND deleted_at IS NULL AND lost_at IS NULL
"""
_BY_DIGEST = """
    SELECT digest, media_type, body, promised_at, used_at
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
        CASE WHEN shown THEN (SELECT annotations FROM documents WHERE documents.id = here.id) END
    FROM (
        SELECT *, deleted_at IS NULL AND lost_at IS NULL
            AND (artifact_type = :type OR :type IS NULL) AS shown
        FROM manifests
        WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
            AND subject = :subject AND digest > :after
    ) AS here ORDER BY digest LIMIT :most
"""
_SIZE_OF_MANIFEST = """
    SELECT size FROM manifests WHERE repository_id = :repository AND digest = :digest
        AND deleted_at IS NULL AND lost_at IS NULL
"""
_SIZE_OF_BLOB = """
    SELECT size FROM links JOIN blobs ON blobs.digest = links.digest
    WHERE repository_id = :repository AND links.digest = :digest AND deleted_at IS NULL
        AND lost_at IS NULL
"""
# Of what is missing, as much is listed as somebody may read.
MAX_LISTED = 100
# Referrers that are looked at in one go, be they shown or not: a read holds up all others.
MAX_LOOKED_AT = 1000


def find(
    connection: Connection, repository: RepositoryName, reference: Reference
) -> StoredManifest | None:
    """The manifest a tag points to, or the one of that digest."""
    return find_promised(connection, repository, reference, not_before=0)[0]


def find_promised(
    connection: Connection, repository: RepositoryName, reference: Reference, *, not_before: float
) -> tuple[StoredManifest | None, bool]:
    """The manifest, and whether it was promised since `not_before` and not used after that."""
    query = _BY_DIGEST if isinstance(reference, Digest) else _BY_TAG
    row = connection.execute(query, (repository, reference)).fetchone()
    if row is None:
        return None, True
    digest, media_type, body, promised_at, used_at = row
    promised = promised_at >= not_before and used_at is None
    return StoredManifest(Digest(digest), media_type, body), promised


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


def put(
    connection: Connection,
    repository: RepositoryName,
    manifest: Manifest,
    new_tags: Sequence[Tag],
    *,
    absent: Sequence[Reference],
    immutable: Sequence[ImmutableTags],
    children_required: bool,
    sizes_required: bool,
    change: Change,
) -> Sequence[WrongSize]:
    """Store a manifest with its edges, and point tags at it; what has another size than it says.

    Raises:
        AlreadyExists, TagImmutable, ManifestBlobUnknown, SizeMismatch: see `Metadata.put_manifest`.
    """
    _check_absent(connection, repository, absent)
    tags.check_movable(connection, repository, new_tags, manifest.digest, immutable)
    repository_id = repositories.ensure(connection, repository)
    used = ((edge, _use(connection, repository_id, edge, change.at)) for edge in manifest.edges)
    wrong = _check_edges(used, children_required, sizes_required)
    _insert(connection, repository_id, manifest, change.at, used=bool(new_tags))
    connection.executemany(
        "INSERT INTO edges (repository_id, parent, child, kind) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [(repository_id, manifest.digest, edge.child, edge.kind) for edge in manifest.edges],
    )
    repositories.mark_pushed(connection, repository_id, change.at)
    loose.keep_referrers(connection, repository_id, manifest.digest)
    attachments.keep(connection, repository_id, manifest.digest)
    for tag in new_tags:
        tags.point(connection, repository_id, tag, manifest.digest, change)
    if not new_tags:
        _note_untagged(connection, repository_id, manifest, change.at)
    return wrong


def _note_untagged(
    connection: Connection, repository_id: int, manifest: Manifest, now: float
) -> None:
    if loose.is_stored(connection, repository_id, manifest.subject):
        loose.keep(connection, repository_id, manifest.digest, now)
    else:
        loose.release(connection, repository_id, manifest.digest, now)


def _check_absent(
    connection: Connection, repository: RepositoryName, references: Sequence[Reference]
) -> None:
    for reference in references:
        if (there := find(connection, repository, reference)) is not None:
            raise AlreadyExists(
                f"{reference} exists already, and this push was to create it (If-None-Match: *)",
                {"reference": reference, "digest": there.digest},
            )


def require_present(
    connection: Connection,
    repository: RepositoryName,
    edges: Sequence[Edge],
    children_required: bool,
    sizes_required: bool,
) -> None:
    """Refuse at once what `put` would refuse; a read, which holds up no other push.

    Raises:
        ManifestBlobUnknown, SizeMismatch: see `Metadata.put_manifest`.
    """
    repository_id = repositories.find(connection, repository)
    sizes = ((edge, _find_size(connection, repository_id, edge)) for edge in edges)
    _check_edges(sizes, children_required, sizes_required)


def _check_edges(
    edges: Iterable[tuple[Edge, int | None]], children_required: bool, sizes_required: bool
) -> Sequence[WrongSize]:
    """Go on only if what is needed is here, each edge with the size of what it leads to."""
    missing: list[Digest] = []
    wrong: list[WrongSize] = []
    for edge, size in edges:
        if size is None:
            if edge.required and (children_required or edge.kind is not EdgeKind.MANIFEST):
                missing.append(edge.child)
        elif size != edge.size:
            wrong.append(WrongSize(edge, size))
    if missing:
        raise _unknown(missing)
    if wrong and sizes_required:
        raise SizeMismatch(str(wrong[0]), {"digest": wrong[0].edge.child, "size": wrong[0].size})
    return wrong


def _unknown(missing: Sequence[Digest]) -> ManifestBlobUnknown:
    listed = missing[:MAX_LISTED]
    message = ""
    if len(missing) > len(listed):
        message = (
            f"{len(missing)} blobs and manifests are unknown to the registry, of which the first"
            f" {len(listed)} are listed"
        )
    return ManifestBlobUnknown(message, *({"digest": digest} for digest in listed))


def _find_size(connection: Connection, repository_id: int | None, edge: Edge) -> int | None:
    """The size of what an edge leads to, if it is here."""
    values = {"repository": repository_id, "digest": edge.child}
    if edge.kind is EdgeKind.MANIFEST:
        row = connection.execute(_SIZE_OF_MANIFEST, values).fetchone()
        if row is not None:
            return int(row[0])
    row = connection.execute(_SIZE_OF_BLOB, values).fetchone()
    return None if row is None else int(row[0])


def _use(connection: Connection, repository_id: int, edge: Edge, now: float) -> int | None:
    """As `_find_size`, and it is then marked as used. The check is the touch."""
    if edge.kind is EdgeKind.MANIFEST:
        size = loose.keep(connection, repository_id, edge.child, now)
        if size is not None:
            return size
    # Children of an index can be blobs too: BuildKit's cache is an index of layers.
    return links.use(connection, repository_id, edge.child, now)


def _insert(
    connection: Connection, repository_id: int, manifest: Manifest, now: float, *, used: bool
) -> None:
    """Pushing a manifest that was deleted, or damaged, brings it back; a tag uses it at once."""
    (id_,) = connection.execute(
        """
        INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, size,
            pushed_at, promised_at, used_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (repository_id, digest) DO UPDATE SET
            media_type = excluded.media_type, artifact_type = excluded.artifact_type,
            pushed_at = excluded.pushed_at, promised_at = excluded.promised_at,
            used_at = excluded.used_at, loose_at = NULL,
            deleted_at = NULL, deleted_by = '', lost_at = NULL
        RETURNING id
        """,
        (
            repository_id,
            manifest.digest,
            manifest.media_type,
            manifest.artifact_type,
            manifest.subject,
            len(manifest.body),
            now,
            now,
            now if used else None,
        ),
    ).fetchone()
    connection.execute(
        "INSERT INTO documents (id, annotations, body) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET annotations = excluded.annotations, body = excluded.body",
        (id_, manifest.annotations, manifest.body),
    )


def delete(
    connection: Connection,
    repository: RepositoryName,
    digest: Digest,
    immutable: Sequence[ImmutableTags],
    change: Change,
) -> bool:
    """Hide a manifest and take away its tags; false if there is none.

    Raises:
        TagImmutable: see `Metadata.delete_manifest`.
    """
    if immutable:
        _check_deletable(connection, repository, digest, immutable)
    row = connection.execute(
        """
        UPDATE manifests SET deleted_at = ?, deleted_by = ?, loose_at = NULL
        WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)
            AND digest = ? AND deleted_at IS NULL
        RETURNING repository_id
        """,
        (change.at, change.actor, repository, digest),
    ).fetchone()
    if row is None:
        return False
    tags.remove_all(connection, row[0], digest, change)
    attachments.release(connection, row[0], digest, change.at)
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
) -> Referrers:
    """Live manifests whose subject this is, in the order of their digests."""
    found: list[Referrer] = []
    size, last = 0, None
    values = {"repository": repository, "subject": subject, "type": artifact_type, "after": after}
    # What is left unread would keep its view of the database open.
    with closing(connection.execute(_REFERRERS, values | {"most": MAX_LOOKED_AT})) as rows:
        for number, (digest, is_shown, *shown) in enumerate(rows, start=1):
            if is_shown:
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
