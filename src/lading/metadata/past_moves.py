"""Past moves of tags that are forgotten: a history has an end, however often a tag is moved.

The newest move of all is never forgotten: its number would be given to another one, and numbers
tell who looks at moves twice what has come in between.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lading.metadata import batches
from lading.metadata.noun import scanning, writing
from lading.ports.database import Database, SqlConnection

# Moves of one tag that are kept: three years of one a day.
MOST_MOVES = 1000
# Moves that are counted in one go, by an index that has no more than is needed for that.
_COUNTED = 20_000
_REMOVALS = 100

_MOVES_OF_TAGS = """
    SELECT repository_id, tag, count(*) FROM (
        SELECT repository_id, tag FROM tag_history WHERE (repository_id, tag) > (:repository, :tag)
        ORDER BY repository_id, tag LIMIT :counted) AS part
    GROUP BY repository_id, tag ORDER BY repository_id, tag
"""
# As in `metadata.tags`, PostgreSQL is told to sort the moves of a tag.
_FORGET_OLDEST = """
    DELETE FROM tag_history WHERE id IN (
        SELECT id FROM tag_history WHERE repository_id = :repository AND tag = :tag AND id < (
            SELECT id FROM tag_history WHERE repository_id = :repository AND tag = :tag
            ORDER BY id /*! + 0 */ DESC LIMIT 1 OFFSET :kept)
        ORDER BY id /*! + 0 */ LIMIT :most)
"""
_OLD_REMOVALS = """
    SELECT id, repository_id, tag FROM tag_history
    WHERE digest IS NULL AND at <= :before AND id < (SELECT max(id) FROM tag_history)
    ORDER BY at, id LIMIT :most
"""
_FORGET_UP_TO = """
    DELETE FROM tag_history WHERE id IN (
        SELECT id FROM tag_history WHERE repository_id = :repository AND tag = :tag AND id <= :last
        ORDER BY id /*! + 0 */ LIMIT :most)
"""


class TagKey(NamedTuple):
    """The key of a tag: the number of its repository, and its name."""

    repository_id: int
    tag: str


FIRST = TagKey(0, "")
"""Before all tags."""


def long_histories(
    connection: SqlConnection, *, after: TagKey
) -> tuple[Sequence[TagKey], TagKey | None]:
    """Tags of which more moves are known than are kept, of some; and after which there are more."""
    values = {"repository": after.repository_id, "tag": after.tag, "counted": _COUNTED}
    rows = connection.execute(_MOVES_OF_TAGS, values).fetchall()
    is_all = sum(count for _, _, count in rows) < _COUNTED
    if not is_all and len(rows) > 1:
        del rows[-1]  # of which not all were counted
    found = [TagKey(id_, tag) for id_, tag, count in rows if count > MOST_MOVES]
    return found, None if is_all else TagKey(*rows[-1][:2])


def forget_oldest(connection: SqlConnection, key: TagKey) -> int:
    """Forget some of the moves of a tag that are more than are kept; how many."""
    values = {"repository": key.repository_id, "tag": key.tag}
    values |= {"kept": MOST_MOVES - 1, "most": batches.MOST_ROWS}
    return connection.execute(_FORGET_OLDEST, values).rowcount


def forget_removed(connection: SqlConnection, *, before: float) -> int:
    """Forget some moves of tags that were removed by then, up to that; how many."""
    values = {"before": before, "most": _REMOVALS}
    left = batches.MOST_ROWS
    for last, repository_id, tag in connection.execute(_OLD_REMOVALS, values).fetchall():
        those = {"repository": repository_id, "tag": tag, "last": last, "most": left}
        left -= connection.execute(_FORGET_UP_TO, those).rowcount
        if left == 0:
            break
    return batches.MOST_ROWS - left


class PastMoves:
    """Moves of tags that are forgotten. A power cut may bring some back."""

    def __init__(self, database: Database) -> None:
        self.long_histories = scanning(database, long_histories)
        self.forget_oldest = writing(database, forget_oldest, durable=False)
        self.forget_removed = writing(database, forget_removed, durable=False)
