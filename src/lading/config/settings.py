"""The whole configuration, as values.

The names are the keys of the file, in lower case and without underscores: that is what lets an
environment variable name any of them. The descriptions are the reference page's text.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lading.config.auth import AuthSection
from lading.config.database import DatabaseSection
from lading.config.monitoring import DebugSection, HealthSection
from lading.config.object_stores import RedirectSection, S3Section
from lading.config.section import MisplacedError, Nothing, Section
from lading.config.values import (
    AnyCase,
    BaseUrl,
    CipherSuite,
    Duration,
    FilePath,
    HeaderName,
    HeaderValue,
    Hidden,
    LocationPrefix,
    Network,
    OptionalPath,
    PathPrefix,
    PositiveDuration,
    RepositoryPattern,
    Size,
    TagPattern,
    TcpAddress,
    parse_tcp_address,
)
from lading.core.globs import Glob
from lading.core.manifest import DEFAULT_MAX_DESCRIPTORS

_MOST_WORKERS_UNASKED = 4
_MOST_ENTRIES = 2**31 - 1


class AccessLogSection(Section):
    """Section `log.accesslog`: the access log."""

    disabled: bool = False
    """`true` stops the access log: a line per request in Apache's combined format, as \
Distribution's, and behind that the request's id (`X-Request-ID`), how many seconds it took, how \
many bytes it brought, and the repository. With `log.formatter: json` a line is an object."""


class LogSection(Section):
    """Section `log`: what is logged, and how."""

    level: Annotated[Literal["error", "warn", "info", "debug"], AnyCase] = "info"
    """The least severe kind of line that is logged. A change of the file counts while the server \
runs, within seconds, or at once on SIGHUP."""
    formatter: Annotated[Literal["text", "json"], AnyCase] = "text"
    """Lines for people, or one JSON object per line, in the access log, too; `logstash` means \
`json`, with a warning."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Names and values that every line carries."""
    accesslog: AccessLogSection = Field(default_factory=AccessLogSection)
    """One line per request."""


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


class TlsSection(Section):
    """Section `http.tls`: HTTPS."""

    certificate: OptionalPath = None
    """The certificate in PEM, followed by those that lead to its root. Given, the registry speaks \
HTTPS and nothing else. A file that changes is taken up within seconds, or at once on SIGHUP."""
    key: OptionalPath = None
    """The private key of the certificate in PEM, without a password."""
    clientcas: tuple[FilePath, ...] = ()
    """The certificates in PEM of those who may issue certificates to clients; given, clients are \
asked for one."""
    clientauth: Annotated[
        Literal["verify-client-cert-if-given", "require-and-verify-client-cert"], AnyCase
    ] = "require-and-verify-client-cert"
    """Whether a client without a certificate is let in. Distribution's other two choices would \
let anybody in with any certificate, and are refused."""
    minimumtls: Annotated[Literal["tls1.2", "tls1.3"], AnyCase] = "tls1.2"
    """The oldest version of TLS that is spoken."""
    ciphersuites: tuple[CipherSuite, ...] = ()
    """The suites of TLS 1.2 to offer, by Go's names; by default those that OpenSSL and Python \
hold secure. The suites of TLS 1.3 are always offered."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if self.certificate is None and self.key is not None:
            raise MisplacedError("certificate", "write the file of the certificate too")
        if self.key is None and self.certificate is not None:
            raise MisplacedError("key", "write the file of the key too")
        if self.clientcas and self.certificate is None:
            raise MisplacedError("certificate", "write one: clients are asked for theirs over TLS")
        return self

    @property
    def enabled(self) -> bool:
        """Whether the registry speaks HTTPS."""
        return self.certificate is not None


class HttpSection(Section):
    """Section `http`: how the registry is reached."""

    addr: str = "127.0.0.1:5000"
    """Where to listen: `host:port`, `:port` for every interface, `[::1]:port`; for `net: unix` \
the path of the socket."""
    net: Annotated[Literal["tcp", "unix"], AnyCase] = "tcp"
    """The kind of socket."""
    host: BaseUrl | None = None
    """The URL by which clients reach the registry, with all that is before `/v2/` if it has a \
path. Given, `Location` headers start with it; otherwise they are relative, which is right behind \
any proxy."""
    secret: Hidden = None
    """Words that all replicas share and nobody else knows. By them the keys of tokens are sealed \
in PostgreSQL, so that whoever reads the database, or a backup of it, cannot sign any. Where \
metadata is in SQLite they are not needed. `lading config show` does not show them."""
    prefix: PathPrefix = ""
    """The path below which all others are, as in `/registry/`: for a proxy that passes on a part \
of its paths as they are. One that takes the prefix off says so by `X-Forwarded-Prefix`, and is \
believed if it is one of `http.trustedproxies`. A path in `http.host` counts instead of both."""
    relativeurls: bool = False
    """`true` keeps `Location` headers relative even if `host` is given."""
    headers: dict[HeaderName, tuple[HeaderValue, ...]] = Field(default_factory=dict)
    """Headers to add to every response: a list of values for each name."""
    draintimeout: Duration = timedelta(seconds=30)
    """How long requests may take to finish once the server was told to stop. Distribution's \
default is `0s`."""
    idletimeout: PositiveDuration = timedelta(minutes=5)
    """How long a client may stand still, in the middle of a request or an answer, until its \
connection is closed. A single byte counts as moving, however slow. A connection on which nothing \
was asked yet has a minute, or this if it is less. Not a key of Distribution."""
    keepalivetimeout: PositiveDuration = timedelta(minutes=75)
    """How long a connection is kept between two requests. Longer than proxies and balancers keep \
theirs (Envoy: an hour), so that none of them sends a request on one that is just being closed. \
When a worker has as many connections as it can serve, those that have been idle for longest are \
closed before. Not a key of Distribution."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """How many processes serve; by default one per usable core, at most 4. `inmemory` storage \
allows 1 only, and that is its default. Not a key of Distribution."""
    trustedproxies: tuple[Network, ...] = ()
    """The addresses or networks of proxies whose `X-Forwarded-*` and `X-Request-ID` headers are \
believed. Not a key of Distribution."""
    accelredirect: LocationPrefix | None = None
    """The `internal` location of an nginx in front that may send the files itself, such as \
`/_blobs/`: it is told which by `X-Accel-Redirect`. Not a key of Distribution."""

    tls: TlsSection = Field(default_factory=TlsSection)
    """HTTPS."""
    debug: DebugSection = Field(default_factory=DebugSection)
    """Another address, for who watches the server."""

    @model_validator(mode="after")
    def _address_fits_network(self) -> Self:
        try:
            if self.net == "tcp":
                parse_tcp_address(self.addr)
        except ValueError as error:
            raise MisplacedError("addr", str(error)) from error
        if self.net == "unix" and not ("/" in self.addr and self.addr.isprintable()):
            raise MisplacedError("addr", "write a path, as in `/run/lading/http.sock`")
        return self

    @property
    def listen(self) -> TcpAddress | Path:
        """The address to listen on: one of TCP, or the path of a Unix socket."""
        return parse_tcp_address(self.addr) if self.net == "tcp" else Path(self.addr)

    @property
    def locationbase(self) -> str:
        """The beginning of every `Location`; empty where they are to be relative."""
        return "" if self.host is None or self.relativeurls else self.host


class AuditSection(Section):
    """Section `audit`: the audit log, one JSON object per line of who did what."""

    file: OptionalPath = None
    """The file to append to, or `-` for standard output. It may be moved away at any time: a new \
one is begun then. While it cannot be written, entries wait, as many as 8 MiB hold; what is more \
is lost, and counted in the next entry."""
    reads: bool = True
    """`false` leaves out pulls and lists that were allowed."""


class LimitsSection(Section):
    """Section `limits`: what one client may ask for, and how large blobs and manifests may be."""

    requestrate: int = Field(default=0, ge=0, le=1_000_000)
    """How many requests per second one address may make for long; what is more gets 429. 0 sets \
no limit. Each worker has its share of it: a client that keeps to one connection gets one share."""
    requestburst: int = Field(default=200, ge=1, le=1_000_000)
    """How many requests one address may make at once before `requestrate` counts."""
    connections: int = Field(default=0, ge=0, le=1_000_000)
    """How many connections one address may have; what is more gets 429 and is closed. 0 sets no \
limit. `http.trustedproxies` are exempt. Each worker has its share, and at least one."""
    uploads: int = Field(default=0, ge=0, le=1_000_000)
    """How many uploads of one address, and there of one user, may run at the same time; what is \
more gets 429. 0 sets no limit. Each worker has its share, and at least one."""
    unfinisheduploads: int = Field(default=1000, ge=0, le=1_000_000)
    """How many uploads one user, or one address without a login, may have begun and not finished; \
beyond them, 429. They count until they are finished, cancelled, or given up \
(`storage.maintenance.uploadpurging`). 0 sets no limit."""
    allunfinisheduploads: int = Field(default=20_000, ge=0, le=10_000_000)
    """How many uploads all together may have begun and not finished, about, as they are counted \
every few seconds; beyond them, 503. Each takes a file. 0 sets no limit."""
    failedlogins: int = Field(default=30, ge=0, le=1_000_000)
    """How many wrong passwords per minute one address may try; what is more gets 429 and is not \
checked. As soon as so many were tried at one account from anywhere, an address from which it has \
not logged in before may try one a minute there. Robots and workloads have secrets that nobody can \
guess, and no such limit. 0 sets none. Each worker has its share."""
    headers: Size = Field(default=64 * 1024, ge=8 * 1024, le=1024 * 1024)
    """How large all headers of a request may be together, from `8 KiB` to `1 MiB`, with the ends \
of their lines; what is more gets 431, as do more than 128 lines. Tokens that list many \
repositories or groups take some KiB."""
    blobsize: Size = Field(default=0, ge=0)
    """How large a blob may be, as in `10 GiB`; 0 sets no limit."""
    manifestsize: Size = Field(default=4 * 1024 * 1024, ge=64 * 1024, le=64 * 1024 * 1024)
    """How large a manifest may be, at most `64 MiB`; clients expect at least `4 MiB`."""
    descriptors: int = Field(default=DEFAULT_MAX_DESCRIPTORS, ge=1000, le=1_000_000)
    """How many blobs and manifests one manifest may name, from 1,000 on; what names more gets \
413. Each is looked up in the database, and written down there."""


class CatalogSection(Section):
    """Section `catalog`: the list of repositories."""

    maxentries: int = Field(default=1000, ge=1, le=_MOST_ENTRIES)
    """The most repositories in one page; who asks for more gets as many, and the next page."""


class ImmutableSection(Section):
    """Section `tags.immutable[]`: tags that stay what they are."""

    repositories: tuple[RepositoryPattern, ...] = (Glob("**"),)
    """In which repositories: patterns such as `team/**`."""
    tags: tuple[TagPattern, ...] = (Glob("*"),)
    """Which tags: patterns such as `v*`."""
    exclude: tuple[TagPattern, ...] = ()
    """Which of these tags may be moved and deleted all the same, such as `*-rc*`."""


class TagsSection(Section):
    """Section `tags`: lists of tags, and tags that stay."""

    maxtags: int = Field(default=1000, ge=1, le=_MOST_ENTRIES)
    """The most tags in one page, for clients that ask for pages (`n`). Others get all tags."""
    immutable: tuple[ImmutableSection, ...] = ()
    """Tags that cannot be moved or deleted once they are set. Not a key of Distribution."""


class IndexesSection(Section):
    """Section `validation.manifests.indexes`: what is asked of an image index."""

    platforms: Annotated[Literal["all", "none"], AnyCase] = "all"
    """Which of its images must have been pushed before it: `all`, or `none` of them."""


class ManifestsSection(Section):
    """Section `validation.manifests`: what is asked of manifests."""

    indexes: IndexesSection = Field(default_factory=IndexesSection)
    """Image indexes."""
    sizes: Annotated[Literal["log", "strict"], AnyCase] = "log"
    """What happens to a manifest that says a wrong size of a blob or an image: `log` accepts it, \
with a line in the log, as some public images are like that; `strict` refuses it. Not a key of \
Distribution."""


class ValidationSection(Section):
    """Section `validation`: what is asked of a push beyond the specification."""

    disabled: bool = False
    """`true` asks nothing: neither `manifests.indexes.platforms` nor `manifests.sizes` counts."""
    manifests: ManifestsSection = Field(default_factory=ManifestsSection)
    """Manifests."""

    @property
    def childrenrequired(self) -> bool:
        """Whether the manifests that an index lists must be present when it is pushed."""
        return not self.disabled and self.manifests.indexes.platforms == "all"

    @property
    def sizesrequired(self) -> bool:
        """Whether the sizes that a manifest says must be right."""
        return not self.disabled and self.manifests.sizes == "strict"


class UiSection(Section):
    """Section `ui`: pages for people with a browser, on the registry's own address."""

    enabled: bool = True
    """`false` shows none: `/` is then empty for browsers, too."""


class Settings(Section):
    """The settings: all sections of the configuration."""

    version: Literal["0.1"] = "0.1"
    """The version of the file's schema. Every file must give it."""
    log: LogSection = Field(default_factory=LogSection)
    """Logging."""
    storage: StorageSection = Field(default_factory=StorageSection)
    """Storage; a bare `storage: inmemory` names a driver, too."""
    database: DatabaseSection = Field(default_factory=DatabaseSection)
    """The database. Not a section of Distribution."""
    auth: AuthSection = Field(default_factory=AuthSection)
    """Authentication."""
    http: HttpSection = Field(default_factory=HttpSection)
    """The HTTP server."""
    health: HealthSection = Field(default_factory=HealthSection)
    """Checks of what the registry rests on."""
    audit: AuditSection = Field(default_factory=AuditSection)
    """The audit log. Not a section of Distribution."""
    limits: LimitsSection = Field(default_factory=LimitsSection)
    """Limits. Not a section of Distribution."""
    catalog: CatalogSection = Field(default_factory=CatalogSection)
    """The list of repositories."""
    tags: TagsSection = Field(default_factory=TagsSection)
    """Tags."""
    validation: ValidationSection = Field(default_factory=ValidationSection)
    """Checks on what is pushed."""

    ui: UiSection = Field(default_factory=UiSection)
    """Pages for people with a browser. Not a section of Distribution."""

    @model_validator(mode="after")
    def _memory_is_not_shared(self) -> Self:
        if self.storage.driver == "inmemory" and (self.http.workers or 1) > 1:
            advice = "write 1: processes cannot share `inmemory` storage"
            raise MisplacedError("http.workers", advice)
        return self

    @model_validator(mode="after")
    def _memory_has_its_own_database(self) -> Self:
        if self.storage.driver == "inmemory" and self.database.postgresql is not None:
            advice = "remove it: what is known of `inmemory` storage is in memory, too"
            raise MisplacedError("database.postgresql", advice)
        return self

    @property
    def may_have_replicas(self) -> bool:
        """Whether other servers may work on the same data at the same time."""
        return self.database.postgresql is not None

    @property
    def workers(self) -> int:
        """The number of processes that serve, be it asked for or not."""
        if self.http.workers is not None:
            return self.http.workers
        if self.storage.driver == "inmemory":
            return 1
        return min(_MOST_WORKERS_UNASKED, len(os.sched_getaffinity(0)))
