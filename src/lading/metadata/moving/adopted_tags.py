"""Rows of tags that are taken over, with their history; part of `Adoptions`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.core.digest import Digest
from lading.core.moving import AdoptedMove, believable
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches, references
from lading.metadata import repositories as repository_rows
from lading.metadata import tags as tag_rows
from lading.metadata.moving.adopted_manifests import find_manifests
from lading.ports.database import SqlConnection

_USE = """
    UPDATE manifests SET loose_at = NULL, used_at = :now
    WHERE repository_id = :repository AND digest IN (SELECT key FROM json_each(:digests))
"""
_TAGS = """
    SELECT name, digest, updated_at FROM tags
    WHERE repository_id = :repository AND name IN (SELECT key FROM json_each(:names))
"""
_SEEN_TAGS = """
    SELECT name, digest, at FROM adopted_tags
    WHERE repository_id = :repository AND name IN (SELECT key FROM json_each(:names))
"""
_SEE_TAG = """
    INSERT INTO adopted_tags (repository_id, name, digest, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, at = excluded.at
        WHERE adopted_tags.digest <> excluded.digest OR adopted_tags.at <> excluded.at
"""

# Before every time; files may be of a time before 1970.
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class AdoptedTag:
    """A tag as it is taken over.

    Attributes:
        moves: the last of them, in order; the very last one is to what it points to now.
        at: when its link was written, as the file says it, by which it is known again.
    """

    tag: Tag
    moves: Sequence[AdoptedMove]
    at: float

    @property
    def digest(self) -> Digest:
        """The digest that the tag points to."""
        return self.moves[-1].digest


@dataclass(frozen=True, slots=True)
class TagsAdopted:
    """The outcome of an adoption of tags.

    Attributes:
        new: that were set or moved.
        moves: of these, in their history.
        newer: that were left, as they were moved here later than there.
    """

    new: Sequence[Tag]
    moves: int
    newer: Sequence[Tag]


def add_tags(
    connection: SqlConnection,
    repository: RepositoryName,
    tags: Sequence[AdoptedTag],
    *,
    actor: str,
    now: float,
) -> TagsAdopted:
    """Point tags at manifests, with their history, as far as that is not known.

    What was moved here later than there stays; and what leads to a manifest that is not here.
    """
    there = find_manifests(connection, repository, [each.digest for each in tags])
    tags = [each for each in tags if each.digest in there]
    repository_id = repository_rows.ensure(connection, repository)
    here: dict[str, object] = {"repository": repository_id, "actor": actor, "now": now}
    names = [each.tag for each in tags]
    current = _by_name(connection, _TAGS, repository_id, names)
    seen = _by_name(connection, _SEEN_TAGS, repository_id, names)
    moved: list[AdoptedTag] = []
    newer: list[Tag] = []
    for each in tags:
        digest, at = current.get(each.tag, (None, _NEVER))
        if digest == each.digest:
            continue
        # Of a tag that is as it was taken over its link counts, though it may be older than the one
        # before: a clock was set there, or a backup put back.
        is_moved_here = digest != seen.get(each.tag, (None, _NEVER))[0]
        if is_moved_here and at > each.at:
            newer.append(each.tag)
        elif seen.get(each.tag) != (each.digest, each.at):
            moved.append(each)
    times = {each.tag: _time(each, current, now) for each in moved}
    moves = [move for each in moved for move in _moves(each, current, seen, times)]
    _point(connection, repository_id, here, moved, moves, times)
    for each in moved:
        if each.tag in current:
            previous = Digest(current[each.tag][0])
            references.mark_unreferenced(connection, repository_id, previous, now)
    see_tags(connection, repository_id, [(each.tag, each.digest, each.at) for each in tags])
    if moved:
        repository_rows.mark_changed(connection, [repository])
    return TagsAdopted([each.tag for each in moved], len(moves), newer)


def _time(each: AdoptedTag, current: Mapping[str, tuple[str, float]], now: float) -> float:
    """The time of a tag's last move, as far as that can be: not before the one that is known."""
    at = believable(each.at, now)
    _, before = current.get(each.tag, (None, _NEVER))
    return at if at >= before else now


def _point(
    connection: SqlConnection,
    repository_id: int,
    here: dict[str, object],
    moved: Sequence[AdoptedTag],
    moves: Sequence[dict[str, object]],
    at: Mapping[Tag, float],
) -> None:
    if not moved:
        return
    rows = [{**here, "tag": each.tag, "digest": each.digest, "at": at[each.tag]} for each in moved]
    connection.executemany(tag_rows.POINT, rows)
    connection.executemany(tag_rows.RECORD, [{**here, **move} for move in moves])
    digests = batches.keys(each.digest for each in moved)
    connection.execute(_USE, {**here, "digests": digests})
    references.unmark_tags(connection, repository_id, [each.tag for each in moved])


def _moves(
    each: AdoptedTag,
    current: Mapping[str, tuple[str, float]],
    seen: Mapping[str, tuple[str, float]],
    times: Mapping[Tag, float],
) -> Sequence[dict[str, object]]:
    """The moves of a tag that are not in its history; none is later than the last one."""
    _, since = seen.get(each.tag, ("", _NEVER))
    previous, _ = current.get(each.tag, (None, 0.0))
    last = times[each.tag]
    moves: list[dict[str, object]] = []
    for move in each.moves:
        if (move.at > since or move is each.moves[-1]) and move.digest != previous:
            moves.append(
                {
                    "tag": each.tag,
                    "digest": move.digest,
                    "previous": previous,
                    "at": last if move is each.moves[-1] else min(max(move.at, 0.0), last),
                }
            )
            previous = move.digest
    return moves


def see_tags(
    connection: SqlConnection, repository_id: int | None, links: Sequence[tuple[Tag, Digest, float]]
) -> None:
    """Note what links of tags say, and when they were written."""
    connection.executemany(_SEE_TAG, [(repository_id, *link) for link in links])


def seen_tags(
    connection: SqlConnection, repository: RepositoryName, names: Sequence[str]
) -> Mapping[str, tuple[str, float]]:
    """The digests that links of tags had when they were taken over, and the links' times."""
    return _by_name(connection, _SEEN_TAGS, repository_rows.find(connection, repository), names)


def _by_name(
    connection: SqlConnection, statement: str, repository_id: int | None, names: Sequence[str]
) -> Mapping[str, tuple[str, float]]:
    values = {"repository": repository_id, "names": batches.keys(names)}
    return {name: (digest, at) for name, digest, at in connection.execute(statement, values)}
