"""The metadata: all that is known of what is stored, by its nouns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lading.metadata.attempts import Attempts
from lading.metadata.backup_holds import BackupHolds
from lading.metadata.collection import Collection
from lading.metadata.committed_uploads import CommittedUploads
from lading.metadata.guesses import Guesses
from lading.metadata.inspection import Inspection
from lading.metadata.jobs import Jobs
from lading.metadata.links import Links
from lading.metadata.manifests import Manifests
from lading.metadata.read_only import ReadOnlySwitch
from lading.metadata.refresh_tokens import RefreshTokens
from lading.metadata.repositories import Repositories
from lading.metadata.restoration import Trash
from lading.metadata.right_logins import RightLogins
from lading.metadata.robots import Robots
from lading.metadata.secrets import Secrets
from lading.metadata.strangers import Strangers
from lading.metadata.tags import Tags
from lading.metadata.times import Times
from lading.metadata.why import Why
from lading.ports.database import Database


@dataclass(frozen=True, slots=True)
class Metadata:
    """The nouns of a database."""

    database: Database
    repositories: Repositories
    manifests: Manifests
    tags: Tags
    links: Links
    committed_uploads: CommittedUploads
    trash: Trash
    collection: Collection
    why: Why
    inspection: Inspection
    times: Times
    jobs: Jobs
    robots: Robots
    refresh_tokens: RefreshTokens
    read_only: ReadOnlySwitch
    strangers: Strangers
    backup_holds: BackupHolds
    secrets: Secrets
    right_logins: RightLogins
    guesses: Guesses

    @classmethod
    def on(
        cls,
        database: Database,
        *,
        read_only_hint: Path | None = None,
        read_only_staleness: float = 0.0,
    ) -> Self:
        """The metadata in a database.

        Args:
            read_only_hint, read_only_staleness: see `ReadOnlySwitch`.
        """
        attempts = Attempts(database)
        return cls(
            database=database,
            repositories=Repositories(database),
            manifests=Manifests(database, attempts),
            tags=Tags(database),
            links=Links(database, attempts),
            committed_uploads=CommittedUploads(database),
            trash=Trash(database),
            collection=Collection(database),
            why=Why(database),
            inspection=Inspection(database, attempts),
            times=Times(database),
            jobs=Jobs(database),
            robots=Robots(database),
            refresh_tokens=RefreshTokens(database, attempts),
            read_only=ReadOnlySwitch(database, read_only_hint, read_only_staleness),
            strangers=Strangers(database),
            backup_holds=BackupHolds(database),
            secrets=Secrets(database),
            right_logins=RightLogins(database),
            guesses=Guesses(database),
        )

    async def check(self, *, thorough: bool) -> Sequence[str]:
        """Findings of the database itself about what it keeps."""
        return await self.database.check(thorough=thorough)

    async def copy_to(self, target: Path) -> None:
        """Write a consistent copy, of one moment, into a new file; on disk when this returns."""
        await self.database.copy_to(target)

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        self.database.close()
