"""A commit that has returned survives a power cut, whatever happened before it."""

from pathlib import Path

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from tests.support.contents import begin, path_of, store
from tests.support.disk import Disk, Killed

HELLO = b"hello"
DIGEST = Digest.of(HELLO)
# The directory of the upload's owner made; those of an algorithm and of a shard, each made and
# synced; the blob's own made; the file synced and renamed; its name synced, and that of its
# directory.
CALLS = 10


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Disk:
    """Watch over the root of the store, which is itself still to be made."""
    return Disk(monkeypatch, tmp_path)


async def test_a_committed_blob_survives_a_power_cut(disk: Disk, tmp_path: Path) -> None:
    """Its bytes, its name, and every directory that leads to it from where the operator said."""
    stores = Stores.in_files(tmp_path / "new" / "data")
    await store(stores, HELLO)
    await store(stores, b"another")

    assert disk.keeps(path_of(stores, DIGEST))
    assert disk.keeps(path_of(stores, Digest.of(b"another")))
    stores.close()


async def test_staged_bytes_need_not(disk: Disk, tmp_path: Path) -> None:
    """Nothing was acknowledged: no push pays for syncing before its commit."""
    stores = Stores.in_files(tmp_path)
    upload = await begin(stores)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(HELLO)

    assert not disk.keeps(tmp_path / "lading/uploads" / upload.owner / upload)
    stores.close()


@pytest.mark.parametrize("survivor", ["running", "started anew"])
@pytest.mark.parametrize("calls", range(CALLS))
async def test_what_a_killed_worker_left_half_durable_is_made_whole(
    disk: Disk, tmp_path: Path, survivor: str, calls: int
) -> None:
    """A name that is there may not survive: the next commit sees to it, whenever the kill was."""
    killed, running = Stores.in_files(tmp_path), Stores.in_files(tmp_path)
    disk.calls_left = calls
    with pytest.raises(Killed):
        await store(killed, HELLO)
    disk.calls_left = None

    stores = running if survivor == "running" else Stores.in_files(tmp_path)
    await store(stores, HELLO)

    assert disk.keeps(path_of(stores, DIGEST))
    for opened in (killed, running, stores):
        opened.close()


async def test_a_commit_is_killed_after_each_of_its_calls(disk: Disk, tmp_path: Path) -> None:
    """The test above stops after each of them."""
    stores = Stores.in_files(tmp_path)
    disk.calls_left = CALLS
    await store(stores, HELLO)

    assert disk.calls_left == 0
    stores.close()
