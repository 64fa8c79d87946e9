"""Notes of migrations: that a registry is about to be in this database, or has gone from it.

A registry that is migrated has a name of its own, by which its copies know each other. A database
to which one is on its way is *arriving* until all is there, and served by nobody; it takes nothing
but what the migration brings that has begun last. Then it has *arrived* until it is served for the
first time. One is *restored* from a backup as long, and has what no other one may have: it is not
taken for a copy. The one that it came from has *departed* for as long as it stays as read-only as
the migration has made it: then nothing can have happened to it since, and the registry may come
back to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from lading.core.errors import Unavailable
from lading.core.history import Change
from lading.metadata import batches
from lading.metadata.noun import reading, writing
from lading.metadata.read_only import IS_ON, switch_off, switch_on
from lading.ports.database import Database, SqlConnection

_REGISTRY: Final = "registry"
_ARRIVING: Final = "arriving"
_RUN: Final = "run"
ARRIVED: Final = "arrived"
RESTORED: Final = "restored"
DEPARTED: Final = "departed"
_MARK: Final = "mark"
_HOLDER: Final = "holder"
_TAKES_FILES: Final = "takes-files"
_READ_ONLY: Final = "read-only"
MIGRATES: Final = ", who migrates it to "
"""What the read-only switch says, between a person and a place, of a registry that is leaving."""
WHY_BYTES_STAY: Final = "this registry was migrated to another place, which may have its bytes here"


@dataclass(frozen=True, slots=True)
class MigrationNotes:
    """The notes in a database.

    Attributes:
        registry: the name of the registry that is, or will be, in it; empty if it has none.
        arriving: since when it is arriving, in seconds since the epoch.
        has_arrived: whether it was not served since it is all there.
        was_restored: whether it was not served since it was restored from a backup.
        has_departed: whether it went away, and nothing has happened to what stayed here.
        mark: see `mark`.
        holder: the name of this database among those that the registry was in; empty if it never
            needed one.
        takes_files: whether it is to have the files that it shares with the one that it came from.
    """

    registry: str
    arriving: float | None
    has_arrived: bool
    was_restored: bool
    has_departed: bool
    mark: str | None
    holder: str
    takes_files: bool


def _notes(connection: SqlConnection) -> Mapping[str, tuple[str, float]]:
    """All switches, of which there are few: those of others, too."""
    rows = connection.execute("SELECT name, actor, at FROM switches").fetchall()
    return {name: (actor, at) for name, actor, at in rows}


def find(connection: SqlConnection) -> MigrationNotes:
    """All notes that there are."""
    notes = _notes(connection)
    return MigrationNotes(
        registry=notes[_REGISTRY][0] if _REGISTRY in notes else "",
        arriving=notes[_ARRIVING][1] if _ARRIVING in notes else None,
        has_arrived=ARRIVED in notes,
        was_restored=RESTORED in notes,
        has_departed=DEPARTED in notes and notes.get(_READ_ONLY) == notes[DEPARTED],
        mark=notes[_MARK][0] if _MARK in notes else None,
        holder=notes[_HOLDER][0] if _HOLDER in notes else "",
        takes_files=_TAKES_FILES in notes,
    )


def name(connection: SqlConnection, name: str, now: float) -> str:
    """The registry's name: the one that it has, else this one from now on."""
    switch_on(connection, _REGISTRY, Change(name, now))
    return _notes(connection)[_REGISTRY][0]


def hold(connection: SqlConnection, holder: str, now: float) -> str:
    """The name of this database: the one that it has, else this one from now on."""
    switch_on(connection, _HOLDER, Change(holder, now))
    return _notes(connection)[_HOLDER][0]


def take_files(connection: SqlConnection, now: float) -> None:
    """Note that it is to have the files that the one it came from may be served with still.

    That one may be known by a name as `hold` gives it: a copy has it, too, and needs another one.
    """
    switch_off(connection, _HOLDER)
    _set(connection, _TAKES_FILES, _notes(connection)[_REGISTRY][0], now)


def have_files(connection: SqlConnection) -> None:
    """Note that it has them, and that nothing is to be taken back."""
    for note in (_TAKES_FILES, DEPARTED):
        switch_off(connection, note)


def mark(connection: SqlConnection, mark: str | None, now: float) -> None:
    """Mark the database, to know it again on another way to it; or (`None`) end that."""
    switch_off(connection, _MARK)
    if mark is not None:
        switch_on(connection, _MARK, Change(mark, now))


def begin_arrival(connection: SqlConnection, name: str, run: str, now: float) -> None:
    """Note that the registry of that name is on its way here, brought by a run of a migration."""
    for note in (ARRIVED, RESTORED, DEPARTED, _READ_ONLY, _TAKES_FILES):
        switch_off(connection, note)
    _set(connection, _REGISTRY, name, now)
    _set(connection, _ARRIVING, name, now)
    _set(connection, _RUN, run, now)


def require_run(connection: SqlConnection, run: str) -> None:
    """Go on only if what is on its way here is brought by this run, until the transaction ends.

    Raises:
        Unavailable: another one has begun since, or has come to its end: it may be served by now.
    """
    (found,) = connection.execute(
        "SELECT actor FROM switches WHERE name = ? /*! FOR SHARE */", (_RUN,)
    ).fetchone() or [None]
    if found != run:
        raise Unavailable(
            "another migration to there has begun since, or has come to its end: this one ends"
        )


def end_arrival(
    connection: SqlConnection, run: str, now: float, *, takes_files: bool = False
) -> None:
    """Note that all of the registry is here.

    Args:
        takes_files: see `MigrationNotes`.
    """
    require_run(connection, run)
    name, _ = _notes(connection)[_ARRIVING]
    for note in (_ARRIVING, _RUN):
        switch_off(connection, note)
    _set(connection, ARRIVED, name, now)
    if takes_files:
        _set(connection, _TAKES_FILES, name, now)


def serve(connection: SqlConnection) -> None:
    """Note that the registry is served here: from now on it is no copy of another one."""
    for note in (ARRIVED, RESTORED):
        switch_off(connection, note)


def depart(connection: SqlConnection, change: Change) -> None:
    """Note that the registry has gone from here, and let it be read-only from now on."""
    for note in (DEPARTED, _READ_ONLY):
        _set(connection, note, change.actor, change.at)


def require_here(connection: SqlConnection) -> None:
    """Raise `Unavailable` if the registry has departed: who deletes bytes asks each time."""
    if find(connection).has_departed:
        raise Unavailable(WHY_BYTES_STAY)


def require_staying(connection: SqlConnection) -> None:
    """Go on only if what changes now would not be missing where the registry goes.

    Raises:
        Unavailable: it is in the last step of a migration, which may have compared it already.
    """
    if connection.execute(IS_ON).fetchone() is None:  # a switch waits for all who have looked
        return
    notes = _notes(connection)
    if MIGRATES in notes[_READ_ONLY][0] and notes.get(DEPARTED) != notes[_READ_ONLY]:
        raise Unavailable(
            "the registry is being migrated, and takes no changes in these moments: try again; if"
            " no migration runs any more, `lading read-only off` first"
        )


def _set(connection: SqlConnection, note: str, actor: str, at: float) -> None:
    """Write a note in the place of one that may be there; at no time there is none."""
    connection.execute(
        "INSERT INTO switches (name, actor, at) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET actor = excluded.actor, at = excluded.at",
        (note, actor, at),
    )


def _lose_page(connection: SqlConnection, after: str, now: float) -> str:
    """Note of a page of blobs that their bytes are gone; the last of them, or nothing."""
    changed = connection.execute(
        "UPDATE blobs SET lost_at = coalesce(lost_at, :now) WHERE digest IN"
        " (SELECT digest FROM blobs WHERE digest > :after ORDER BY digest LIMIT :limit)"
        " RETURNING digest",
        {"now": now, "after": after, "limit": batches.MOST_ROWS},
    )
    return max((str(digest) for (digest,) in changed.fetchall()), default="")


class Migrations:
    """Notes of migrations."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.find = reading(database, find)
        self.name = writing(database, name)
        self.hold = writing(database, hold)
        self.take_files = writing(database, take_files)
        self.have_files = writing(database, have_files)
        self.mark = writing(database, mark)
        self.begin_arrival = writing(database, begin_arrival)
        self.require_run = writing(database, require_run)
        self.end_arrival = writing(database, end_arrival)
        self.serve = writing(database, serve)
        self.depart = writing(database, depart)

    async def doubt_blobs(self, *, now: float) -> None:
        """Have all blobs count as not there until each is pushed or found again."""
        after = ""
        while last := await self._database.write(partial(_lose_page, after=after, now=now)):
            after = last
