"""Rows of trees: what is in layers, as it was found when somebody first wanted to see it.

A tree is *waiting* from when it is asked for, *running* while its entries are being written, some
hundred in a transaction, and then *done*, *cut off* or *failed* for good: the bytes of a digest do
not change. One that was running when its worker died is begun again: entries replace each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lading.core.digest import Digest
from lading.core.names import Owner, RepositoryName
from lading.metadata import batches
from lading.metadata.attempts import Attempts
from lading.metadata.layers import askings, entries
from lading.metadata.layers.askings import Wanted
from lading.metadata.noun import attempting, looking, reading, writing
from lading.ports.database import Database, SqlConnection


class TreeState(StrEnum):
    """The state of a tree: how far it has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CUT_OFF = "cut off"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TreeRow:
    """The row of a tree.

    Attributes:
        reason: why it is cut off, or has failed.
        asked_at: when somebody last wanted to see it, within a day.
    """

    id: int
    digest: Digest
    state: TreeState
    reason: str
    asked_at: float

    @property
    def is_settled(self) -> bool:
        """Whether no more is to be found out."""
        return self.state not in {TreeState.WAITING, TreeState.RUNNING}


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer that a repository has, and its tree if that was ever asked for.

    Attributes:
        is_asked_for: whether somebody waits for the tree.
    """

    digest: Digest
    size: int
    is_asked_for: bool
    tree: TreeRow | None


def find(
    connection: SqlConnection,
    repository: RepositoryName,
    digests: Sequence[Digest],
    asker: Owner,
) -> Mapping[Digest, StoredLayer]:
    """The layers among these that are in the repository.

    Args:
        asker: who may be waiting for trees of them.
    """
    rows = connection.execute(
        """
        SELECT blobs.digest, blobs.size, EXISTS (SELECT 1 FROM askings
                WHERE kind = 'tree' AND asker = :asker AND askings.wanted = blobs.digest),
            trees.id, trees.digest, state, reason, asked_at
        FROM repositories CROSS JOIN json_each(:digests) AS wanted CROSS JOIN links
        JOIN blobs ON blobs.digest = links.digest
        LEFT JOIN trees ON trees.digest = links.digest
        WHERE repositories.name = :repository AND links.repository_id = repositories.id
            AND links.digest = wanted.key AND links.deleted_at IS NULL AND blobs.lost_at IS NULL
        """,
        {"repository": repository, "digests": batches.keys(digests), "asker": asker},
    )
    found = (
        StoredLayer(Digest(digest), size, bool(asked), None if tree[0] is None else _tree(tree))
        for digest, size, asked, *tree in rows
    )
    return {layer.digest: layer for layer in found}


def of(connection: SqlConnection, digests: Sequence[Digest]) -> Mapping[Digest, TreeRow]:
    """The trees of layers, whoever has these, as far as there are any."""
    rows = connection.execute(
        "SELECT trees.id, digest, state, reason, asked_at FROM json_each(?)"
        " JOIN trees ON digest = key",
        (batches.keys(digests),),
    )
    return {tree.digest: tree for tree in map(_tree, rows)}


def ask(connection: SqlConnection, digests: Sequence[Digest], asker: Owner, now: float) -> None:
    """Ask for trees of layers, which are kept for longer then."""
    connection.executemany(
        """
        INSERT INTO trees (digest, state, asked_at) VALUES (?, 'waiting', ?)
        ON CONFLICT (digest) DO UPDATE SET asked_at = excluded.asked_at
        """,
        [(digest, now) for digest in digests],
    )
    waiting = [digest for digest, tree in of(connection, digests).items() if not tree.is_settled]
    askings.note(connection, Wanted.TREE, asker, waiting, now)


def settle(
    connection: SqlConnection, tree: TreeRow, state: TreeState, reason: str = "", *, now: float
) -> None:
    """Note how far a tree has come; one that waits again is the last of those that wait."""
    connection.execute(
        "UPDATE trees SET state = ?, reason = ?, asked_at = ? WHERE id = ?",
        (str(state), reason, now, tree.id),
    )
    if replace(tree, state=state).is_settled:
        askings.remove(connection, Wanted.TREE, tree.digest)
    else:
        askings.put_last(connection, Wanted.TREE, tree.digest, now)


def remove_some(connection: SqlConnection, *, asked_before: float) -> bool:
    """Remove some entries of a tree of no layer, or not asked for since; false if there is none."""
    row = connection.execute(
        """
        SELECT id FROM trees WHERE digest IS NULL
        UNION ALL SELECT id FROM trees WHERE asked_at < ? LIMIT 1
        """,
        (asked_before,),
    ).fetchone()
    if row is None:
        return False
    connection.execute("UPDATE trees SET digest = NULL WHERE id = ?", row)
    count = connection.execute(
        """
        DELETE FROM entries WHERE tree_id = :tree AND (parent, name) IN (
            SELECT parent, name FROM entries WHERE tree_id = :tree LIMIT :most)
        """,
        {"tree": row[0], "most": batches.MOST_ROWS},
    ).rowcount
    if count < batches.MOST_ROWS:
        connection.execute("DELETE FROM trees WHERE id = ?", row)
    return True


def leave(connection: SqlConnection, tree_id: int) -> None:
    """Leave a tree to be removed: there is no such layer any more."""
    connection.execute("UPDATE trees SET digest = NULL WHERE id = ?", (tree_id,))


def _tree(row: Sequence[Any]) -> TreeRow:
    id_, digest, state, reason, asked_at = row
    return TreeRow(id_, Digest(digest), TreeState(state), reason, asked_at)


class Trees:
    """Trees of layers, and their entries. A power cut may forget what is written of them."""

    def __init__(self, database: Database, attempts: Attempts) -> None:
        self.find = reading(database, find)
        self.ask = attempting(attempts, ask)
        self.of = reading(database, of)
        self.settle = writing(database, settle, durable=False)
        self.add = writing(database, entries.add, durable=False)
        self.remove_some = writing(database, remove_some, durable=False)
        self.leave = writing(database, leave, durable=False)
        self.children = looking(database, entries.children)
        self.named = looking(database, entries.named)
        self.search = looking(database, entries.search)
        self.page = looking(database, entries.page)
