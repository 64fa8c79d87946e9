"""What each figure is called outside, and what it means: the one list of all metrics.

Names that begin with `registry_` are Distribution's, with the labels and the buckets that
dashboards know; our own begin with `lading_`. No label has a value that a client can choose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from lading.monitoring.memory import Fact
from lading.ports.measures import Count, Level, Timing

S = TypeVar("S")
Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Family(Generic[S]):
    """A family of metrics: those of one name.

    Attributes:
        name: as it is written.
        meaning: for a person.
        labels: names of what tells its metrics apart.
        series: what each of them is made of, by the values of the labels; empty if these are those
            of requests.
    """

    name: str
    kind: Kind
    meaning: str
    labels: Sequence[str] = ()
    series: Mapping[tuple[str, ...], S] = field(default_factory=dict)


def _kind(what: object) -> Kind:
    """The kind of a metric that is made of something: a timing, a level or a fact, or counts."""
    if isinstance(what, Timing):
        return "histogram"
    return "gauge" if isinstance(what, Level | Fact) else "counter"


def _one(name: str, meaning: str, what: S) -> Family[S]:
    """A family of one metric, without labels."""
    return Family(name, _kind(what), meaning, (), {(): what})


def _by(name: str, meaning: str, label: str, /, **series: S) -> Family[S]:
    """A family whose metrics have one label, by its values."""
    kind = _kind(next(iter(series.values())))
    return Family(name, kind, meaning, (label,), {(key,): what for key, what in series.items()})


REQUESTS: Family[None] = Family(
    "registry_http_requests_total",
    "counter",
    "Requests that were answered; the code is 499 where the client did not wait for an answer",
    ("code", "handler", "method"),
)
DURATIONS: Family[None] = Family(
    "registry_http_request_duration_seconds",
    "histogram",
    "How long requests took, from when they had arrived to when their answer had left",
    ("handler", "method"),
)
RECEIVED: Family[None] = Family(
    "registry_http_request_size_bytes",
    "histogram",
    "Sizes of the bodies of requests; their sum is what came in",
    ("handler",),
)
SENT: Family[None] = Family(
    "registry_http_response_size_bytes",
    "histogram",
    "Sizes of the bodies of answers; their sum is what went out",
    ("handler",),
)
IN_FLIGHT: Family[None] = Family(
    "registry_http_in_flight_requests", "gauge", "Requests that are being answered", ("handler",)
)

COUNTS: Sequence[Family[Sequence[Count]]] = (
    _by(
        "registry_storage_cache_total",
        "Small blobs that were asked for and were in memory, or not, as Distribution 2.8 counts",
        "type",
        Hit=(Count.CACHE_HITS,),
        Miss=(Count.CACHE_MISSES,),
        Request=(Count.CACHE_HITS, Count.CACHE_MISSES),
    ),
    _one(
        "registry_storage_cache_requests_total",
        "Small blobs that were asked for, as Distribution 3 counts",
        (Count.CACHE_HITS, Count.CACHE_MISSES),
    ),
    _one(
        "registry_storage_cache_hits_total",
        "Small blobs that were asked for and were in memory",
        (Count.CACHE_HITS,),
    ),
    _one("registry_storage_cache_errors_total", "Always 0: memory does not fail", ()),
    _by(
        "lading_database_repeats_total",
        "Writes that the database had undone and that were done again, by what was in their way",
        "cause",
        serialization=(Count.REPEATED_AFTER_SERIALIZATION,),
        deadlock=(Count.REPEATED_AFTER_DEADLOCK,),
        conflict=(Count.REPEATED_AFTER_CONFLICT,),
        connection=(Count.REPEATED_AFTER_LOST_CONNECTION,),
    ),
    _one(
        "lading_database_errors_total",
        "Calls of the database that failed, or took too long",
        (Count.DATABASE_ERRORS,),
    ),
    _one(
        "lading_database_commits_unknown_total",
        "Commits whose answer was lost: the client was told to try again",
        (Count.COMMITS_UNKNOWN,),
    ),
    _by(
        "lading_storage_repeats_total",
        "Requests to the object store that were made again, by why",
        "cause",
        throttled=(Count.STORE_REPEATED_THROTTLED,),
        timeout=(Count.STORE_REPEATED_TIMEOUT,),
        connection=(Count.STORE_REPEATED_CONNECTION,),
        server_error=(Count.STORE_REPEATED_SERVER_ERROR,),
    ),
    _one(
        "lading_storage_errors_total", "What the store of bytes could not do", (Count.STORE_ERRORS,)
    ),
    _by(
        "lading_logins_failed_total",
        "Logins that were wrong, and those that were not looked at as there were too many",
        "result",
        wrong=(Count.LOGINS_FAILED,),
        refused=(Count.LOGINS_REFUSED,),
    ),
    _one(
        "lading_log_lines_dropped_total",
        "Lines of logs that nobody took, and that are lost",
        (Count.LOG_LINES_DROPPED,),
    ),
    _by(
        "lading_collected_total",
        "What this server's collections have removed",
        "kind",
        manifest=(Count.MANIFESTS_COLLECTED,),
        blob=(Count.BLOBS_COLLECTED,),
        upload=(Count.UPLOADS_COLLECTED,),
    ),
    _one(
        "lading_collected_bytes_total",
        "Bytes that this server's collections have freed",
        (Count.BYTES_COLLECTED,),
    ),
    _one(
        "lading_damaged_total",
        "Blobs and manifests whose bytes were found to be lost or wrong",
        (Count.DAMAGES_FOUND,),
    ),
    _one(
        "lading_worker_starts_total",
        "Worker processes that were started; more than there are workers if some have died",
        (Count.WORKERS_STARTED,),
    ),
)


def timings(driver: str) -> Sequence[Family[Timing]]:
    """The families of timings; `driver` is where the bytes are."""
    return (
        Family(
            "registry_storage_action_seconds",
            "histogram",
            "How long the store of bytes took for what it was asked",
            ("action", "driver"),
            {(action, driver): timing for action, timing in _ACTIONS.items()},
        ),
        _by(
            "lading_database_seconds",
            "How long the database took, with all that it did again",
            "operation",
            read=Timing.DATABASE_READ,
            write=Timing.DATABASE_WRITE,
            scan=Timing.DATABASE_SCAN,
        ),
        _one(
            "lading_database_connection_wait_seconds",
            "How long was waited for a connection of the pool",
            Timing.CONNECTION_WAIT,
        ),
        _one(
            "lading_lock_wait_seconds",
            "How long was waited for the lock of a digest",
            Timing.LOCK_WAIT,
        ),
    )


_ACTIONS = {
    "GetContent": Timing.STORE_GET_CONTENT,
    "PutContent": Timing.STORE_PUT_CONTENT,
    "Reader": Timing.STORE_READER,
    "Writer": Timing.STORE_WRITER,
    "Stat": Timing.STORE_STAT,
    "List": Timing.STORE_LIST,
    "Move": Timing.STORE_MOVE,
    "Delete": Timing.STORE_DELETE,
    "URLFor": Timing.STORE_REDIRECT_URL,
}

LEVELS: Sequence[Family[Level]] = (
    _by(
        "lading_database_connections",
        "Connections to the database: of the pool, those of it in use, and those that hold locks",
        "state",
        open=Level.CONNECTIONS_OPEN,
        used=Level.CONNECTIONS_USED,
        locks=Level.LOCK_CONNECTIONS_USED,
    ),
    _one(
        "lading_database_connections_awaited",
        "Calls of the database that wait for a connection",
        Level.CONNECTIONS_AWAITED,
    ),
    _one("lading_workers", "Worker processes that serve", Level.WORKERS),
)

FACTS: Sequence[Family[Fact]] = (
    _one("lading_repositories", "Repositories", Fact.REPOSITORIES),
    _one("lading_tags", "Tags", Fact.TAGS),
    _by(
        "lading_manifests",
        "Manifests that something leads to, that nothing leads to, and in the trash",
        "class",
        referenced=Fact.MANIFESTS_REFERENCED,
        unreferenced=Fact.MANIFESTS_UNREFERENCED,
        deleted=Fact.MANIFESTS_DELETED,
    ),
    _by(
        "lading_manifest_bytes",
        "Bytes of these manifests",
        "class",
        referenced=Fact.MANIFEST_BYTES_REFERENCED,
        unreferenced=Fact.MANIFEST_BYTES_UNREFERENCED,
        deleted=Fact.MANIFEST_BYTES_DELETED,
    ),
    _by(
        "lading_blobs",
        "Blobs in a repository, in none, and those of both whose bytes are damaged or gone",
        "class",
        linked=Fact.BLOBS_LINKED,
        unlinked=Fact.BLOBS_UNLINKED,
        lost=Fact.BLOBS_LOST,
    ),
    _by(
        "lading_blob_bytes",
        "Bytes of these blobs",
        "class",
        linked=Fact.BLOB_BYTES_LINKED,
        unlinked=Fact.BLOB_BYTES_UNLINKED,
        lost=Fact.BLOB_BYTES_LOST,
    ),
    _one("lading_uploads", "Uploads that are not finished", Fact.UPLOADS_UNFINISHED),
    _by(
        "lading_job_finished_timestamp_seconds",
        "When a job was last done, by whichever server; two of them are an object store's",
        "name",
        collect=Fact.COLLECTION_FINISHED_AT,
        expire=Fact.EXPIRY_FINISHED_AT,
        join=Fact.JOINING_FINISHED_AT,
        remove=Fact.REMOVAL_FINISHED_AT,
    ),
    _by(
        "lading_job_seconds",
        "How long that took, with the rests in between",
        "name",
        collect=Fact.COLLECTION_SECONDS,
        expire=Fact.EXPIRY_SECONDS,
        join=Fact.JOINING_SECONDS,
        remove=Fact.REMOVAL_SECONDS,
    ),
    _by(
        "lading_storage_disk_bytes",
        "Size of the disk of the data, and what is free of it",
        "state",
        all=Fact.DISK_BYTES,
        free=Fact.DISK_FREE_BYTES,
    ),
    _one(
        "lading_storage_unused_objects",
        "Objects in a store that nothing needs, kept for a day for those who may be reading them",
        Fact.OBJECTS_UNUSED,
    ),
    _one("lading_storage_unused_bytes", "Bytes of these objects", Fact.OBJECT_BYTES_UNUSED),
    _one("lading_read_only", "1 while pushes and deletes are refused", Fact.READ_ONLY),
)

SURVEYS: Sequence[Family[Fact]] = (
    _one(
        "lading_facts_timestamp_seconds",
        "When the figures were found out that cost a look at all rows",
        Fact.FOUND_OUT_AT,
    ),
    _one(
        "lading_facts_expire_timestamp_seconds",
        "When these are told no more, unless they are found out again",
        Fact.EXPIRE_AT,
    ),
    _one(
        "lading_facts_attempt_timestamp_seconds",
        "When a worker last began to find them out, be it in vain",
        Fact.BEGUN_AT,
    ),
)

AGES: Sequence[Family[Fact]] = (
    _one(
        "lading_garbage_oldest_seconds",
        "Age of the oldest garbage that a collection would remove now; 0 if there is none",
        Fact.OLDEST_GARBAGE_SINCE,
    ),
    _one(
        "lading_garbage_overdue_seconds",
        "For how long a collection could have removed it; 0 if there is none",
        Fact.OLDEST_GARBAGE_DUE_AT,
    ),
)

BUILD: Family[None] = Family(
    "lading_build_info",
    "gauge",
    "1, with the version of lading and of Python",
    ("version", "python"),
)
