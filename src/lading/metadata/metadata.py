"""The metadata: all that is known of what is stored, by its nouns.

What pulls and pushes need is loaded with this; every other noun when it is first used, as commands
and registries of tests use few of them. A server loads all before its first request.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.metadata.attempts import Attempts
from lading.metadata.links import Links
from lading.metadata.manifests import Manifests
from lading.metadata.read_only import ReadOnlySwitch
from lading.metadata.repositories import Repositories
from lading.metadata.tags import Tags
from lading.ports.database import Database

if TYPE_CHECKING:
    from lading.metadata.collecting.census import Census
    from lading.metadata.collecting.collection import Collection
    from lading.metadata.collecting.freeing import Freeing
    from lading.metadata.collecting.kept_bytes import BackupHolds, Strangers
    from lading.metadata.damage import Damage
    from lading.metadata.inspection import Inspection
    from lading.metadata.jobs import Jobs
    from lading.metadata.layers.askings import Askings
    from lading.metadata.layers.overlays import Overlays
    from lading.metadata.layers.trees import Trees
    from lading.metadata.logins.kept_logins import PageSessions, RefreshTokens
    from lading.metadata.logins.login_record import RecordRows
    from lading.metadata.logins.robots import Robots
    from lading.metadata.logins.secrets import Secrets
    from lading.metadata.moving.adoptions import Adoptions
    from lading.metadata.moving.exports import Exports
    from lading.metadata.moving.migrations import Migrations
    from lading.metadata.moving.table_rows import TableRows
    from lading.metadata.object_uploads import ObjectUploads
    from lading.metadata.objects import Objects
    from lading.metadata.past_moves import PastMoves
    from lading.metadata.shown.events import Events, Refusals
    from lading.metadata.shown.figures import KeptFigures
    from lading.metadata.shown.past_figures import Growth, Samples
    from lading.metadata.shown.pulls import LastPulls
    from lading.metadata.times import Times
    from lading.metadata.trash import Trash
    from lading.metadata.why import Why


class _Later:
    """A noun that is made, and its file loaded, when it is first used; some need `attempts`."""

    def __init__(self, file: str, *, attempts: bool = False) -> None:
        self._file = file
        self._attempts = attempts

    def __set_name__(self, metadata: type, attribute: str) -> None:
        self._attribute = attribute
        self._class = metadata.__annotations__[attribute]

    def __get__(self, metadata: "Metadata", _: type) -> object:
        """The noun, which is in the place of this from now on."""
        make = getattr(import_module(f"lading.metadata.{self._file}"), self._class)
        tries = (metadata.attempts,) if self._attempts else ()
        noun: object = make(metadata.database, *tries)
        setattr(metadata, self._attribute, noun)
        return noun


# Of any type: its noun is of the class that the attribute is said to have.
_later: Callable[..., Any] = _Later


class Metadata:
    """The nouns of a database; what is said of reading only is for `ReadOnlySwitch`."""

    adoptions: "Adoptions" = _later("moving.adoptions")
    askings: "Askings" = _later("layers.askings")
    backup_holds: "BackupHolds" = _later("collecting.kept_bytes")
    census: "Census" = _later("collecting.census")
    collection: "Collection" = _later("collecting.collection")
    damage: "Damage" = _later("damage", attempts=True)
    events: "Events" = _later("shown.events")
    exports: "Exports" = _later("moving.exports")
    figures: "KeptFigures" = _later("shown.figures")
    freeing: "Freeing" = _later("collecting.freeing")
    growth: "Growth" = _later("shown.past_figures")
    inspection: "Inspection" = _later("inspection")
    jobs: "Jobs" = _later("jobs")
    login_record: "RecordRows" = _later("logins.login_record")
    migrations: "Migrations" = _later("moving.migrations")
    objects: "Objects" = _later("objects")
    overlays: "Overlays" = _later("layers.overlays", attempts=True)
    page_sessions: "PageSessions" = _later("logins.kept_logins", attempts=True)
    past_moves: "PastMoves" = _later("past_moves")
    pulls: "LastPulls" = _later("shown.pulls")
    refresh_tokens: "RefreshTokens" = _later("logins.kept_logins", attempts=True)
    refusals: "Refusals" = _later("shown.events")
    robots: "Robots" = _later("logins.robots")
    samples: "Samples" = _later("shown.past_figures")
    secrets: "Secrets" = _later("logins.secrets")
    strangers: "Strangers" = _later("collecting.kept_bytes")
    table_rows: "TableRows" = _later("moving.table_rows")
    times: "Times" = _later("times")
    trash: "Trash" = _later("trash")
    trees: "Trees" = _later("layers.trees", attempts=True)
    uploads: "ObjectUploads" = _later("object_uploads")
    why: "Why" = _later("why")

    def __init__(
        self,
        database: Database,
        *,
        read_only_hint: Path | None = None,
        read_only_staleness: float = 0.0,
    ) -> None:
        self.database = database
        self.attempts = attempts = Attempts(database)
        self.repositories = Repositories(database)
        self.manifests = Manifests(database, attempts)
        self.tags = Tags(database)
        self.links = Links(database, attempts)
        self.read_only = ReadOnlySwitch(database, read_only_hint, read_only_staleness)

    def load(self) -> None:
        """Make every noun now, for a server: none of its requests is to wait for an import."""
        for name, attribute in vars(type(self)).items():
            if isinstance(attribute, _Later):
                getattr(self, name)

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        self.database.close()
