"""Blobs as files: the layout, strangers' files, other processes, and failures of the disk."""

import asyncio
import errno
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from lading.blobs import disk, file_blobs
from lading.blobs.small_cache import LARGEST
from lading.blobs.staged_file import SMALL
from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.errors import StorageFull, Unavailable, UploadOutOfOrder, UploadUnknown
from lading.core.names import UploadId, UploadKey
from lading.ports.blob_sources import LocalFile
from lading.ports.uploads import StagedUpload
from tests.support.contents import HELLO as HELLO_REPOSITORY
from tests.support.contents import begin, path_of, read, store
from tests.support.distribution import Tree
from tests.support.open_things import descriptors
from tests.support.processes import wait_until
from tests.support.temporary import on_disk

HELLO = b"hello"
PIECE = 256 * 1024
DIGEST = Digest.of(HELLO)


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    """An empty store in `tmp_path`."""
    opened = Stores.in_files(tmp_path)
    yield opened
    opened.close()


def files_below(root: Path) -> set[str]:
    """Return all files below a directory, but the locks."""
    paths = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {path for path in paths if "/locks/" not in path}


def full_disk(*_: object, **__: object) -> int:
    """Fail as a system call on a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def refused(*_: object) -> None:
    """Fail as a system call does that is not allowed."""
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_blobs_are_where_distribution_keeps_them(
    stores: Stores, tmp_path: Path, algorithm: str
) -> None:
    """So that a person can find and check them, and nginx can serve them by their key."""
    digest = await store(stores, bytes(LARGEST + 1), algorithm)

    found = await stores.blobs.find(digest)

    key = f"{algorithm}/{digest.hex[:2]}/{digest.hex}/data"
    assert found == LocalFile(f"{tmp_path}/docker/registry/v2/blobs/{key}", key)
    assert files_below(tmp_path) == {f"docker/registry/v2/blobs/{key}"}


async def test_damaged_bytes_are_not_kept_in_memory(stores: Stores) -> None:
    """When they are mended, the next pull gets what the digest names."""
    digest = await store(stores, HELLO)
    path_of(stores, digest).write_bytes(b"jello")
    assert await stores.blobs.find(digest) is None

    await store(stores, HELLO)
    assert read(await stores.blobs.find(digest)) == HELLO


async def test_what_is_kept_in_memory_alone_is_not_said_to_be_there(stores: Stores) -> None:
    """Who is told so does not push it again, and no other worker has it."""
    digest = await store(stores, HELLO)
    await stores.blobs.find(digest)
    path_of(stores, digest).unlink()

    assert read(await stores.blobs.find(digest)) == HELLO
    assert await stores.blobs.stat(digest) is None


async def test_what_the_disk_must_bring_is_read_as_well() -> None:
    """Nothing of it is in the page cache."""
    with on_disk() as directory, closing(Stores.in_files(directory / "data")) as stores:
        digest = await store(stores, HELLO)
        descriptor = os.open(path_of(stores, digest), os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)

        assert read(await stores.blobs.find(digest)) == HELLO


async def test_deleting_a_blob_leaves_nothing_of_it(stores: Stores, tmp_path: Path) -> None:
    """Neither the file nor the directory of its own."""
    digest = await store(stores, HELLO)

    await stores.blobs.delete([digest])

    assert files_below(tmp_path) == set()
    assert not path_of(stores, digest).parent.exists()


async def test_directories_of_owners_go_when_they_were_empty_for_long(
    stores: Stores, tmp_path: Path
) -> None:
    """An owner who comes back gets another; one that holds an upload stays."""
    ended, going_on = await begin(stores), await begin(stores)
    await commit_nothing(stores, ended)
    directories = {key: tmp_path / "lading/uploads" / key.owner for key in (ended, going_on)}
    await stores.uploads.tidy(time.time() - 60)
    assert all(directory.exists() for directory in directories.values())

    await stores.uploads.tidy(time.time() + 60)
    assert not directories[ended].exists()
    assert directories[going_on].exists()
    await stores.uploads.begin(ended, algorithm="sha256", now=0)
    assert await stores.uploads.size(ended) == 0


async def test_who_cancels_an_upload_leaves_nothing(stores: Stores, tmp_path: Path) -> None:
    """Not even a directory, of which there would be one for each address."""
    first = await begin(stores)
    second = UploadKey.of(HELLO_REPOSITORY, UploadId.of(uuid.uuid4(), first.owner))
    await stores.uploads.begin(second, algorithm="sha256", now=0)

    await stores.uploads.discard(first)
    assert await stores.uploads.size(second) == 0
    await stores.uploads.discard(second)
    assert list((tmp_path / "lading/uploads").iterdir()) == []


async def commit_nothing(stores: Stores, upload: UploadKey) -> None:
    """Finish an upload without any bytes."""
    digest = Digest.of(b"")
    async with stores.uploads.stage(upload) as staged:
        await staged.commit(digest)
        await stores.uploads.settle(upload, digest)


async def test_nobody_waits_until_the_bytes_of_a_deleted_blob_are_free(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes long for a large one, and who deletes it holds a lock."""
    digest = await store(stores, HELLO)
    os.truncate(path_of(stores, digest), file_blobs.LARGE)
    busy, go_on, free = threading.Event(), threading.Event(), file_blobs._free

    def slow(descriptor: int) -> None:
        busy.set()
        go_on.wait(60)
        free(descriptor)

    monkeypatch.setattr(file_blobs, "_free", slow)
    await stores.blobs.delete([digest])

    assert not path_of(stores, digest).parent.exists()
    assert busy.wait(60)
    go_on.set()


async def test_few_files_and_one_thread_wait_until_bytes_are_free(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many large blobs are deleted meanwhile: others want these, too."""
    monkeypatch.setattr(file_blobs, "LARGE", 1)
    monkeypatch.setattr(file_blobs, "MOST_WAITING", 5)
    digests = [await store(stores, b"%d" % number) for number in range(12)]
    go_on, free, busy = threading.Event(), file_blobs._free, set[int]()

    def slow(descriptor: int) -> None:
        busy.add(threading.get_ident())
        go_on.wait(60)
        free(descriptor)

    monkeypatch.setattr(file_blobs, "_free", slow)
    before = descriptors()
    for start in range(0, len(digests), 4):
        await stores.blobs.delete(digests[start : start + 4])
    waiting = {name for _, name in descriptors() - before if "/blobs/" in name}

    assert len(waiting) == 5
    assert not any([await stores.blobs.find(digest) for digest in digests])
    go_on.set()
    wait_until(
        lambda: not {each for each in descriptors() - before if "/blobs/" in each[1]}, "room"
    )
    assert len(busy) == 1


async def test_a_deletion_that_fails_half_way_keeps_no_bytes(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of names that are gone by then are freed: else they would be there until the end."""
    monkeypatch.setattr(file_blobs, "LARGE", 1)
    first, second = [await store(stores, data) for data in (b"first", b"second")]
    remove = disk.remove_file

    def fail(path: str) -> None:
        if second.hex in path:
            raise OSError(errno.EIO, "Input/output error")
        remove(path)

    monkeypatch.setattr(file_blobs, "remove_file", fail)
    with pytest.raises(Unavailable):
        await stores.blobs.delete([first, second])

    assert await stores.blobs.find(first) is None
    wait_until(lambda: not [name for _, name in descriptors() if first.hex in name], "room")


async def test_a_store_survives_the_removal_of_empty_directories(stores: Stores) -> None:
    """As people tidy up after a collection."""
    digest = await store(stores, HELLO)
    await stores.blobs.delete([digest])
    path_of(stores, digest).parents[1].rmdir()
    path_of(stores, digest).parents[2].rmdir()

    await store(stores, HELLO)

    assert read(await stores.blobs.find(digest)) == HELLO


async def test_strangers_files_are_no_blobs(stores: Stores, tmp_path: Path) -> None:
    """Whatever people and other programs leave there."""
    digest = await store(stores, HELLO)
    top = tmp_path / "docker/registry/v2/blobs"
    for stray in (
        "README",
        "sha256/.DS_Store",
        "sha256/lost+found/x",
        f"sha256/ab/{'0' * 63}/data",
        f"sha256/ab/{'ab' * 32}/data.tmp",
        f"sha256/{'cd' * 32}",
        f"md5/ab/{'ab' * 16}/data",
    ):
        (top / stray).parent.mkdir(parents=True, exist_ok=True)
        (top / stray).write_bytes(b"")

    assert [found async for found in stores.blobs.digests()] == [digest]


async def test_a_blob_of_the_wrong_size_is_replaced(stores: Stores) -> None:
    """A push heals what was cut off."""
    digest = await store(stores, HELLO)
    path_of(stores, digest).write_bytes(b"hel")

    await store(stores, HELLO)

    assert read(await stores.blobs.find(digest)) == HELLO


async def test_what_is_open_can_be_read_to_its_end(stores: Stores) -> None:
    """A pull that has begun survives the deletion of its blob."""
    digest = await store(stores, HELLO)
    with path_of(stores, digest).open("rb") as opened:
        await stores.blobs.delete([digest])

        assert opened.read() == HELLO


async def test_bytes_that_were_written_survive_the_process(stores: Stores, tmp_path: Path) -> None:
    """A worker that starts anew finds the upload where it was."""
    upload = await begin(stores)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(HELLO)
        assert files_below(tmp_path) == {f"lading/uploads/{upload.owner}/{upload}"}
        assert (tmp_path / "lading/uploads" / upload.owner / upload).read_bytes() == HELLO


@pytest.mark.parametrize("what", ["lock", "upload"])
async def test_a_process_that_is_killed_lets_go_of_its_locks(
    stores: Stores, tmp_path: Path, what: str
) -> None:
    """As it holds them; until then nobody else gets them."""
    upload = await begin(stores)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), what, upload, DIGEST],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holding\n"
        if what == "upload":
            with pytest.raises(UploadOutOfOrder):
                await stores.uploads.stage(upload).__aenter__()
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), stores.locks.lock(DIGEST):
                    pass
    finally:
        holder.kill()
        holder.communicate()

    async with asyncio.timeout(60), stores.locks.lock(DIGEST), stores.uploads.stage(upload):
        pass


HOLDER = """
import asyncio, sys
from pathlib import Path
from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.names import UploadKey

async def hold():
    stores = Stores.in_files(Path(sys.argv[1]))
    upload = UploadKey(sys.argv[3])
    lock, stage = stores.locks.lock(Digest(sys.argv[4])), stores.uploads.stage(upload)
    async with lock if sys.argv[2] == "lock" else stage:
        print("holding", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be a user who may read what others have made, and no more."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    yield
    if is_root:
        os.seteuid(0)


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that other users can reach."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
async def lock_of_another_user(public_directory: Path) -> AsyncIterator[Stores]:
    """A store where the lock of `DIGEST` may only be read."""
    stores = Stores.in_files(public_directory)
    lock = public_directory / "lading/locks" / DIGEST.hex[:2]
    lock.touch()
    lock.chmod(0o444)
    yield stores
    stores.close()


async def test_a_lock_that_another_user_made_can_be_held(
    lock_of_another_user: Stores, nobody: None
) -> None:
    """After `sudo lading garbage-collect`, the server goes on."""
    async with lock_of_another_user.locks.lock(DIGEST):
        pass


async def test_nobody_waits_until_the_bytes_of_a_blob_are_free_that_was_still_sent(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are when the last one of those who read it closes its file."""
    source = await stores.blobs.find(await store(stores, bytes(SMALL + 1)))
    assert isinstance(source, LocalFile)
    closed, close = asyncio.Event(), os.close
    closers: list[int] = []
    loop = asyncio.get_running_loop()

    def noted(descriptor: int) -> None:
        closers.append(threading.get_ident())
        close(descriptor)
        loop.call_soon_threadsafe(closed.set)

    with source.open() as opened:
        Path(source.path).unlink()
        assert await opened.read(0, 1) == bytes(1)
        monkeypatch.setattr(os, "close", noted)
    await closed.wait()

    assert len(closers) == 1
    assert threading.get_ident() not in closers


async def test_nobody_waits_until_the_bytes_of_a_given_up_upload_are_free(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are when the file is closed that has no name any more."""
    upload, closers, close = await begin(stores), list[int](), os.close

    def noted(descriptor: int) -> None:
        if not os.fstat(descriptor).st_nlink:
            closers.append(threading.get_ident())
        close(descriptor)

    monkeypatch.setattr(os, "close", noted)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(bytes(SMALL + 1))
        await stores.uploads.discard(upload)

    assert len(closers) == 1
    assert threading.get_ident() not in closers


async def test_others_have_turns_between_small_pieces(stores: Stores) -> None:
    """There is nothing to wait for as long as more of them are here already."""
    upload, turns, is_over = await begin(stores), 0, False

    async def others() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    async with stores.uploads.stage(upload) as staged:
        before = turns
        for _ in range(100):
            await staged.write(bytes(SMALL))
        assert turns > before + 5
    is_over = True
    await waiting


async def test_a_request_that_is_given_up_holds_its_upload_until_the_disk_is_done(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next request would write to the same place at the same time."""
    writing, go_on, large = asyncio.Event(), False, bytes(SMALL + 1)
    loop = asyncio.get_running_loop()
    pwrite = os.pwrite

    def slow(*arguments: int | memoryview) -> int:
        loop.call_soon_threadsafe(writing.set)
        wait_until(lambda: go_on, "the test")
        return pwrite(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "pwrite", slow)
    upload = await begin(stores)

    async def request() -> None:
        async with stores.uploads.stage(upload) as staged:
            await staged.write(large)

    given_up = asyncio.create_task(request())
    await writing.wait()
    given_up.cancel()
    await asyncio.sleep(0.02)
    with pytest.raises(UploadOutOfOrder):
        await stores.uploads.stage(upload).__aenter__()
    go_on = True
    with pytest.raises(asyncio.CancelledError):
        await given_up
    async with stores.uploads.stage(upload) as staged:
        assert staged.size == len(large)


async def test_a_disk_that_turns_out_to_be_full_at_the_end_is_said_to_be(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on NFS: "a subsequent close … may report a write error" (close(2))."""
    upload = await begin(stores)
    close = os.close

    def report(descriptor: int) -> None:
        is_upload = str(upload) in str(Path(f"/proc/self/fd/{descriptor}").readlink())
        close(descriptor)
        if is_upload:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    async def request() -> None:
        async with stores.uploads.stage(upload) as staged:
            await staged.write(HELLO)

    with monkeypatch.context() as patched:
        patched.setattr(os, "close", report)
        with pytest.raises(StorageFull):
            await request()
    assert await stores.uploads.size(upload) == len(HELLO)


async def test_large_pieces_are_the_callers_again_one_write_later(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before: meanwhile they are written and hashed, however slow the disk is."""
    pwrite = os.pwrite

    def slow(*arguments: int | memoryview) -> int:
        time.sleep(0.005)
        return pwrite(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "pwrite", slow)
    sent = [os.urandom(PIECE) for _ in range(8)]
    buffers = [bytearray(PIECE), bytearray(PIECE)]
    digest = Digest.of(b"".join(sent))
    upload = await begin(stores)
    async with stores.uploads.stage(upload) as staged:
        for number, data in enumerate(sent):
            buffers[number % 2][:] = data
            await staged.write(buffers[number % 2])
        await staged.finish()
        buffers[1][:] = bytes(PIECE)
        await staged.commit(digest)

    assert read(await stores.blobs.find(digest)) == b"".join(sent)


@pytest.mark.parametrize("failing", range(4))
async def test_behind_a_piece_that_could_not_be_written_there_is_nothing(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """What is there is a beginning of what was sent; and its hash is not taken for another's."""
    sent = [os.urandom(PIECE) for _ in range(4)]
    pwrite, calls = os.pwrite, itertools.count()

    def full_once(*arguments: int | memoryview) -> int:
        return full_disk() if next(calls) == failing else pwrite(*arguments)  # type: ignore[arg-type]

    upload = await begin(stores)
    async with stores.uploads.stage(upload) as staged:
        monkeypatch.setattr(os, "pwrite", full_once)
        with pytest.raises(StorageFull):
            await send(staged, sent)
        assert staged.size == failing * PIECE
        assert await stores.uploads.size(upload) == staged.size

    async with stores.uploads.stage(upload) as staged:
        await send(staged, sent[failing:])
        await staged.commit(Digest.of(b"".join(sent)))


async def send(staged: StagedUpload, pieces: Sequence[bytes]) -> None:
    """Write pieces, all the way."""
    for piece in pieces:
        await staged.write(piece)
    await staged.finish()


async def test_a_full_disk_is_told(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """By each thing that needs space; what is stored can be read."""
    digest = await store(stores, HELLO)
    upload = await begin(stores)
    monkeypatch.setattr(os, "pwrite", full_disk)
    async with stores.uploads.stage(upload) as staged:
        with pytest.raises(StorageFull):
            await staged.write(HELLO)
    monkeypatch.setattr(disk, "make_file", full_disk)
    with pytest.raises(StorageFull):
        await begin(stores)

    assert read(await stores.blobs.find(digest)) == HELLO


@pytest.mark.parametrize("call", ["fsync", "mkdir", "replace"])
async def test_a_commit_that_fails_leaves_the_upload_as_it_was(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """It can go back and be committed when there is space again."""
    upload = await begin(stores)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(b"hel")
    async with stores.uploads.stage(upload) as staged:
        await staged.write(b"lo")
        with monkeypatch.context() as broken:
            broken.setattr(os, call, full_disk)
            with pytest.raises(StorageFull):
                await staged.commit(DIGEST)
        await staged.rewind(3)
    assert await stores.blobs.find(DIGEST) is None

    async with stores.uploads.stage(upload) as staged:
        assert staged.size == 3
        await staged.write(b"lo")
        await staged.commit(DIGEST)
    assert read(await stores.blobs.find(DIGEST)) == HELLO


async def test_a_commit_that_fails_after_its_rename_has_made_a_blob(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going back must not cut it; committing the same again makes it durable."""
    upload = await begin(stores)
    fsync = os.fsync

    def fail_after_rename(descriptor: int) -> None:
        if path_of(stores, DIGEST).exists():
            full_disk()
        fsync(descriptor)

    async with stores.uploads.stage(upload) as staged:
        await staged.write(HELLO)
        monkeypatch.setattr(os, "fsync", fail_after_rename)
        with pytest.raises(StorageFull):
            await staged.commit(DIGEST)
        await staged.rewind(0)
    monkeypatch.undo()

    assert read(await stores.blobs.find(DIGEST)) == HELLO
    await store(stores, HELLO)


@pytest.mark.parametrize("change", [refused, lambda *_: None], ids=["refused", "not kept"])
async def test_an_upload_that_cannot_be_marked_as_cut_is_given_up(
    stores: Stores,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: Callable[..., None],
) -> None:
    """Better none than one whose kept hash is wrong; its space is free at once."""
    upload = await begin(stores)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(HELLO)
        with monkeypatch.context() as broken:
            broken.setattr(os, "fchmod", change)
            with pytest.raises(Unavailable):
                await staged.rewind(3)

    assert files_below(tmp_path) == set()
    with pytest.raises(UploadUnknown):
        await stores.uploads.stage(upload).__aenter__()


async def test_nothing_is_left_of_an_upload_that_was_cut_and_committed(
    stores: Stores, tmp_path: Path
) -> None:
    """The mark goes with it; likewise when it is discarded. A blob is a file like any other."""
    for end in ("commit", "discard"):
        upload = await begin(stores)
        async with stores.uploads.stage(upload) as staged:
            await staged.write(b"help!")
            await staged.rewind(3)
            await staged.write(b"lo")
            if end == "commit":
                await staged.commit(DIGEST)
                await stores.uploads.settle(upload, DIGEST)
        await stores.uploads.discard(upload)

    assert files_below(tmp_path) == {path_of(stores, DIGEST).relative_to(tmp_path).as_posix()}
    assert not path_of(stores, DIGEST).stat().st_mode & 0o111


async def test_where_files_have_one_name_the_mark_is_a_file_of_its_own(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on exFAT, and on many file systems of networks."""

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    upload = await begin(stores)

    async with stores.uploads.stage(upload) as staged:
        await staged.write(HELLO)
        await staged.commit(DIGEST)

    assert [mark.digest for mark in await stores.uploads.list_all()] == [DIGEST]
    await stores.uploads.settle(upload, DIGEST)
    assert await stores.uploads.list_all() == []
    assert read(await stores.blobs.find(DIGEST)) == HELLO


async def test_a_mark_takes_no_inode(stores: Stores, tmp_path: Path) -> None:
    """It is another name of the blob, so that a push lets go of no file."""
    upload = await begin(stores)
    async with stores.uploads.stage(upload) as staged:
        await staged.write(HELLO)
        await staged.commit(DIGEST)

    (mark,) = (tmp_path / "lading/uploads").glob("*/*")
    assert mark.samefile(path_of(stores, DIGEST))


async def test_damaged_bytes_taken_aside_replace_none_that_were_taken_before(
    stores: Stores,
) -> None:
    places = []
    for damaged in (b"hell0", b"HELLO"):
        await store(stores, HELLO)
        path_of(stores, DIGEST).write_bytes(damaged)
        places.append(await stores.blobs.quarantine(DIGEST))
    assert [Path(str(place)).read_bytes() for place in places] == [b"hell0", b"HELLO"]


@pytest.mark.parametrize("name", ["hello", "a/b/c"])
async def test_what_repositories_of_distribution_refer_to_is_never_deleted(
    stores: Stores, tmp_path: Path, name: str
) -> None:
    tree = Tree(tmp_path)
    layer, manifest = tree.layer(name, HELLO), tree.manifest(f"{name}/below", "latest", b"manifest")
    stray = tree.blob(b"stray")
    digests = [Digest.of(data) for data in (HELLO, b"manifest", b"stray")]
    assert await stores.blobs.is_shared()
    assert await stores.blobs.referred_to(digests) == set(digests[:2])
    await stores.blobs.delete(digests)
    assert [path.exists() for path in (layer, manifest, stray)] == [True, True, False]


async def test_nothing_is_deleted_while_what_refers_to_it_cannot_be_read(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = Tree(tmp_path).layer("hello", HELLO)
    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(Unavailable):
        await stores.blobs.delete([DIGEST])
    assert layer.exists()


@pytest.mark.parametrize("damage", ["directory", "file for its directory"])
async def test_what_is_no_file_stops_no_collection(stores: Stores, damage: str) -> None:
    """One damaged path keeps nothing else from being deleted."""
    digest, other = await store(stores, HELLO), await store(stores, b"other")
    path = path_of(stores, digest)
    path.unlink()
    if damage == "directory":
        (path / "what somebody put there").mkdir(parents=True)
    else:
        path.parent.rmdir()
        path.parent.touch()
    await stores.blobs.delete([digest, other])
    assert not path.exists()
    assert not path_of(stores, other).exists()


async def test_what_is_in_the_way_of_a_directory_is_not_taken_aside(stores: Stores) -> None:
    """A check goes on; the next push of the blob puts it aside."""
    digest = await store(stores, HELLO)
    path = path_of(stores, digest)
    path.unlink()
    path.parent.rmdir()
    path.parent.touch()
    assert await stores.blobs.quarantine(digest) is None
    await store(stores, HELLO)
    assert read(await stores.blobs.find(digest)) == HELLO
