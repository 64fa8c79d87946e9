"""Tables, in one list: what of each row goes along when a registry moves to another database.

Each table comes after those that its rows refer to, so that rows can be written in this order, and
removed in the other one. `tests/metadata/test_tables.py` compares the list with the schema: a new
table belongs here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table that a migration brings.

    Attributes:
        key: the columns of its primary key.
        rest: all other columns.
        references: the columns that refer to a row of another table, by that row's whole key.
        identity: the columns that differ only between rows that have nothing to do with each other,
            though they have one key: an id is given to another row once the first one is gone.
        large: columns with up to some MiB; where they are of the same length, they are the same.
        restless: columns that change without a push, as pulls and logins write them.
        is_restless: whether rows come and go without a push.
        is_numbered: whether the database itself gives the key to new rows.
        of_bytes: whether the rows are about where bytes are, and worth nothing elsewhere.
    """

    name: str
    key: tuple[str, ...]
    rest: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    identity: tuple[str, ...] = ()
    large: tuple[str, ...] = ()
    restless: tuple[str, ...] = ()
    is_restless: bool = False
    is_numbered: bool = False
    of_bytes: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, those of the key first."""
        return (*self.key, *self.rest)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Of rows that are about a repository.
_REPOSITORY = {"repository_id": "repositories"}

BLOBS = MovedTable("blobs", ("digest",), ("size", "created_at", "unlinked_at", "lost_at"))
DOCUMENTS = MovedTable(
    "documents",
    ("id",),
    ("annotations", "body"),
    references={"id": "manifests"},
    large=("annotations", "body"),
)
DOCUMENT_PIECES = MovedTable(
    "document_pieces",
    ("id", "start"),
    ("body",),
    references={"id": "manifests"},
    large=("body",),
)
DELETIONS = MovedTable("deletions", ("digest",), of_bytes=True)

MOVED = (
    MovedTable(
        "repositories",
        ("id",),
        ("name", "pushed_at", "recount"),
        identity=("name",),
        restless=("recount",),
        is_numbered=True,
    ),
    MovedTable(
        "uploads",
        ("key",),
        _words("owner size active_at hash wrong_digests generation leased_until writing digest"),
        of_bytes=True,
    ),
    MovedTable(
        "objects",
        ("key",),
        ("start", "size", "stored_at", "upload", "digest", "unused_at", "quarantined"),
        # Of the objects of one place in a blob, one is there at a time.
        identity=("start", "digest"),
        of_bytes=True,
    ),
    BLOBS,
    MovedTable(
        "links",
        ("repository_id", "digest"),
        ("promised_at", "used_at", "loose_at", "deleted_at"),
        references={"repository_id": "repositories", "digest": "blobs"},
        restless=("promised_at", "used_at"),
    ),
    MovedTable(
        "manifests",
        ("id",),
        _words(
            "repository_id digest media_type artifact_type subject size"
            " pushed_at promised_at used_at loose_at deleted_at deleted_by lost_at"
        ),
        references=_REPOSITORY,
        # One that was lost and is there again has another document.
        identity=("repository_id", "digest", "lost_at"),
        restless=("promised_at", "used_at"),
        is_numbered=True,
    ),
    # A document that is seen says that all of its pieces are there, so that these come after it.
    DOCUMENTS,
    DOCUMENT_PIECES,
    MovedTable("edges", ("repository_id", "parent", "child"), ("kind",)),
    MovedTable("tags", ("repository_id", "name"), ("digest", "updated_at"), references=_REPOSITORY),
    MovedTable(
        "tag_history",
        ("id",),
        ("repository_id", "tag", "digest", "previous", "actor", "at"),
        references=_REPOSITORY,
        is_numbered=True,
    ),
    MovedTable("orphans", ("repository_id", "tag"), ("at",), references=_REPOSITORY),
    MovedTable("adopted_tags", ("repository_id", "name"), ("digest", "at"), references=_REPOSITORY),
    MovedTable("adopted_manifests", ("repository_id", "digest"), references=_REPOSITORY),
    MovedTable("committed_uploads", ("upload",), ("digest", "at")),
    MovedTable("refresh_tokens", ("hash",), ("name", "stamp", "expires_at"), is_restless=True),
    MovedTable(
        "robots",
        ("name",),
        _words("hash repositories actions created_at created_by expires_at used_at"),
        restless=("used_at",),
    ),
    MovedTable(
        "figures",
        ("repository_id",),
        ("size", "tagged_size", "trash_size", "tags", "manifests", "pushed_at", "counted_at"),
        references=_REPOSITORY,
        restless=("size", "tagged_size", "trash_size", "tags", "manifests", "counted_at"),
        is_restless=True,
    ),
    MovedTable(
        "growth",
        ("repository_id", "at"),
        ("size", "tags"),
        references=_REPOSITORY,
        is_restless=True,
    ),
    MovedTable(
        "samples",
        ("at",),
        _words("repositories tags stored tagged untagged trash shared unlinked uploads"),
        is_restless=True,
    ),
    MovedTable(
        "pulls",
        ("repository_id", "reference"),
        ("at", "actor"),
        references=_REPOSITORY,
        restless=("at", "actor"),
        is_restless=True,
    ),
    DELETIONS,
)

# Tables whose rows stay behind, each with the reason.
LEFT = {
    "jobs": "leases are of processes, and the new registry does its jobs at its own times",
    "switches": "they are about one database: see `metadata/moving/migrations`",
    "secrets": "the new registry makes its own; clients that have a token get another one",
    "right_logins": "each login is checked once more",
    "guesses": "each guess is counted anew",
    "sessions": "whoever looks at pages signs in once more",
    "refusals": "they are of requests to the old registry",
    "trees": "the new registry looks into a layer once somebody asks",
    "entries": "they are of trees",
    "overlays": "they are of trees",
    "askings": "they are for trees",
    "holds": "a backup copies the bytes of the place that it was begun for",
}
