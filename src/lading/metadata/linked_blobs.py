"""Blobs as repositories have them: all that a pull has to know, from one statement.

Where bytes are objects, rows say in which. A database that is waited for tells this with the link,
instead of being asked by the store a moment later; of one that is at hand, the store asks it.
"""

from collections.abc import Sequence

from msgspec import Struct

from lading.core.digest import Digest
from lading.core.names import RepositoryName
from lading.metadata import lookups
from lading.ports.database import SqlConnection
from lading.ports.objects import PlacedSegment

_COLUMNS = "blobs.size, links.promised_at, links.used_at"
_FOUND = """
    JOIN links ON links.repository_id = repositories.id
    JOIN blobs ON blobs.digest = links.digest {joined}
    WHERE repositories.name = {repository} AND links.digest = {digest}
        AND links.deleted_at IS NULL AND blobs.lost_at IS NULL
"""
_FIND = f"""
    SELECT {_COLUMNS} FROM repositories
    {_FOUND.format(joined="", repository="?", digest="?")}
"""
_JOINED = "LEFT JOIN objects ON objects.digest = links.digest"
_FIND_TOGETHER = f"""
    SELECT place, {_COLUMNS}, objects.key, objects.start, objects.size, objects.stored_at
    FROM wanted CROSS JOIN repositories
    {_FOUND.format(joined=_JOINED, repository="wanted.repository", digest="wanted.digest")}
    ORDER BY objects.start
"""


class LinkedBlob(Struct, frozen=True):
    """A blob that is linked in a repository.

    Attributes:
        size: in bytes.
        promised_at: when a client was told last that it is there.
        used_at: when a manifest relied on it last, if that was after the promise.
        segments: its objects, in order, if it has any; `None` if nobody has asked for them.
    """

    size: int
    promised_at: float
    used_at: float | None
    segments: Sequence[PlacedSegment] | None = None

    def is_promised(self, not_before: float) -> bool:
        """Whether the blob was promised since `not_before` and not used after that."""
        return self.promised_at >= not_before and self.used_at is None


def find(
    connection: SqlConnection, repository: RepositoryName, digest: Digest
) -> LinkedBlob | None:
    """A blob that is linked in the repository."""
    # As plain text: of a subclass, SQLite's module first asks how it is to be adapted.
    row = connection.execute(_FIND, (str(repository), str(digest))).fetchone()
    return None if row is None else LinkedBlob(*row)


def find_together(
    connection: SqlConnection, wanted: Sequence[tuple[RepositoryName, Digest]]
) -> Sequence[LinkedBlob | None]:
    """Each of at most `lookups.MOST` blobs, in their order, with its segments."""
    statement = lookups.table("digest", len(wanted)) + _FIND_TOGETHER
    parameters = lookups.parameters([(place, *names) for place, names in enumerate(wanted)])
    found: list[LinkedBlob | None] = [None] * len(wanted)
    segments: list[list[PlacedSegment]] = [[] for _ in wanted]
    for place, size, promised_at, used_at, *placed in connection.execute(statement, parameters):
        if placed[0] is not None:
            segments[place].append(PlacedSegment(*placed))
        found[place] = LinkedBlob(size, promised_at, used_at, segments[place])
    return found
