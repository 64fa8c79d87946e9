"""The whole configuration as values: its large sections are files beside this, small ones are here.

The names are the keys of the file, in lower case and without underscores: that is what lets an
environment variable name any of them. The descriptions are the reference page's text.
"""

import os
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lading.config.auth import AuthSection
from lading.config.database import DatabaseSection
from lading.config.http import HttpSection
from lading.config.monitoring import HealthSection
from lading.config.section import MisplacedError, Section
from lading.config.storage import StorageSection
from lading.config.values import AnyCase, OptionalPath, RepositoryPattern, Size, TagPattern
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
    """How many requests per second one address may make on average; what is more gets 429. 0 sets \
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
every few seconds; beyond them, only who has fewer than ten may begin one, up to twice as many in \
all, and others get 503. Each takes a file. 0 sets no limit."""
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
    """`true` switches both checks below off."""
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
    """`false` switches all pages off: browsers, too, then get an empty answer at `/`."""


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
        if self.storage.driver != "inmemory":
            return self
        if (self.http.workers or 1) > 1:
            advice = "write 1: processes cannot share `inmemory` storage"
            raise MisplacedError("http.workers", advice)
        if self.database.postgresql is not None:
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
