"""The tables of all databases, as the steps that build them, in SQLite's words.

A released step is never edited; new ones are added. Each database turns the words into its own. One
that is not SQLite began when there were three steps: what moves rows in those finds none there.

How the tables hold together:

* A *link* says that a blob is in a repository. It is *unreferenced* while no manifest needs it.
* What was pushed of a manifest is its *document*. It has a table of its own, as SQLite writes a row
  as a whole: what happens to a manifest must not cost the MiBs that it may have. `annotations` is
  an object of JSON; where it is empty, they are large, and only in the body. Where that is
  empty, it is large, and in *pieces*, each from byte `start` on: a transaction writes one of them.
* A repository has `pushed_at`, and is listed, as long as it has manifests, be they in the trash.
* A manifest is unreferenced while no tag leads to it, no index holds it, and its subject is not
  there.
* Both know when a client was last told that they are there (`promised_at`), and when something has
  relied on that since (`used_at`); what came first is not told by the clock, which may be set back.
* `deleted_at` of a manifest: it is in the trash. Of a link: a client deleted the blob while a
  manifest in the trash still needs it.
* An *edge* says that a manifest refers to a blob or to another manifest of its repository. Edges of
  deleted manifests stay until the manifest is collected, so that it can be restored whole.
* `lost_at` of a blob or a manifest: a check found its bytes to be damaged or gone. It counts as not
  there, so that clients push it again, which heals it; what refers to it stays.
* An *orphan* is a tag that belongs to a manifest by its name (`core/names`), while that is
  in the trash, or was collected since the tag was set.
* `secrets`, `right_logins` and `guesses` are what several replicas share, where they share this
  database: alone, a machine has files and memory for it (`auth`).
* Where bytes are in an object store, an *upload* has a row while it is unfinished, and then until
  its commit is settled. `generation` is a number of the request that took it last, until
  `leased_until`; `writing` is the key of the object that this one stores.
* An *object* is a segment of an upload or of a blob, from byte `start` on; or nothing needs it
  since `unused_at` (0: it is being deleted; less: the store refuses to); or it is in quarantine, as
  its bytes are not those of that digest. Of a key that is only reserved, `stored_at` is 0.
* `adopted_tags` and `adopted_manifests` are what another registry's links said when its volume was
  adopted: what has changed there since is what differs from them.
* A *session* is somebody's who signed in to pages: the hash of its secret, and the login's stamp.
* `figures` of a repository are counted by a job, some time after what they count has changed;
  `recount` says that they are to be counted again (1), or are being counted (2). `samples` are
  those of the whole registry at a time, and `pulls` the last ones of each tag and manifest.
  `growth` is how large a repository was on days on which it had changed.
* `refusals` are the last requests that were refused, and the last sign-ins to pages.
* A *tree* is what was found in a layer, and an *entry* is a file of it; the tree of a blob that was
  collected has no digest any more, and goes in steps. An *overlay* is what the layers of an image
  are together: sums that were found once, by a key made of the layers' digests. An *asking* says
  who waits for either.
* A blob that lost its last link has `unlinked_at`; `deletions` are blobs whose row is gone and
  whose bytes are about to be.

The columns that start a collection (`deleted_at`, `loose_at`, `unlinked_at`) are kept exact by
whatever changes the graph, and have partial indexes: finding garbage costs what there is of it.
"""

from collections.abc import Sequence

from lading.ports.database import CannotOpen, SqlConnection

STEPS = (
    """
    CREATE TABLE repositories (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        pushed_at REAL
    ) STRICT;
    CREATE INDEX repositories_pushed ON repositories (name, pushed_at) WHERE pushed_at IS NOT NULL;

    CREATE TABLE blobs (
        digest TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        created_at REAL NOT NULL,
        unlinked_at REAL,
        lost_at REAL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX blobs_unlinked ON blobs (unlinked_at) WHERE unlinked_at IS NOT NULL;

    CREATE TABLE links (
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        digest TEXT NOT NULL REFERENCES blobs (digest),
        promised_at REAL NOT NULL,
        used_at REAL,
        loose_at REAL,
        deleted_at REAL,
        PRIMARY KEY (repository_id, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX links_digest ON links (digest);
    CREATE INDEX links_loose ON links (loose_at) WHERE loose_at IS NOT NULL;

    CREATE TABLE manifests (
        id INTEGER PRIMARY KEY,
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        digest TEXT NOT NULL,
        media_type TEXT NOT NULL,
        artifact_type TEXT NOT NULL,
        subject TEXT,
        annotations TEXT NOT NULL,
        size INTEGER NOT NULL,
        pushed_at REAL NOT NULL,
        promised_at REAL NOT NULL,
        used_at REAL,
        loose_at REAL,
        deleted_at REAL,
        deleted_by TEXT NOT NULL DEFAULT '',
        lost_at REAL,
        body BLOB NOT NULL,
        UNIQUE (repository_id, digest)
    ) STRICT;
    CREATE INDEX manifests_subject ON manifests (repository_id, subject, digest)
        WHERE subject IS NOT NULL;
    CREATE INDEX manifests_deleted ON manifests (deleted_at) WHERE deleted_at IS NOT NULL;
    CREATE INDEX manifests_loose ON manifests (loose_at) WHERE loose_at IS NOT NULL;

    CREATE TABLE edges (
        repository_id INTEGER NOT NULL,
        parent TEXT NOT NULL,
        child TEXT NOT NULL,
        kind TEXT NOT NULL,
        PRIMARY KEY (repository_id, parent, child)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX edges_child ON edges (repository_id, child);

    CREATE TABLE tags (
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        updated_at REAL NOT NULL,
        PRIMARY KEY (repository_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tags_digest ON tags (repository_id, digest);

    CREATE TABLE tag_history (
        id INTEGER PRIMARY KEY,
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        tag TEXT NOT NULL,
        digest TEXT,
        previous TEXT,
        actor TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT;
    CREATE INDEX tag_history_tag ON tag_history (repository_id, tag);
    CREATE INDEX tag_history_removed ON tag_history (at) WHERE digest IS NULL;

    CREATE TABLE committed_uploads (
        upload TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX committed_uploads_at ON committed_uploads (at);

    CREATE TABLE jobs (
        name TEXT PRIMARY KEY,
        holder TEXT,
        expires_at REAL NOT NULL,
        started_at REAL NOT NULL,
        finished_at REAL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE refresh_tokens (
        hash TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        stamp TEXT NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX refresh_tokens_name ON refresh_tokens (name, expires_at);
    CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);
    CREATE TABLE switches (
        name TEXT PRIMARY KEY,
        actor TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE holds (name TEXT PRIMARY KEY, until REAL NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE robots (
        name TEXT PRIMARY KEY,
        hash TEXT NOT NULL,
        repositories TEXT NOT NULL,
        actions TEXT NOT NULL,
        created_at REAL NOT NULL,
        created_by TEXT NOT NULL,
        expires_at REAL,
        used_at REAL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE deletions (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
        annotations BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    INSERT INTO documents SELECT id, CAST(annotations AS BLOB), body FROM manifests;
    ALTER TABLE manifests DROP COLUMN body;
    ALTER TABLE manifests DROP COLUMN annotations;
    """,
    """
    CREATE TABLE orphans (
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        tag TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (repository_id, tag)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO orphans (repository_id, tag, at)
    SELECT repository_id, name, CAST(strftime('%s', 'now') AS REAL) FROM tags
    WHERE name GLOB 'sha256-*' AND substr(name, 72) IN ('', '.sig', '.att', '.sbom')
        AND (repository_id, 'sha256:' || substr(name, 8, 64)) IN (
            SELECT repository_id, previous FROM tag_history
            UNION SELECT repository_id, digest FROM manifests WHERE deleted_at IS NOT NULL
            EXCEPT SELECT repository_id, digest FROM manifests WHERE deleted_at IS NULL);
    """,
    """
    CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE right_logins (hash TEXT PRIMARY KEY, ends_at REAL NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX right_logins_ends ON right_logins (ends_at);

    CREATE TABLE guesses (hash TEXT PRIMARY KEY, empty_at REAL NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX guesses_empty ON guesses (empty_at);
    """,
    """
    CREATE TABLE uploads (
        key TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        size INTEGER NOT NULL,
        active_at REAL NOT NULL,
        hash BLOB NOT NULL,
        wrong_digests INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        leased_until REAL,
        writing TEXT,
        digest TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX uploads_owner ON uploads (owner);
    CREATE INDEX uploads_writing ON uploads (writing) WHERE writing IS NOT NULL;

    CREATE TABLE objects (
        key TEXT PRIMARY KEY,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL,
        stored_at REAL NOT NULL,
        upload TEXT,
        digest TEXT,
        unused_at REAL,
        quarantined TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX objects_upload ON objects (upload, start) WHERE upload IS NOT NULL;
    CREATE UNIQUE INDEX objects_digest ON objects (digest, start) WHERE digest IS NOT NULL;
    CREATE INDEX objects_unused ON objects (unused_at) WHERE unused_at IS NOT NULL;
    CREATE INDEX objects_segments ON objects (digest) WHERE digest IS NOT NULL AND start > 0;
    """,
    """
    CREATE TABLE adopted_tags (
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (repository_id, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE adopted_manifests (
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        digest TEXT NOT NULL,
        PRIMARY KEY (repository_id, digest)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE sessions (
        hash TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        stamp TEXT NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_name ON sessions (name, expires_at);
    CREATE INDEX sessions_expires ON sessions (expires_at);
    """,
    """
    ALTER TABLE repositories ADD COLUMN recount INTEGER NOT NULL DEFAULT 1;
    CREATE INDEX repositories_recount ON repositories (id) WHERE recount > 0;

    CREATE TABLE figures (
        repository_id INTEGER PRIMARY KEY REFERENCES repositories (id),
        size INTEGER NOT NULL,
        tagged_size INTEGER NOT NULL,
        trash_size INTEGER NOT NULL,
        tags INTEGER NOT NULL,
        manifests INTEGER NOT NULL,
        pushed_at REAL,
        counted_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX figures_size ON figures (size, repository_id);
    CREATE INDEX figures_pushed ON figures (pushed_at, repository_id);

    CREATE TABLE samples (
        at REAL PRIMARY KEY,
        repositories INTEGER NOT NULL,
        tags INTEGER NOT NULL,
        stored INTEGER NOT NULL,
        tagged INTEGER NOT NULL,
        untagged INTEGER NOT NULL,
        trash INTEGER NOT NULL,
        shared INTEGER NOT NULL,
        unlinked INTEGER NOT NULL,
        uploads INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE pulls (
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        reference TEXT NOT NULL,
        at REAL NOT NULL,
        actor TEXT NOT NULL,
        PRIMARY KEY (repository_id, reference)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX pulls_at ON pulls (at);
    """,
    """
    CREATE INDEX tags_name ON tags (name);
    """,
    """
    CREATE TABLE trees (
        id INTEGER PRIMARY KEY,
        digest TEXT UNIQUE,
        state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        asked_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX trees_waiting ON trees (asked_at) WHERE state IN ('waiting', 'running');
    CREATE INDEX trees_asked ON trees (asked_at);
    CREATE INDEX trees_gone ON trees (id) WHERE digest IS NULL;

    CREATE TABLE entries (
        tree_id INTEGER NOT NULL REFERENCES trees (id),
        parent TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        size INTEGER NOT NULL,
        mode INTEGER NOT NULL,
        target TEXT NOT NULL,
        start INTEGER NOT NULL,
        PRIMARY KEY (tree_id, parent, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entries_marks ON entries (tree_id, parent, name) WHERE kind IN ('w', 'o');

    CREATE TABLE overlays (
        key TEXT PRIMARY KEY,
        layers TEXT NOT NULL,
        asked_at REAL NOT NULL,
        sums BLOB
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX overlays_waiting ON overlays (asked_at) WHERE sums IS NULL;
    CREATE INDEX overlays_asked ON overlays (asked_at);
    """,
    """
    CREATE TABLE growth (
        repository_id INTEGER NOT NULL REFERENCES repositories (id),
        at REAL NOT NULL,
        size INTEGER NOT NULL,
        tags INTEGER NOT NULL,
        PRIMARY KEY (repository_id, at)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE refusals (
        id INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        what TEXT NOT NULL,
        actor TEXT NOT NULL,
        claimed TEXT NOT NULL,
        repository TEXT NOT NULL,
        reference TEXT NOT NULL,
        address TEXT NOT NULL,
        status INTEGER NOT NULL,
        times INTEGER NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE document_pieces (
        id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
        start INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (id, start)
    ) STRICT;
    """,
    """
    CREATE TABLE askings (
        kind TEXT NOT NULL,
        asker TEXT NOT NULL,
        wanted TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (kind, asker, wanted)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX askings_turn ON askings (kind, asker, at);
    CREATE INDEX askings_wanted ON askings (kind, wanted);
    INSERT INTO askings SELECT 'tree', 'nobody known', digest, asked_at FROM trees
        WHERE state IN ('waiting', 'running') AND digest IS NOT NULL;
    INSERT INTO askings SELECT 'sums', 'nobody known', key, asked_at FROM overlays
        WHERE sums IS NULL;
    DROP INDEX trees_waiting;
    DROP INDEX overlays_waiting;
    """,
    """
    UPDATE repositories SET pushed_at = NULL WHERE pushed_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository_id = repositories.id);
    """,
)


class NewerSchema(CannotOpen):
    """The database was written by a newer version of lading."""


class OlderSchema(CannotOpen):
    """The database was written by an older version of lading, and cannot be changed."""


def pending(version: int) -> Sequence[str]:
    """The statements after so many steps; `NewerSchema` if these are more than this program has."""
    if version > len(STEPS):
        raise NewerSchema(
            "the database was written by a newer version of lading; run that one or newer"
        )
    statements = (text.strip() for step in STEPS[version:] for text in step.split(";"))
    return [text for text in statements if text]


def is_empty(connection: SqlConnection) -> bool:
    """Whether tables have nothing that was ever pushed or brought, and no robot.

    A migration brings blobs before the first repository, and may be killed in between; and what was
    adopted may have been empty.
    """
    places = ("repositories", "blobs", "robots", "switches WHERE name = 'adopted'")
    return all(
        connection.execute(f"SELECT 1 FROM {place} LIMIT 1").fetchone() is None for place in places
    )
