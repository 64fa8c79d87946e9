"""Rows and bodies of manifests, as others of these modules look them up or promise them."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from lading.core.digest import Digest
from lading.core.names import Reference, RepositoryName
from lading.core.recent import Recent
from lading.metadata import batches, documents
from lading.metadata.noun import NOT_SYNCED
from lading.ports.database import Database, SqlConnection

# Bytes up to which a body is read on the event loop, with its row.
SMALL = 64 * 1024
# Bytes of larger ones that are kept: a few of the largest manifests.
CAPACITY = 8 * 1024 * 1024


class LargeBodies:
    """Bodies of large manifests that were asked for lately; read in a thread, one at a time.

    A whole fleet that pulls one at once would else hold up the event loop for each, and hold its
    bytes as often as it is asked for.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bodies: Recent[Digest, bytes] = Recent(CAPACITY, len)
        self._reading = asyncio.Lock()

    async def read(self, digest: Digest, id_: int) -> tuple[bytes | None, bool]:
        """The body of a manifest, if its row is still there, and whether it has that digest."""
        async with self._reading:  # whoever waits holds nothing
            if (known := self._bodies.get(digest)) is not None:
                return known, True

            body, intact = await self._database.scan(
                lambda connection: _read(connection, digest, id_)
            )
            if body is not None and intact:
                self._bodies.put(digest, body)
            return body, intact


def _read(connection: SqlConnection, digest: Digest, id_: int) -> tuple[bytes | None, bool]:
    body = documents.read(connection, id_)
    return body, body is not None and digest.names(body)


_ROW = f"""
    SELECT manifests.digest, media_type, promised_at, used_at, manifests.id,
        CASE WHEN length(body) <= {SMALL} THEN body END
"""
_BY_TAG = """
    JOIN tags ON tags.repository_id = repositories.id
    JOIN manifests ON manifests.repository_id = repositories.id
        AND manifests.digest = tags.digest
    JOIN documents ON documents.id = manifests.id
    WHERE repositories.name = {repository} AND tags.name = {reference}
        AND deleted_at IS NULL AND lost_at IS NULL
"""
_BY_DIGEST = """
    JOIN manifests ON manifests.repository_id = repositories.id
    JOIN documents ON documents.id = manifests.id
    WHERE repositories.name = {repository} AND digest = {reference}
        AND deleted_at IS NULL AND lost_at IS NULL
"""
_ONE_BY_TAG, _ONE_BY_DIGEST = (
    f"{_ROW} FROM repositories {found.format(repository='?', reference='?')}"
    for found in (_BY_TAG, _BY_DIGEST)
)


_PROMISE = f"""
    UPDATE manifests SET promised_at = ?, used_at = NULL
    WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)
        AND digest = ? AND deleted_at IS NULL AND lost_at IS NULL {NOT_SYNCED}
    RETURNING 1
"""


class Found(Struct, frozen=True):
    """The row of a manifest.

    Attributes:
        promised_at: when a client was told last that it is there.
        used_at: when it was last used, if that was after the promise.
        body: its bytes, unless they are more than `SMALL`; empty if they are in pieces.
    """

    digest: Digest
    media_type: str
    promised_at: float
    used_at: float | None
    id: int
    body: bytes | None

    def is_promised(self, not_before: float) -> bool:
        """Whether a manifest was promised since `not_before` and not used after that."""
        return self.promised_at >= not_before and self.used_at is None


def find(
    connection: SqlConnection, repository: RepositoryName, reference: Reference
) -> Found | None:
    """The manifest a tag points to, or the one of that digest."""
    query = _ONE_BY_DIGEST if isinstance(reference, Digest) else _ONE_BY_TAG
    # As plain text: of a subclass, SQLite's module first asks how it is to be adapted.
    row = connection.execute(query, (str(repository), str(reference))).fetchone()
    return None if row is None else Found(Digest(row[0]), *row[1:])


def find_together(
    connection: SqlConnection, wanted: Sequence[tuple[RepositoryName, Reference]]
) -> Sequence[Found | None]:
    """What `find` finds for each of at most `batches.MOST_WANTED` manifests, in their order."""
    found: list[Found | None] = [None] * len(wanted)
    for query, is_digest in ((_BY_TAG, False), (_BY_DIGEST, True)):
        places = [
            place
            for place, (_, reference) in enumerate(wanted)
            if isinstance(reference, Digest) is is_digest
        ]
        if not places:
            continue
        parameters = batches.wanted_parameters([(place, *wanted[place]) for place in places])
        for place, *row in connection.execute(_several(query, len(places)), parameters):
            found[place] = Found(Digest(row[0]), *row[1:])
    return found


def _several(query: str, number: int) -> str:
    """A statement that looks so many manifests up; rows have the place of each before them."""
    wanted = query.format(repository="wanted.repository", reference="wanted.reference")
    columns = _ROW.replace("SELECT", "SELECT place,", 1)
    return f"""
        {batches.wanted_table("reference", number)}
        {columns} FROM wanted CROSS JOIN repositories {wanted}
    """


def promise(
    connection: SqlConnection, repository: RepositoryName, digest: Digest, now: float
) -> bool:
    """Tell a client that the manifest is there, and write that down; false if it is not."""
    values = (now, str(repository), str(digest))
    row = connection.execute(_PROMISE, values).fetchone()
    return row is not None
