"""Section `storage` of the configuration: where bytes are, and for how long."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lading.config.object_stores import RedirectSection, S3Section
from lading.config.section import Nothing, Section
from lading.config.values import AnyCase, Duration, FilePath, PositiveDuration, Size


class FilesystemSection(Section):
    """Section `storage.filesystem`: blobs as files."""

    rootdirectory: FilePath = Path("/var/lib/registry")
    """The directory that holds everything. `./data` when no driver is named at all, \
`/var/lib/registry` when `filesystem` is named without a directory."""
    reserve: Size = Field(default=64 * 1024 * 1024, ge=0)
    """How much of the disk pushes leave free, as in `1 GiB`, so that there is always room for the \
database: a push that needs it gets 507. Not a key of Distribution."""
    foreignblobs: Annotated[Literal["refuse", "keep", "adopt"], AnyCase] = "refuse"
    """What to do where there are blobs already, and no database that knows them, as in \
Distribution's own directory: `refuse` to start; start with an empty registry and `keep` them, \
which are then not served, and never deleted as long as a `repositories` folder refers to them; or \
`adopt` what Distribution has, once, before the server starts (`lading adopt` does the same). Not \
a key of Distribution."""
    keeplinks: bool = False
    """Whether Distribution's links are kept while the server runs, some seconds behind, so that \
one can go back to Distribution any day (`lading export` writes them by hand). Not a key of \
Distribution."""


class DeleteSection(Section):
    """Section `storage.delete`: deleting over HTTP."""

    enabled: bool = True
    """`false` answers each `DELETE` of a tag, a manifest or a blob with 405. Distribution's \
default is `false`; here it is `true`, because what is deleted can be restored until it is \
collected."""


class ReadOnlySection(Section):
    """Section `storage.maintenance.readonly`: serving without accepting."""

    enabled: bool = False
    """`true` refuses every push and delete with 405."""


class UploadPurgingSection(Section):
    """Section `storage.maintenance.uploadpurging`: when unfinished uploads expire."""

    enabled: bool = True
    """`false` keeps unfinished uploads for ever."""
    age: Duration = timedelta(hours=168)
    """How long an upload may stay without progress."""
    interval: PositiveDuration = timedelta(hours=24)
    """How often to look for such uploads."""
    dryrun: bool = False
    """`true` logs what would be given up, and keeps it."""


class MaintenanceSection(Section):
    """Section `storage.maintenance`: upkeep of the storage."""

    uploadpurging: UploadPurgingSection = Field(default_factory=UploadPurgingSection)
    """Removal of unfinished uploads."""
    readonly: ReadOnlySection = Field(default_factory=ReadOnlySection)
    """Read-only mode."""


class GarbageCollectSection(Section):
    """Section `storage.garbagecollect`: when the server collects garbage, and what it spares."""

    enabled: bool = True
    """`false` leaves it to `lading garbage-collect`. Not a key of Distribution."""
    interval: PositiveDuration = timedelta(hours=1)
    """How long after a collection the next one starts; one worker of all does it. Not a key of \
Distribution."""
    grace: Duration = timedelta(hours=24)
    """How long bytes are kept, though no manifest uses them, after a client was told that they \
exist. Not a key of Distribution."""
    trash: Duration = timedelta(hours=168)
    """How long what was deleted can be restored, unless garbage is collected by hand. Not a key \
of Distribution."""
    untagged: bool = False
    """`true` collects manifests, too, that no tag, no index and no subject has led to for as long \
as deleted ones are kept. Not a key of Distribution."""
    attachments: bool = False
    """`true` puts into the trash, too, what clients keep beside an image that is gone from the \
repository: signatures, attestations and SBOMs of cosign, and lists of referrers. They have tags \
that are made of the image's digest: `sha256-…`, alone or with `.sig`, `.att` or `.sbom`. What \
never had its image here stays. Not a key of Distribution."""


class StorageSection(Section):
    """Section `storage`: where bytes are; at most one driver."""

    filesystem: FilesystemSection = FilesystemSection(rootdirectory=Path("data"))
    """Keep everything in a directory. The driver, unless another one is named."""
    inmemory: Nothing | None = None
    """Keep everything in memory until the process ends: for tests and demonstrations."""
    s3: S3Section | None = None
    """Keep the bytes of blobs in an object store."""
    redirect: RedirectSection = Field(default_factory=RedirectSection)
    """Redirects to the object store."""
    delete: DeleteSection = Field(default_factory=DeleteSection)
    """Deletion."""
    maintenance: MaintenanceSection = Field(default_factory=MaintenanceSection)
    """Upkeep."""
    garbagecollect: GarbageCollectSection = Field(default_factory=GarbageCollectSection)
    """Garbage collection."""

    @property
    def driver(self) -> Literal["filesystem", "inmemory", "s3"]:
        """The one driver in use."""
        if self.s3 is not None:
            return "s3"
        return "filesystem" if self.inmemory is None else "inmemory"

    @property
    def directory(self) -> Path:
        """The directory of what is on this machine."""
        return self.filesystem.rootdirectory if self.s3 is None else self.s3.localdirectory
