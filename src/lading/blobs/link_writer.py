"""The adapter of link targets: links of CNCF Distribution, written whole and durably, many at once.

A link is written beside its place, and renamed once it is on the disk. A crash leaves what is
beside, which Distribution does not look at and the next export replaces.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from lading.blobs import distribution
from lading.blobs.disk import size_if_there
from lading.blobs.distribution import AdoptedNote
from lading.blobs.distribution_volume import in_thread, read_link
from lading.blobs.hashing import RunningHash
from lading.blobs.layout import Layout, RepositoryLayout
from lading.core.digest import Bytes, Digest
from lading.core.errors import DigestMismatch, StorageFull
from lading.core.moving import AdoptedMove, ExportedManifest, ExportedTag
from lading.core.names import Tag
from lading.core.typing import P, T, override
from lading.ports.volumes import LinkTarget
from lading.system import durable
from lading.system.unnamed_files import write_at

# Where something is while it is written.
_BESIDE = ".new"
# Links that wait for their names, before all of them get these.
_MOST_WAITING = 5000

_Link = tuple[str, str, float | None]


class LinkWriter(LinkTarget):
    """Links of Distribution, where the layout says that they are; the root is there."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._waiting: list[str] = []

    @override
    async def keep_links(self) -> None:
        await self._do(self._keep_links)

    @override
    async def has_bytes(self, digest: Digest, size: int) -> bool:
        return await self._do(size_if_there, self._layout.blob(digest)) == size

    @override
    async def take_file(self, digest: Digest, path: str) -> bool:
        return await self._do(self._take_file, self._layout.blob(digest), path)

    @override
    async def put_bytes(self, digest: Digest, pieces: AsyncIterator[Bytes]) -> None:
        path = self._layout.blob(digest)
        running = RunningHash.start(digest.algorithm)
        descriptor = await self._do(_create, path)
        try:
            async for piece in pieces:
                await self._do(_append, descriptor, running, piece)
            _require(digest, running.digest())
            await self._do(os.fsync, descriptor)
        except BaseException:
            with suppress(OSError):
                os.unlink(f"{path}{_BESIDE}")
            raise
        finally:
            os.close(descriptor)
        await self._do(_name, path)

    @override
    async def link_blobs(self, repository: str, digests: Sequence[Digest]) -> int:
        paths = self._layout.repository(repository)
        return await self._write((paths.layer(digest), digest, None) for digest in digests)

    @override
    async def link_manifests(self, repository: str, manifests: Sequence[ExportedManifest]) -> int:
        paths = self._layout.repository(repository)
        return await self._write(
            (paths.revision(each.digest), each.digest, each.at) for each in manifests
        )

    @override
    async def link_index(self, repository: str, tags: Sequence[ExportedTag]) -> int:
        paths = self._layout.repository(repository)
        return await self._write(
            (paths.index(each.tag, move.digest), move.digest, move.at)
            for each in tags
            for move in each.moves
            if _is_linked(paths, move)
        )

    @override
    async def link_current(self, repository: str, tags: Sequence[ExportedTag]) -> int:
        paths = self._layout.repository(repository)
        last = ((paths.current(each.tag), each.moves[-1]) for each in tags)
        return await self._write(
            (path, move.digest, move.at) for path, move in last if _is_linked(paths, move)
        )

    @override
    async def settle(self) -> None:
        if self._waiting:
            await self._do(self._settle)

    @override
    async def times_of(
        self, repository: str, tags: Sequence[ExportedTag]
    ) -> Mapping[Tag, AdoptedMove]:
        return await self._do(_times_of, self._layout.repository(repository), tags)

    @override
    async def unlink_tags(self, repository: str, tags: Mapping[Tag, str]) -> Sequence[Tag]:
        return await self._do(_unlink_tags, self._layout.repository(repository), tags)

    @override
    async def unlink_manifests(self, repository: str, digests: Sequence[Digest]) -> None:
        await self._do(_unlink, self._layout.repository(repository), digests)

    def _keep_links(self) -> None:
        note = distribution.find_note(self._layout) or AdoptedNote()
        if not note.keeps_links:
            distribution.write_note(self._layout, AdoptedNote(note.left, keeps_links=True))

    def _take_file(self, path: str, source: str) -> bool:
        _make_room_beside(path)
        try:
            # Of a symbolic link there would be a second one, which leads nowhere once that is gone.
            os.link(os.path.realpath(source), f"{path}{_BESIDE}")
        except OSError:  # another file system, or one without hard links
            return False
        _name(path)
        return True

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work in a thread; if there is no room for it, say where that is."""
        try:
            return await in_thread(work, *args, **kwargs)
        except StorageFull as error:
            raise StorageFull(
                f"there is no room left where this is written, in {self._layout.root}: make some,"
                " and run this again, which goes on with what is left"
            ) from error

    async def _write(self, links: Iterable[_Link]) -> int:
        count = await self._do(self._write_beside, links)
        if len(self._waiting) >= _MOST_WAITING:
            await self.settle()
        return count

    def _write_beside(self, links: Iterable[_Link]) -> int:
        before = len(self._waiting)
        for path, text, at in links:
            if _text_of(path) != text:
                _write_link(f"{path}{_BESIDE}", text, at)
                self._waiting.append(path)
        return len(self._waiting) - before

    def _settle(self) -> None:
        durable.sync_file_system(self._layout.repositories)
        for path in self._waiting:
            os.replace(f"{path}{_BESIDE}", path)
        durable.sync_file_system(self._layout.repositories)
        self._waiting.clear()


def _is_linked(paths: RepositoryLayout, move: AdoptedMove) -> bool:
    """Whether what a tag points to is linked; what was pushed since is for the next export."""
    return os.path.exists(paths.revision(move.digest))


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(256)
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _write_link(path: str, text: str, at: float | None) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, text.encode())
        if at is not None:
            os.utime(descriptor, (at, at))
    finally:
        os.close(descriptor)


def _make_room_beside(path: str) -> None:
    """Remove what a crash has left there: it may be a second name of a file that is somebody's."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with suppress(FileNotFoundError):
        os.unlink(f"{path}{_BESIDE}")


def _create(path: str) -> int:
    _make_room_beside(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.open(f"{path}{_BESIDE}", flags, 0o644)


def _require(expected: Digest, actual: Digest) -> None:
    if actual != expected:
        raise DigestMismatch("", {"expected": expected, "actual": actual})


def _append(descriptor: int, running: RunningHash, piece: Bytes) -> None:
    write_at(descriptor, piece, running.size)
    running.update(piece)


def _name(path: str) -> None:
    """Give a blob its name, durably, and those of its folders that may be new."""
    os.replace(f"{path}{_BESIDE}", path)
    directory = path
    for _ in range(4):
        directory = os.path.dirname(directory)
        durable.sync_directory(directory)


def _times_of(paths: RepositoryLayout, tags: Sequence[ExportedTag]) -> Mapping[Tag, AdoptedMove]:
    found = {each.tag: read_link("", paths.current(each.tag)) for each in tags}
    return {
        tag: AdoptedMove(Digest(link.text), link.at) for tag, link in found.items() if link.text
    }


def _unlink_tags(paths: RepositoryLayout, tags: Mapping[Tag, str]) -> Sequence[Tag]:
    """Remove tags; what each points to first, so that a crash leaves none that leads nowhere."""
    gone = [tag for tag, text in tags.items() if _text_of(paths.current(tag)) in {"", text}]
    for tag in gone:
        with suppress(FileNotFoundError):
            os.unlink(paths.current(tag))
        _remove(paths.tag(tag))
    if gone and os.path.isdir(paths.tags):
        durable.sync_directory(paths.tags)
    return gone


def _unlink(paths: RepositoryLayout, digests: Sequence[Digest]) -> None:
    for digest in digests:
        directory = os.path.dirname(paths.revision(digest))
        _remove(directory)
        with suppress(FileNotFoundError):
            durable.sync_directory(os.path.dirname(directory))


def _remove(directory: str) -> None:
    """Remove a directory with all that is in it, if it is there."""
    for path, directories, files in os.walk(directory, topdown=False):
        for name in files:
            os.unlink(f"{path}/{name}")
        for name in directories:
            os.rmdir(f"{path}/{name}")
    with suppress(FileNotFoundError):
        os.rmdir(directory)
