"""Rows of entries: the files in each tree, by their directories and names."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lading.core.images.tree import Entry, EntryKind
from lading.metadata import batches
from lading.metadata.shown.columns import containing
from lading.ports.database import SqlConnection

_COLUMNS = "parent, name, kind, size, mode, target, start"
# SQLite's json_each has a parent, too.
_THEIR_COLUMNS = "entries.parent, entries.name, kind, size, mode, target, start"
_INSERT = f"INSERT INTO entries (tree_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_WRITE = f"""{_INSERT} ON CONFLICT (tree_id, parent, name) DO UPDATE SET
    kind = excluded.kind, size = excluded.size, mode = excluded.mode,
    target = excluded.target, start = excluded.start"""
_IMPLY = f"{_INSERT} ON CONFLICT DO NOTHING"
# Greater than every name: what cannot be printed is not in names as it is (`core.images.tree`).
_LAST = "\U0010ffff"
# SQLite takes any tree for a small one, and reads all of it rather than look some entries up by
# their whole key; it keeps to the order of a `CROSS JOIN`. PostgreSQL takes lists for a hundred
# names each, and would rather read the entries of all trees; it does each part by itself, as an
# `OFFSET` ends it.
_CHILDREN = f"""
    SELECT tree_id, {_THEIR_COLUMNS}
    FROM json_each(:trees) AS wanted CROSS JOIN json_each(:parents) AS held
    CROSS JOIN /*! LATERAL (SELECT * FROM */ entries
    WHERE tree_id = CAST(wanted.key AS INTEGER) AND entries.parent = held.key
        AND entries.name > :after
        AND entries.name <= coalesce((SELECT last.name FROM entries AS last
            WHERE last.tree_id = CAST(wanted.key AS INTEGER) AND last.parent = held.key
                AND last.name > :after
            ORDER BY last.name LIMIT 1 OFFSET :others), :last)
    /*! OFFSET 0) AS entries */
    ORDER BY entries.parent, entries.name
"""
# A place is a path, whose directory it has beside it.
_NAMED = f"""
    SELECT tree_id, {_THEIR_COLUMNS}
    FROM json_each(:trees) AS wanted CROSS JOIN json_each(:places) AS held
    CROSS JOIN /*! LATERAL (SELECT * FROM */ entries
    WHERE tree_id = CAST(wanted.key AS INTEGER) AND entries.parent = held.value
        AND entries.name = substr(held.key, length(held.value) + 2)
    /*! OFFSET 0) AS entries */
"""
# From tree to tree in the order of their ids in the parameter, until enough has been looked at.
# PostgreSQL does not know how few trees are asked for, and would rather read the entries of all; it
# is told to go from tree to tree, as SQLite does.
_SEARCH = f"""
    SELECT tree_id, {_COLUMNS} FROM (
        SELECT tree_id, {_THEIR_COLUMNS} FROM json_each(:trees) AS wanted CROSS JOIN
            /*! LATERAL (SELECT * FROM */ entries /*! WHERE tree_id = CAST(wanted.key AS INTEGER)
                ORDER BY tree_id, parent, name) AS entries */
        WHERE tree_id = CAST(wanted.key AS INTEGER)
        LIMIT :looked_at) AS looked
    WHERE lower(name) LIKE :pattern ESCAPE '!'
    ORDER BY parent, name, tree_id LIMIT :most
"""
_PAGE = f"""
    SELECT {_COLUMNS} FROM entries WHERE tree_id = ? {{of}}
        AND (parent, name) > (?, ?) ORDER BY parent, name LIMIT ?
"""


def add(connection: SqlConnection, tree_id: int, found: Sequence[Entry]) -> None:
    """Add entries; of those with one path the last counts, and an implied one never more."""
    for statement, rows in (
        (_WRITE, [entry for entry in found if not entry.is_implied]),
        (_IMPLY, [entry for entry in found if entry.is_implied]),
    ):
        if rows:
            connection.executemany(statement, [_values(tree_id, entry) for entry in rows])


def children(
    connection: SqlConnection,
    tree_ids: Sequence[int],
    parents: Iterable[str],
    *,
    after: str = "",
    most: int,
) -> Sequence[Sequence[Entry]]:
    """Entries of some directories in each of some trees, by their directories and names.

    Args:
        after: names up to this one are left out.
        most: entries of each directory of each tree, of which there may be more.
    """
    values = {
        "trees": batches.keys(map(str, tree_ids)),
        "parents": batches.keys(parents),
        "after": after,
        "others": most - 1,
        "last": _LAST,
    }
    return _of_each(tree_ids, connection.execute(_CHILDREN, values).fetchall())


def named(
    connection: SqlConnection, tree_ids: Sequence[int], places: Mapping[str, Iterable[str]]
) -> Sequence[Sequence[Entry]]:
    """Entries in each of some trees that have one of these names in one of these directories."""
    paths = {f"{parent}/{name}": parent for parent, names in places.items() for name in names}
    values = {"trees": batches.keys(map(str, tree_ids)), "places": json.dumps(paths)}
    return _of_each(tree_ids, connection.execute(_NAMED, values).fetchall())


def search(
    connection: SqlConnection, tree_ids: Sequence[int], words: str, *, most: int, looked_at: int
) -> Sequence[tuple[int, Entry]]:
    """Entries of some trees whose names have these words in them, in any case of letters.

    Each comes with the id of its tree, by their directories and names.

    Args:
        tree_ids: the trees, in the order in which they are searched.
        most: entries that are found.
        looked_at: entries of all of them among which they are looked for; those of a tree by their
            directories.
    """
    values = {
        "trees": batches.keys(map(str, tree_ids)),
        "looked_at": looked_at,
        "pattern": containing(words.lower()),
        "most": most,
    }
    rows = connection.execute(_SEARCH, values).fetchall()
    return [(tree_id, entry) for tree_id, *row in rows for entry in _entries([row])]


def page(
    connection: SqlConnection,
    tree_id: int,
    after: tuple[str, str],
    most: int,
    *,
    marks: bool = False,
) -> Sequence[Entry]:
    """Entries of a tree by parent and name, those after a parent and a name.

    Args:
        marks: whether to give those alone that hide what is in layers below.
    """
    statement = _PAGE.format(of="AND kind IN ('w', 'o')" if marks else "")
    return _entries(connection.execute(statement, (tree_id, *after, most)))


def _of_each(tree_ids: Sequence[int], rows: Iterable[Sequence[Any]]) -> Sequence[Sequence[Entry]]:
    """The entries of each tree, of rows that begin with its id."""
    found: dict[int, list[Any]] = {}
    for tree_id, *row in rows:
        found.setdefault(tree_id, []).append(row)
    return [_entries(found.get(tree_id, ())) for tree_id in tree_ids]


def _entries(rows: Iterable[Any]) -> Sequence[Entry]:
    return [
        Entry(parent, name, EntryKind(kind), size, mode, target, start)
        for parent, name, kind, size, mode, target, start in rows
    ]


def _values(tree_id: int, entry: Entry) -> tuple[object, ...]:
    return (
        *(tree_id, entry.parent, entry.name, str(entry.kind)),
        *(entry.size, entry.mode, entry.link, entry.offset),
    )
