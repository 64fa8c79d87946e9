"""Locks where files are on NFS: Linux locks those alone that are open for writing (flock(2))."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from lading.auth.htpasswd import EditedUserFile
from lading.auth.secrets import SecretFile
from lading.blobs.file_locks import FileLocks
from lading.core.digest import Digest
from lading.core.errors import Unavailable
from lading.databases.sqlite.file import FileDatabase
from lading.databases.sqlite.locks import DatabaseInUse, Turn, having_open
from lading.system import lock_files
from lading.system.lock_files import open_lock_file

DIGEST = Digest.of(b"locked")


@pytest.fixture
def on_nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have locks as the kernel has them on NFS."""
    flock = fcntl.flock

    def lock(descriptor: int, operation: int) -> None:
        mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        if operation & fcntl.LOCK_EX and mode == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock)


@pytest.mark.usefixtures("on_nfs")
async def test_digests_are_locked_there(tmp_path: Path) -> None:
    locks = FileLocks.below(tmp_path)
    async with locks.lock(DIGEST), locks.lock_free([DIGEST]) as free:
        assert free == []
    async with locks.lock_free([DIGEST]) as free:
        assert free == [DIGEST]


@pytest.mark.usefixtures("on_nfs")
def test_a_database_is_locked_there(tmp_path: Path) -> None:
    path = tmp_path / "database"
    database = FileDatabase(path)
    with pytest.raises(DatabaseInUse), having_open(path, alone=True):
        pytest.fail("it is open")
    database.close()
    with having_open(path, alone=True):
        pass


@pytest.mark.usefixtures("on_nfs")
def test_writers_take_turns_there(tmp_path: Path) -> None:
    turn = Turn(tmp_path / "database")
    with turn:
        descriptor = os.open(tmp_path / "database.turn", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
    turn.close()


@pytest.mark.usefixtures("on_nfs")
async def test_secrets_are_kept_there(tmp_path: Path) -> None:
    secret = SecretFile(tmp_path / "keys.json")
    assert await secret.replace(None, b"keys")
    assert not await secret.replace(None, b"others")
    assert await secret.read() == b"keys"


def test_a_file_that_can_only_be_read_is_locked_where_that_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a command that was run as root."""
    open_file = os.open

    def refuse(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return open_file(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    descriptor = open_lock_file(tmp_path / "lock")
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


async def test_where_there_are_no_locks_who_pushes_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of any other failure of the storage; what is wrong stands in the log."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    locks = FileLocks.below(tmp_path)
    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(Unavailable):
        await locks.lock(DIGEST).__aenter__()
    with pytest.raises(Unavailable):
        await locks.lock_free([DIGEST]).__aenter__()


def test_who_keeps_a_small_file_locked_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody who may read its directory can lock that."""
    monkeypatch.setattr(lock_files, "PATIENCE", 0.1)
    path, other = tmp_path / "htpasswd", os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_SH)
    with pytest.raises(OSError, match="another process has its directory locked"):
        EditedUserFile(path).add("alice", "secret")
    os.close(other)
    EditedUserFile(path).add("alice", "secret")
    assert path.exists()
