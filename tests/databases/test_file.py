"""The database file: made once, shared by processes, and told apart from what it is not."""

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from lading.core.digest import Digest
from lading.core.errors import StorageFull, Unavailable
from lading.core.names import Tag
from lading.databases.schema import STEPS, NewerSchema
from lading.databases.sqlite import file
from lading.databases.sqlite.file import FileDatabase
from lading.databases.sqlite.read_only import ReadOnlyDatabase, has_nothing
from lading.metadata.manifests import StoredManifest
from lading.ports.database import DatabaseDamaged, SqlConnection
from tests.support import open_things
from tests.support.contents import HELLO, index
from tests.support.rows import digest_of, open_metadata, push, tags_of

EMPTY = index([])
SUBJECT = Digest.of(b"subject")
# Bytes of a page of the file (sqlite.org/fileformat.html).
PAGE = 4096


def test_what_cannot_be_opened_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor locked: a backup could not be restored before the process ends."""
    before = open_things.descriptors()

    def fail(_: Path) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(file, "Turn", fail)
    with pytest.raises(OSError, match="Too many open files"):
        FileDatabase(tmp_path / "database")
    assert not [name for _, name in open_things.descriptors() - before if str(tmp_path) in name]


async def test_what_was_pushed_is_there_after_a_restart(tmp_path: Path) -> None:
    """And after a worker was killed, which does not close anything."""
    path = tmp_path / "new" / "metadata.sqlite3"
    killed = open_metadata(path)
    await push(killed, EMPTY, "latest")

    again = open_metadata(path)

    assert await digest_of(again, "latest") == EMPTY.digest
    await killed.close()
    await again.close()


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize("replaced", [True, False])
async def test_nothing_is_acknowledged_that_goes_into_a_file_that_is_gone(
    tmp_path: Path, replaced: bool, ending: str
) -> None:
    """SQLite does not notice; and nothing new is made where it was, which would be empty."""
    metadata = open_metadata(tmp_path / "metadata.sqlite3")
    path = tmp_path / f"metadata.sqlite3{ending}"
    await push(metadata, EMPTY, "first")
    path.rename(tmp_path / "away")
    if replaced:
        path.write_bytes((tmp_path / "away").read_bytes())

    for _ in range(2):  # on the connection that was open, and on the next one
        with pytest.raises(Unavailable, match="log says why"):
            await push(metadata, EMPTY, "second")
    with pytest.raises(Unavailable, match="log says why"):
        await metadata.database.check(thorough=False)
    assert path.exists() is replaced

    (tmp_path / "away").rename(path)
    await push(metadata, EMPTY, "third")
    assert await digest_of(metadata, "third") == EMPTY.digest
    await metadata.close()


async def test_a_database_that_is_a_link_is_kept_where_it_leads(tmp_path: Path) -> None:
    """As one on a faster disk; its log is beside it."""
    link, real = tmp_path / "metadata.sqlite3", tmp_path / "fast" / "metadata.sqlite3"
    real.parent.mkdir()
    link.symlink_to(real)
    metadata = open_metadata(link)
    await push(metadata, EMPTY, "first")
    real.with_name("metadata.sqlite3-wal").unlink()
    with pytest.raises(Unavailable, match="log says why"):
        await push(metadata, EMPTY, "second")
    await metadata.close()


async def test_many_processes_make_one_database(tmp_path: Path) -> None:
    """Whichever comes first; all of them can write to it."""
    path = tmp_path / "metadata.sqlite3"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"tag{number}"])
        for number in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4

    metadata = open_metadata(path)
    assert await tags_of(metadata) == ["tag0", "tag1", "tag2", "tag3"]
    await metadata.close()


WRITER = """
import asyncio, sys
from contextlib import closing
from pathlib import Path
from tests.support.rows import open_metadata
from lading.metadata.metadata import Metadata
from tests.support.contents import index
from tests.support.rows import push

async def write():
    metadata = open_metadata(Path(sys.argv[1]))
    await push(metadata, index([]), sys.argv[2])
    await metadata.close()

asyncio.run(write())
"""


async def test_an_older_database_is_brought_up_to_date(tmp_path: Path) -> None:
    """With all that is in it; the first step is what the first release had."""
    path = tmp_path / "metadata.sqlite3"
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript(STEPS[0])
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO repositories VALUES (7, ?, 1)", (HELLO,))
        old.execute("INSERT INTO tags VALUES (7, 'latest', ?, 1)", (EMPTY.digest,))
        old.execute(
            "INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject,"
            " annotations, size, pushed_at, promised_at, body)"
            " VALUES (7, ?, ?, '', ?, '{\"a\":\"é\"}', 2, 1, 1, ?)",
            (EMPTY.digest, EMPTY.media_type, SUBJECT, EMPTY.body),
        )

    metadata = open_metadata(path)
    stored = StoredManifest(EMPTY.digest, EMPTY.media_type, EMPTY.body)
    assert await metadata.manifests.find(HELLO, Tag("latest")) == stored
    found = await metadata.manifests.referrers(
        HELLO, SUBJECT, artifact_type=None, after="", limit=1, max_size=0
    )
    assert [referrer.annotations for referrer in found.items] == ['{"a":"é"}'.encode()]
    await metadata.close()


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    """An older program would not keep the rules of the newer one."""
    path = tmp_path / "metadata.sqlite3"
    FileDatabase(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()

    with pytest.raises(NewerSchema, match="newer version of lading"):
        FileDatabase(path)


def test_a_database_that_is_none_is_said_to_be(tmp_path: Path) -> None:
    """Not made anew over what was there."""
    path = tmp_path / "metadata.sqlite3"
    path.write_bytes(b"certainly not a database, but somebody's file" * 100)
    before = path.read_bytes()

    with pytest.raises(DatabaseDamaged, match="not a database"):
        FileDatabase(path)
    assert path.read_bytes() == before


async def test_a_database_that_is_in_use_for_too_long_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients try again; reads are not affected."""
    monkeypatch.setattr("lading.databases.sqlite.file.BUSY_TIMEOUT", 0.05)
    metadata = open_metadata(tmp_path / "metadata.sqlite3")
    await push(metadata, EMPTY, "latest")
    other = sqlite3.connect(tmp_path / "metadata.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="busy"):
        await push(metadata, EMPTY, "v1")
    assert await digest_of(metadata, "latest") == EMPTY.digest
    other.close()

    await push(metadata, EMPTY, "v1")
    await metadata.close()


def test_a_database_that_is_locked_is_said_to_be_on_a_full_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else somebody frees space for nothing. What cannot be written has the disk's reason."""
    monkeypatch.setattr(file, "BUSY_TIMEOUT", 0.05)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("lading.databases.sqlite.connection.find_failure", lambda _: full)
    path = tmp_path / "metadata.sqlite3"
    FileDatabase(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match="database is locked"):
            FileDatabase(path)

    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="No space left"):
        FileDatabase(path)


async def test_a_full_disk_is_told_and_reads_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is half written; there is room again, and writes go on."""
    limit: list[str] = []
    connect = file._connect

    def limited(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        for statement in limit:
            connection.execute(statement)
        return connection

    monkeypatch.setattr(file, "_connect", limited)
    metadata = open_metadata(tmp_path / "metadata.sqlite3")
    limit.append("PRAGMA max_page_count = 1")
    big = index([], annotations={"note": "x" * 1_000_000})
    with pytest.raises(StorageFull):
        await push(metadata, big, "latest")
    assert await metadata.manifests.find(HELLO, Tag("latest")) is None
    limit.clear()

    await push(metadata, big, "latest")
    assert await digest_of(metadata, "latest") == big.digest
    await metadata.close()


async def test_a_damaged_database_is_unavailable(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told to wait, and the operator what is wrong."""
    path = tmp_path / "metadata.sqlite3"
    metadata = open_metadata(path)
    await push(metadata, EMPTY, "latest")
    await metadata.close()
    # All but the schema, which is needed to open it.
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE rootpage > 0"
        ).fetchall()
    with path.open("r+b") as file:
        for (page,) in tables:
            file.seek((page - 1) * PAGE)
            file.write(b"\xff" * PAGE)
    metadata = open_metadata(path)

    with pytest.raises(Unavailable, match="log says why"):
        await digest_of(metadata, "latest")
    assert "malformed" in caplog.text
    await metadata.close()


_DIES = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode = DELETE")
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN IMMEDIATE")
for number in range(1000):
    database.execute("INSERT INTO repositories (name) VALUES (?)", (f"{number:0>500}",))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_crash_left_half_done_is_undone_by_who_reads(tmp_path: Path) -> None:
    """SQLite tells nothing of such a file before that, not even its version."""
    path = tmp_path / "db"
    FileDatabase(path).close()
    subprocess.run([sys.executable, "-c", _DIES, path], check=False)
    assert path.with_name("db-journal").stat().st_size > 0

    assert has_nothing(path)
    ReadOnlyDatabase(path).close()


def test_blobs_without_a_repository_are_something(tmp_path: Path) -> None:
    """As a migration brings them first; what comes next must not take them for a stranger's."""
    path = tmp_path / "db"
    FileDatabase(path).close()
    assert has_nothing(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO blobs (digest, size, created_at) VALUES ('sha256:0', 1, 0)")

    assert not has_nothing(path)


COUNTED = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    SELECT count(*) FROM numbers
"""


@pytest.mark.parametrize(("count", "is_long"), [(10, False), (100_000, True)])
async def test_a_look_that_takes_long_goes_on_in_a_thread(
    tmp_path: Path, count: int, is_long: bool
) -> None:
    """Where it is short it needs neither a thread nor a connection of its own."""
    database = FileDatabase(tmp_path / "db")
    threads: list[int] = []

    def look(connection: SqlConnection) -> int:
        threads.append(threading.get_ident())
        return sum(connection.execute(COUNTED, (count,)).fetchone())

    for _ in range(50):
        threads.clear()
        assert await database.look(look) == count
        assert len(threads) == 1 + is_long
        assert (threads[-1] == threading.get_ident()) is not is_long
        assert await database.read(look) == count  # for which there is no such bound
    database.close()


async def test_a_look_is_at_one_moment_and_later_ones_see_what_was_written(tmp_path: Path) -> None:
    database, other = FileDatabase(tmp_path / "db"), FileDatabase(tmp_path / "db")

    def names(connection: SqlConnection) -> int:
        return len(connection.execute("SELECT name FROM repositories").fetchall())

    def fail(connection: SqlConnection) -> None:
        names(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.look(fail)
    assert await database.look(names) == 0
    await other.write(
        lambda connection: connection.execute("INSERT INTO repositories (name) VALUES ('a')")
    )
    assert await database.look(names) == 1
    with pytest.raises(Unavailable):
        await database.look(lambda connection: connection.execute("SELECT * FROM nothing"))
    database.close()
    other.close()
