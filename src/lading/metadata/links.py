"""Rows of blobs, of links, and of uploads that became blobs, which stay for those who ask again.

A link says that a repository has a blob. They come here, and go; `linked_blobs` finds them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lading.core.digest import Digest
from lading.core.errors import BlobInUse
from lading.core.history import Change
from lading.core.names import RepositoryName, UploadKey
from lading.metadata import linked_blobs, repositories
from lading.metadata.attempts import Attempts
from lading.metadata.linked_blobs import LinkedBlob
from lading.metadata.noun import looking, reading, together, writing
from lading.metadata.read_only import IS_ON, if_writable, require_off
from lading.ports.database import COUNTED, Database, SqlConnection, Work
from lading.ports.uploads import Becoming

_KNOW = """
    INSERT INTO blobs (digest, size, created_at) VALUES (:digest, {size}, :now)
    ON CONFLICT (digest) DO UPDATE
    SET size = excluded.size, lost_at = NULL, unlinked_at = NULL
"""
_KEEP = "DELETE FROM deletions WHERE digest = :digest"
_COMMIT = """
    INSERT INTO committed_uploads (upload, digest, at) VALUES (:upload, :digest, :now)
    ON CONFLICT (upload) DO UPDATE SET digest = excluded.digest, at = excluded.at
"""

# Does nothing if the repository is new.
_LINK = """
    INSERT INTO links (repository_id, digest, promised_at, loose_at)
    SELECT id, :digest, :now, :now FROM repositories WHERE name = :repository
    ON CONFLICT (repository_id, digest)
    DO UPDATE SET promised_at = excluded.promised_at, used_at = NULL, deleted_at = NULL
"""
_ADD = {"known": _KNOW.format(size=":size"), "kept": _KEEP, "linked": f"{_LINK} {COUNTED}"}
_ADD_PUSHED = {"read_only": IS_ON, **_ADD, "committed": _COMMIT}
_MOUNT = {"read_only": IS_ON, "linked": f"{_LINK} {COUNTED}"}

# Whoever removes a link does so after all who add one of that blob, or before them. It has the link
# before the blob, as those have: else each waits for the other.
_LOCK = """
    SELECT repositories.id FROM repositories
    JOIN links ON links.repository_id = repositories.id AND links.digest = :digest
    JOIN blobs ON blobs.digest = links.digest WHERE name = :repository
    /*! FOR NO KEY UPDATE OF repositories FOR UPDATE OF links FOR UPDATE OF blobs */
"""

_USER = """
    SELECT parent FROM edges JOIN manifests AS m
    ON m.repository_id = edges.repository_id AND m.digest = edges.parent
    WHERE edges.repository_id = ? AND child = ?
"""
# One without a document may be about to be live.
_LIVE_USER = f"""{_USER} AND (deleted_at IS NULL
    OR NOT EXISTS (SELECT 1 FROM documents WHERE documents.id = m.id))
"""


def add_blob(
    connection: SqlConnection, repository: RepositoryName, digest: Digest, size: int, now: float
) -> None:
    """Put a blob, whose bytes are stored, into the repository."""
    values = {"repository": repository, "digest": digest, "size": size, "now": now}
    _add(connection, repository, _ADD, values)


def _add(
    connection: SqlConnection,
    repository: RepositoryName,
    statements: Mapping[str, str],
    values: Mapping[str, Any],
) -> Mapping[str, Sequence[Any]]:
    """Run statements, one of which links a blob, and another may ask whether that is refused."""
    returned = connection.execute_together(statements, values)
    require_off(returned.get("read_only"))
    if not returned["linked"]:
        repositories.add(connection, repository)  # it was not there
        connection.execute(_LINK, values)
    return returned


def mount(
    connection: SqlConnection,
    repository: RepositoryName,
    digest: Digest,
    *,
    source: RepositoryName,
    change: Change,
) -> bool:
    """Put a blob of `source` into `repository`, or `ReadOnly`; false if it is not there."""
    if linked_blobs.find(connection, source, digest) is None:
        return False
    values = {"repository": repository, "digest": digest, "now": change.at}
    _add(connection, repository, _MOUNT, values)
    # Somebody may have removed the last link since it was found.
    connection.execute(
        "UPDATE blobs SET unlinked_at = NULL WHERE digest = ? AND unlinked_at IS NOT NULL",
        (digest,),
    )
    return True


def delete(
    connection: SqlConnection, repository: RepositoryName, digest: Digest, *, change: Change
) -> bool:
    """Delete a blob from the repository; false if it is not there.

    What a manifest in the trash needs is hidden only, to be restored with it.

    Raises:
        BlobInUse: a manifest of the repository needs it.
    """
    repository_id = lock(connection, repository, digest)
    if repository_id is None or linked_blobs.find(connection, repository, digest) is None:
        return False
    repositories.mark_changed(connection, [repository])
    values = (repository_id, digest)
    live = connection.execute(_LIVE_USER, values).fetchone()
    if live is not None:
        raise BlobInUse(
            f"manifest {live[0]} needs this blob; delete the manifest first",
            {"digest": digest, "manifest": live[0]},
        )
    if connection.execute(_USER, values).fetchone() is not None:
        connection.execute(
            "UPDATE links SET deleted_at = ? WHERE repository_id = ? AND digest = ?",
            (change.at, repository_id, digest),
        )
        return True
    return remove(connection, repository_id, digest, change.at)


def lock(connection: SqlConnection, repository: RepositoryName, digest: Digest) -> int | None:
    """The id of the repository, before a link is removed; `None` if that is not there."""
    row = connection.execute(_LOCK, {"repository": repository, "digest": digest}).fetchone()
    return None if row is None else int(row[0])


def remove(connection: SqlConnection, repository_id: int, digest: Digest, now: float) -> bool:
    """Remove a link, after `lock`, and note if it was the blob's last; false if there is none."""
    removed = connection.execute(
        "DELETE FROM links WHERE repository_id = ? AND digest = ?", (repository_id, digest)
    ).rowcount
    connection.execute(
        "UPDATE blobs SET unlinked_at = ? WHERE digest = ?"
        " AND NOT EXISTS (SELECT 1 FROM links WHERE links.digest = blobs.digest)",
        (now, digest),
    )
    return removed > 0


def committed(connection: SqlConnection, upload: UploadKey) -> Digest | None:
    """The blob that an upload became, for those who did not get the answer; for a while."""
    row = connection.execute(
        "SELECT digest FROM committed_uploads WHERE upload = ?", (upload,)
    ).fetchone()
    return None if row is None else Digest(row[0])


def remove_committed(connection: SqlConnection, *, before: float, at_most: int) -> int:
    """Remove uploads that became blobs before that time, for which nobody asks again; how many."""
    return connection.execute(
        "DELETE FROM committed_uploads WHERE upload IN"
        " (SELECT upload FROM committed_uploads WHERE at <= ? LIMIT ?)",
        (before, at_most),
    ).rowcount


class Links:
    """Links: the blobs of repositories."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        self._database = database
        self._attempts = attempts
        self.find_placed = together(database, linked_blobs.find, linked_blobs.find_together)
        self.mount = writing(database, mount)
        self.delete = writing(database, if_writable(delete))
        self.committed = reading(database, committed)
        self.remove_committed = writing(database, remove_committed, durable=False)
        self.repositories_with = reading(database, linked_blobs.repositories_with)
        self.is_stored = reading(database, linked_blobs.is_stored)
        self.sharing = looking(database, linked_blobs.sharing)
        self.sizes_here = reading(database, linked_blobs.sizes_here)

    async def find(self, repository: RepositoryName, digest: Digest) -> int | None:
        """The size in bytes of a blob that is linked in the repository."""
        found = await self.find_placed(repository, digest)
        return None if found is None else found.size

    async def promise(
        self, repository: RepositoryName, digest: Digest, *, now: float, grace: float
    ) -> LinkedBlob | None:
        """A blob, which is then safe from collection for at least half of `grace`.

        "It is there" is a promise, see `Attempts.promise`: the client will skip the upload.
        """
        found = await self.find_placed(repository, digest)
        if found is None or found.is_promised(now - grace / 2):
            return found
        is_there = await self._attempts.promise(
            lambda connection: linked_blobs.promise(connection, repository, digest, now)
        )
        return found if is_there else None

    async def add(
        self,
        repository: RepositoryName,
        digest: Digest,
        blob: int | Becoming,
        *,
        upload: UploadKey,
        change: Change,
        lock: Work[bool] | None = None,
    ) -> bool:
        """Put a blob, which the upload became, into the repository; false if it is locked.

        Args:
            blob: how many bytes it has; or, if it is none yet, how the upload becomes it, in the
                same transaction.
            lock: what locks the digest in that transaction, unless the caller has it locked.

        Raises:
            ReadOnly: the registry is.
        """
        statements = _ADD_PUSHED
        values: dict[str, Any] = {
            "repository": str(repository),  # as plain text, see `linked_blobs.find`
            "digest": str(digest),
            "upload": str(upload),
            "now": change.at,
        }
        if isinstance(blob, int):
            values["size"] = blob
        else:  # its size is asked for before its statements change it
            known = _KNOW.format(size=blob.size)
            statements = {**statements, "known": known, **blob.statements}
            values |= blob.values

        def work(connection: SqlConnection) -> bool:
            if lock is not None and not lock(connection):
                return False
            returned = _add(connection, repository, statements, values)
            if not isinstance(blob, int):
                blob.require(connection, returned)
            return True

        return await self._database.write(work)
