"""The data directory: who may read it, and where a server does not start in it."""

import errno
import fcntl
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lading.system import mounts
from lading.wiring import data_directory, machine_lock
from tests.support.commands import run
from tests.support.lading import lading_serve, program
from tests.support.pushes import Repository, digest_of
from tests.support.volumes import small_volume

LAYER = b"a layer"
MIB = 1024 * 1024


def modes(root: Path) -> dict[str, int]:
    """Of everything that others may read."""
    paths = [root / "lading", *(root / "lading").glob("metadata.sqlite3*")]
    locks = {".lock", ".turn"}  # in which nothing is
    return {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in paths if path.suffix not in locks
    }


def refused(directory: Path) -> str:
    done = run([program(), "serve", directory / "config.yml"], check=False, timeout=30)
    assert done.returncode == 1, done
    assert b"Traceback" not in done.stderr
    return done.stderr.decode()


PRIVATE = {
    "lading": 0o700,
    "metadata.sqlite3": 0o600,
    "metadata.sqlite3-wal": 0o600,
    "metadata.sqlite3-shm": 0o600,
}


def test_nobody_else_reads_what_is_beside_the_blobs(tmp_path: Path) -> None:
    """Whatever the umask; a proxy reads the blobs."""
    before = os.umask(0o022)
    try:
        with lading_serve(tmp_path) as registry:
            Repository(registry.client, "hello").push_image("latest", LAYER)
            assert modes(registry.root) == PRIVATE
            name = digest_of(LAYER)[7:]
            blob = registry.root / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"
            for path in (blob, *blob.relative_to(registry.root).parents):
                assert (registry.root / path).stat().st_mode & 0o004
            registry.run("backup", tmp_path / "backup")
        for path in (tmp_path / "backup", tmp_path / "backup/metadata.sqlite3"):
            assert not path.stat().st_mode & 0o077
        shutil.rmtree(registry.root / "lading")
        registry.run("restore-backup", tmp_path / "backup")
        assert modes(registry.root) == {"lading": 0o700, "metadata.sqlite3": 0o600}
    finally:
        os.umask(before)


def test_a_directory_that_others_could_read_is_mended_by_a_start(tmp_path: Path) -> None:
    with lading_serve(tmp_path) as registry:
        pass
    (registry.root / "lading").chmod(0o755)
    (registry.root / "lading/metadata.sqlite3").chmod(0o644)
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "hello").push_image("latest", LAYER)
        assert modes(registry.root) == PRIVATE


@pytest.mark.e2e
@pytest.mark.parametrize(
    "directory",
    ["docker", "lading", "docker/registry/v2/blobs/sha256", "docker/registry/v2/blobs/sha256/44"],
)
def test_blobs_and_uploads_on_two_file_systems_are_told_at_the_start(
    tmp_path: Path, directory: str
) -> None:
    """No push could succeed: an upload becomes a blob by a rename."""
    with lading_serve(tmp_path) as registry:
        pass
    shutil.rmtree(registry.root)
    path = registry.root / directory
    path.parent.mkdir(parents=True)
    with small_volume("tmpfs", path, size=16 * MIB):
        said = refused(tmp_path)
        assert "different file systems" in said
        assert "storage.filesystem.rootdirectory" in said


@pytest.mark.e2e
def test_two_mounts_of_one_file_system_are_two(tmp_path: Path) -> None:
    """Between them nothing can be renamed, either."""
    with lading_serve(tmp_path) as registry:
        pass
    docker = registry.root / "docker"
    run(["mount", "--bind", docker, docker])
    try:
        assert "different file systems or mounts" in refused(tmp_path)
    finally:
        run(["umount", docker])
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "hello").push_image("latest", LAYER)


def test_a_start_while_the_disk_of_the_blobs_is_away_says_so(tmp_path: Path) -> None:
    """Else each of them would be taken for lost."""
    with lading_serve(tmp_path) as registry:
        Repository(registry.client, "hello").push_image("latest", LAYER)
    docker = registry.root / "docker"
    docker.rename(tmp_path / "away")
    assert "not one of them is there" in refused(tmp_path)
    # Lost for good: that is written down, and heals by a push.
    registry.run("verify", "--repair", check=False)
    with lading_serve(tmp_path) as registry:
        hello = Repository(registry.client, "hello")
        assert hello.ask("HEAD", f"/blobs/{digest_of(LAYER)}").status == 404
        hello.push_image("latest", LAYER)


def test_a_second_server_on_a_network_file_system_is_refused(tmp_path: Path) -> None:
    """Its lock says who has it; it is gone with its holder."""
    lock = tmp_path / "server.lock"
    holding = (
        "import sys, time; from pathlib import Path\n"
        "from lading.wiring.machine_lock import locked_by_this_machine\n"
        "with locked_by_this_machine(Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", holding, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with (
            pytest.raises(
                data_directory.DataUnusable,
                match=rf"server \(process {other.pid} on .*stop it first",
            ),
            machine_lock.locked_by_this_machine(lock),
        ):
            pass
        other.kill()
    with machine_lock.locked_by_this_machine(lock):
        assert f"process {os.getpid()} on" in lock.read_text()


def test_over_smb_a_lock_of_another_one_is_told_by_another_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "Any IO on a locked file will always fail with EACCES" (flock(2), CIFS details)."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", refuse)
        patched.setattr(os, "pread", refuse)
        with (
            pytest.raises(data_directory.DataUnusable, match=r"another server \(unknown\) serves"),
            machine_lock.locked_by_this_machine(tmp_path / "server.lock"),
        ):
            pass


def test_only_file_systems_of_other_machines_are_taken_for_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mounts.network_kind(tmp_path) == ""
    assert mounts.network_kind(Path("/proc")) == ""
    monkeypatch.setattr(mounts, "NETWORK", frozenset({"proc"}))
    assert mounts.network_kind(Path("/proc/not/there")) == "proc"


@pytest.mark.parametrize(
    ("kind", "options", "warned"),
    [("nfs4", "rw,vers=4.2", True), ("nfs4", "rw,lookupcache=none", False), ("ext4", "rw", False)],
)
def test_nfs_that_shows_names_of_before_is_told_of(
    kind: str,
    options: str,
    warned: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Replicas that share it would go on with uploads that are blobs already."""
    mount = mounts._Mount(kind, frozenset(options.split(",")))
    monkeypatch.setattr(mounts, "_mount", lambda _: mount)
    data_directory.warn_of_old_names(tmp_path)
    assert ("mount it with lookupcache=none" in caplog.text) == warned
