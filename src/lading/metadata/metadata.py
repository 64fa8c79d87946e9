"""The metadata: all that is known of what is stored, by its nouns.

What pulls and pushes need is loaded with this; every other noun when it is first used, as commands
and registries of tests use few of them. A server loads all before its first request.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lading.metadata.attempts import Attempts
from lading.metadata.committed_uploads import CommittedUploads
from lading.metadata.links import Links
from lading.metadata.manifests import Manifests
from lading.metadata.read_only import ReadOnlySwitch
from lading.metadata.repositories import Repositories
from lading.metadata.tags import Tags
from lading.ports.database import Database

if TYPE_CHECKING:
    from lading.metadata.collecting.backup_holds import BackupHolds
    from lading.metadata.collecting.census import Census
    from lading.metadata.collecting.collection import Collection
    from lading.metadata.collecting.freeing import Freeing
    from lading.metadata.collecting.strangers import Strangers
    from lading.metadata.damage import Damage
    from lading.metadata.inspection import Inspection
    from lading.metadata.jobs import Jobs
    from lading.metadata.layers.overlays import Overlays
    from lading.metadata.layers.trees import Trees
    from lading.metadata.logins.guesses import Guesses
    from lading.metadata.logins.page_sessions import PageSessions
    from lading.metadata.logins.refresh_tokens import RefreshTokens
    from lading.metadata.logins.right_logins import RightLogins
    from lading.metadata.logins.robots import Robots
    from lading.metadata.logins.secrets import Secrets
    from lading.metadata.moving.adoptions import Adoptions
    from lading.metadata.moving.exports import Exports
    from lading.metadata.moving.migrations import Migrations
    from lading.metadata.moving.table_rows import TableRows
    from lading.metadata.objects import Objects
    from lading.metadata.restoration import Trash
    from lading.metadata.shown.events import Events
    from lading.metadata.shown.figures import KeptFigures
    from lading.metadata.shown.growth import Growth
    from lading.metadata.shown.pulls import LastPulls
    from lading.metadata.shown.refusals import Refusals
    from lading.metadata.shown.samples import Samples
    from lading.metadata.times import Times
    from lading.metadata.uploads import ObjectUploads
    from lading.metadata.why import Why


class Metadata:
    """The nouns of a database.

    Args:
        read_only_hint, read_only_staleness: see `ReadOnlySwitch`.
    """

    def __init__(
        self,
        database: Database,
        *,
        read_only_hint: Path | None = None,
        read_only_staleness: float = 0.0,
    ) -> None:
        self.database = database
        self._attempts = attempts = Attempts(database)
        self.repositories = Repositories(database)
        self.manifests = Manifests(database, attempts)
        self.tags = Tags(database)
        self.links = Links(database, attempts)
        self.committed_uploads = CommittedUploads(database)
        self.read_only = ReadOnlySwitch(database, read_only_hint, read_only_staleness)

    def load(self) -> None:
        """Make every noun now, for a server: none of its requests is to wait for an import."""
        for name, attribute in vars(type(self)).items():
            if isinstance(attribute, cached_property):
                getattr(self, name)

    async def check(self, *, thorough: bool) -> Sequence[str]:
        """Findings of the database itself about what it keeps."""
        return await self.database.check(thorough=thorough)

    async def copy_to(self, target: Path) -> None:
        """Write a consistent copy, of one moment, into a new file; on disk when this returns."""
        await self.database.copy_to(target)

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        self.database.close()

    @cached_property
    def adoptions(self) -> "Adoptions":
        from lading.metadata.moving.adoptions import Adoptions

        return Adoptions(self.database)

    @cached_property
    def backup_holds(self) -> "BackupHolds":
        from lading.metadata.collecting.backup_holds import BackupHolds

        return BackupHolds(self.database)

    @cached_property
    def census(self) -> "Census":
        from lading.metadata.collecting.census import Census

        return Census(self.database)

    @cached_property
    def collection(self) -> "Collection":
        from lading.metadata.collecting.collection import Collection

        return Collection(self.database)

    @cached_property
    def events(self) -> "Events":
        from lading.metadata.shown.events import Events

        return Events(self.database)

    @cached_property
    def exports(self) -> "Exports":
        from lading.metadata.moving.exports import Exports

        return Exports(self.database)

    @cached_property
    def figures(self) -> "KeptFigures":
        from lading.metadata.shown.figures import KeptFigures

        return KeptFigures(self.database)

    @cached_property
    def damage(self) -> "Damage":
        from lading.metadata.damage import Damage

        return Damage(self.database, self._attempts)

    @cached_property
    def freeing(self) -> "Freeing":
        from lading.metadata.collecting.freeing import Freeing

        return Freeing(self.database)

    @cached_property
    def growth(self) -> "Growth":
        from lading.metadata.shown.growth import Growth

        return Growth(self.database)

    @cached_property
    def guesses(self) -> "Guesses":
        from lading.metadata.logins.guesses import Guesses

        return Guesses(self.database)

    @cached_property
    def inspection(self) -> "Inspection":
        from lading.metadata.inspection import Inspection

        return Inspection(self.database)

    @cached_property
    def jobs(self) -> "Jobs":
        from lading.metadata.jobs import Jobs

        return Jobs(self.database)

    @cached_property
    def migrations(self) -> "Migrations":
        from lading.metadata.moving.migrations import Migrations

        return Migrations(self.database)

    @cached_property
    def objects(self) -> "Objects":
        from lading.metadata.objects import Objects

        return Objects(self.database)

    @cached_property
    def overlays(self) -> "Overlays":
        from lading.metadata.layers.overlays import Overlays

        return Overlays(self.database, self._attempts)

    @cached_property
    def page_sessions(self) -> "PageSessions":
        from lading.metadata.logins.page_sessions import PageSessions

        return PageSessions(self.database, self._attempts)

    @cached_property
    def pulls(self) -> "LastPulls":
        from lading.metadata.shown.pulls import LastPulls

        return LastPulls(self.database)

    @cached_property
    def refresh_tokens(self) -> "RefreshTokens":
        from lading.metadata.logins.refresh_tokens import RefreshTokens

        return RefreshTokens(self.database, self._attempts)

    @cached_property
    def refusals(self) -> "Refusals":
        from lading.metadata.shown.refusals import Refusals

        return Refusals(self.database)

    @cached_property
    def right_logins(self) -> "RightLogins":
        from lading.metadata.logins.right_logins import RightLogins

        return RightLogins(self.database)

    @cached_property
    def robots(self) -> "Robots":
        from lading.metadata.logins.robots import Robots

        return Robots(self.database)

    @cached_property
    def samples(self) -> "Samples":
        from lading.metadata.shown.samples import Samples

        return Samples(self.database)

    @cached_property
    def secrets(self) -> "Secrets":
        from lading.metadata.logins.secrets import Secrets

        return Secrets(self.database)

    @cached_property
    def strangers(self) -> "Strangers":
        from lading.metadata.collecting.strangers import Strangers

        return Strangers(self.database)

    @cached_property
    def table_rows(self) -> "TableRows":
        from lading.metadata.moving.table_rows import TableRows

        return TableRows(self.database)

    @cached_property
    def times(self) -> "Times":
        from lading.metadata.times import Times

        return Times(self.database)

    @cached_property
    def trash(self) -> "Trash":
        from lading.metadata.restoration import Trash

        return Trash(self.database)

    @cached_property
    def trees(self) -> "Trees":
        from lading.metadata.layers.trees import Trees

        return Trees(self.database, self._attempts)

    @cached_property
    def uploads(self) -> "ObjectUploads":
        from lading.metadata.uploads import ObjectUploads

        return ObjectUploads(self.database)

    @cached_property
    def why(self) -> "Why":
        from lading.metadata.why import Why

        return Why(self.database)
