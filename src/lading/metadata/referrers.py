"""Referrers: which manifests are about which."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Concatenate

from lading.core.digest import Digest
from lading.core.manifest_document import annotations_of
from lading.core.names import RepositoryName
from lading.core.typing import P, T
from lading.metadata import batches, documents
from lading.metadata.manifest_rows import SMALL
from lading.ports.database import Database, SqlConnection

# Neither annotations nor, of those that are not shown, their length is to be read for it.
_REFERRERS = """
    SELECT id, shown, CASE WHEN shown THEN (
            SELECT CASE WHEN length(annotations) > 0 THEN length(annotations) ELSE size END
            FROM documents WHERE documents.id = here.id) END,
        digest, media_type, size, artifact_type
    FROM (
        SELECT *, deleted_at IS NULL AND lost_at IS NULL
            AND (artifact_type = :type OR :type IS NULL) AS shown
        FROM manifests
        WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
            AND subject = :subject AND digest > :after
    ) AS here ORDER BY digest LIMIT :most
"""
_ANNOTATIONS = """
    SELECT id, annotations, CASE WHEN length(annotations) = 0 THEN body END FROM documents
    WHERE id IN (SELECT CAST(key AS BIGINT) FROM json_each(?))
"""
# Referrers that are looked at in one go, be they shown or not: a read holds up all others.
MAX_LOOKED_AT = 1000
# Bytes that no database has in one row.
LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Referrer:
    """A referrer, as the referrers list shows it.

    Attributes:
        annotations: an object of JSON; there may be MiBs of them, which nobody here reads.
    """

    digest: Digest
    media_type: str
    size: int
    artifact_type: str
    annotations: bytes

    @property
    def shown_size(self) -> int:
        """Bytes of the referrer that a client chose."""
        return len(self.media_type) + len(self.artifact_type) + len(self.annotations)


@dataclass(frozen=True, slots=True)
class Referrers:
    """A piece of the list of referrers, and the digest after which the next one is, if any."""

    items: Sequence[Referrer]
    last: Digest | None


def small_first(
    database: Database, work: Callable[Concatenate[SqlConnection, int, P], T | None]
) -> Callable[P, Coroutine[Any, Any, T]]:
    """A call that runs `work` as a short read, if it need not read much, else as a long one.

    Args:
        work: is told how many bytes it may read; returns `None` if it would have to read more.
    """

    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        found = await database.read(work, SMALL, *args, **kwargs)
        if found is None:
            found = await database.scan(
                lambda connection: work(connection, LARGEST, *args, **kwargs)
            )
            assert found is not None  # as there is no largest
        return found

    return call


def of_subject(
    connection: SqlConnection,
    largest: int,
    repository: RepositoryName,
    subject: Digest,
    *,
    artifact_type: str | None,
    after: str,
    limit: int,
    max_size: int,
) -> Referrers | None:
    """Some manifests whose subject this is, by digest, from the first greater than `after`.

    There may be none among them and more to come, as only so many are looked at in one go.

    Args:
        largest: bytes of which no more are read; `None` is returned if it would be more.
        artifact_type: only those of this type; `None` for all.
        after: the digest after which to start.
        max_size: bytes of them (`shown_size`) beyond which one more at most is read.
    """
    found: dict[int, list[Any]] = {}
    size, last = 0, None
    values = {
        "repository": repository,
        "subject": subject,
        "type": artifact_type,
        "after": after,
        "most": MAX_LOOKED_AT,
    }
    # What is left unread would keep its view of the database open.
    with closing(connection.execute(_REFERRERS, values)) as rows:
        for number, (id_, is_shown, length, *shown) in enumerate(rows, start=1):
            digest, media_type, _, shown_type = shown
            if is_shown:
                found[id_] = shown
                size += len(media_type) + len(shown_type) + length
                if size > largest:
                    return None
            if len(found) == limit or size > max_size or number == MAX_LOOKED_AT:
                last = Digest(digest)
                break
    return Referrers(_with_annotations(connection, found), last)


def _with_annotations(
    connection: SqlConnection, found: Mapping[int, Sequence[Any]]
) -> Sequence[Referrer]:
    rows = connection.execute(_ANNOTATIONS, (batches.keys(map(str, found)),))
    annotations = {
        id_: said or _annotations_in(body or documents.read(connection, id_))
        for id_, said, body in rows
    }
    return [
        Referrer(Digest(digest), media_type, length, shown_type, said)
        for id_, (digest, media_type, length, shown_type) in found.items()
        if (said := annotations.get(id_)) is not None
    ]


def _annotations_in(body: bytes | None) -> bytes | None:
    """The annotations in the body of a referrer; `None` if that has been removed meanwhile."""
    return None if body is None else annotations_of(body)
