"""The metadata: all that is known of what is stored, by its nouns."""

from collections.abc import Sequence
from pathlib import Path

from lading.metadata.adoptions import Adoptions
from lading.metadata.attempts import Attempts
from lading.metadata.backup_holds import BackupHolds
from lading.metadata.census import Census
from lading.metadata.collection import Collection
from lading.metadata.events import Events
from lading.metadata.exports import Exports
from lading.metadata.figures import KeptFigures
from lading.metadata.freeing import Freeing
from lading.metadata.growth import Growth
from lading.metadata.guesses import Guesses
from lading.metadata.inspection import Inspection
from lading.metadata.jobs import Jobs
from lading.metadata.links import CommittedUploads, Links
from lading.metadata.manifests import Manifests
from lading.metadata.migrations import Migrations
from lading.metadata.objects import Objects
from lading.metadata.overlays import Overlays
from lading.metadata.page_sessions import PageSessions
from lading.metadata.pulls import LastPulls
from lading.metadata.read_only import ReadOnlySwitch
from lading.metadata.refresh_tokens import RefreshTokens
from lading.metadata.refusals import Refusals
from lading.metadata.repositories import Repositories
from lading.metadata.restoration import Trash
from lading.metadata.right_logins import RightLogins
from lading.metadata.robots import Robots
from lading.metadata.samples import Samples
from lading.metadata.secrets import Secrets
from lading.metadata.strangers import Strangers
from lading.metadata.table_rows import TableRows
from lading.metadata.tags import Tags
from lading.metadata.times import Times
from lading.metadata.trees import Trees
from lading.metadata.uploads import ObjectUploads
from lading.metadata.why import Why
from lading.ports.database import Database


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
        attempts = Attempts(database)
        self.database = database
        self.repositories = Repositories(database)
        self.manifests = Manifests(database, attempts)
        self.tags = Tags(database)
        self.links = Links(database, attempts)
        self.committed_uploads = CommittedUploads(database)
        self.trash = Trash(database)
        self.collection = Collection(database)
        self.why = Why(database)
        self.inspection = Inspection(database, attempts)
        self.times = Times(database)
        self.jobs = Jobs(database)
        self.robots = Robots(database)
        self.refresh_tokens = RefreshTokens(database, attempts)
        self.page_sessions = PageSessions(database, attempts)
        self.read_only = ReadOnlySwitch(database, read_only_hint, read_only_staleness)
        self.strangers = Strangers(database)
        self.backup_holds = BackupHolds(database)
        self.secrets = Secrets(database)
        self.right_logins = RightLogins(database)
        self.guesses = Guesses(database)
        self.migrations = Migrations(database)
        self.adoptions = Adoptions(database)
        self.exports = Exports(database)
        self.table_rows = TableRows(database)
        self.uploads = ObjectUploads(database)
        self.objects = Objects(database)
        self.census = Census(database)
        self.trees = Trees(database, attempts)
        self.overlays = Overlays(database, attempts)
        self.figures = KeptFigures(database)
        self.growth = Growth(database)
        self.samples = Samples(database)
        self.pulls = LastPulls(database)
        self.events = Events(database)
        self.refusals = Refusals(database)
        self.freeing = Freeing(database)

    async def check(self, *, thorough: bool) -> Sequence[str]:
        """Findings of the database itself about what it keeps."""
        return await self.database.check(thorough=thorough)

    async def copy_to(self, target: Path) -> None:
        """Write a consistent copy, of one moment, into a new file; on disk when this returns."""
        await self.database.copy_to(target)

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        self.database.close()
