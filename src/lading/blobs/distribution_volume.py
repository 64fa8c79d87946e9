"""The adapter of volumes: CNCF Distribution's folders on a disk, read in a thread, page by page."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice

from lading.blobs import distribution
from lading.blobs.distribution import AdoptedNote
from lading.blobs.layout import Layout, names_in
from lading.core.digest import Digest
from lading.core.errors import StorageFull, Unavailable
from lading.core.moving import FoundLink, FoundTag, VolumeSurvey
from lading.core.typing import P, T, override
from lading.ports.volumes import ForeignVolume
from lading.system.disk_errors import is_full
from lading.system.threads import finish

# Links that are read in one go.
PAGE = 500
# Bytes of a link that are read: a digest has fewer.
_LONGEST = 256
# Times that are looked at, to see whether they tell anything.
_TIMES = 10_000
# Of fewer tags nothing can be told by their times.
_FEW_TAGS = 10
# Seconds within which a copy writes everything, and how much of it that has to be.
_A_MINUTE = 60.0
_MOST = 0.9


class DistributionVolume(ForeignVolume):
    """Distribution's folders, where the layout says that they are."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @override
    async def survey(self) -> VolumeSurvey:
        return await in_thread(self._survey)

    @override
    async def is_cache(self) -> bool:
        return await in_thread(os.path.exists, self._layout.cached)

    @override
    def repositories(self) -> AsyncIterator[str]:
        return _each(distribution.repositories(self._layout))

    @override
    def layers(self, repository: str) -> AsyncIterator[Sequence[FoundLink]]:
        return _pages(_links(self._layout.repository(repository).layers))

    @override
    def revisions(self, repository: str) -> AsyncIterator[Sequence[FoundLink]]:
        return _pages(_links(self._layout.repository(repository).revisions))

    @override
    def tags(self, repository: str) -> AsyncIterator[Sequence[FoundTag]]:
        return _pages(self._tags(repository))

    @override
    async def absent_tags(self, repository: str, names: Sequence[str]) -> Sequence[str]:
        return await in_thread(_absent, self._layout.repository(repository).tag, names)

    @override
    async def absent_revisions(self, repository: str, digests: Sequence[str]) -> Sequence[str]:
        return await in_thread(_absent, self._layout.repository(repository).revision, digests)

    @override
    async def count_uploads(self, repository: str) -> int:
        return len(await in_thread(names_in, self._layout.repository(repository).uploads))

    @override
    async def referred_to(
        self, repositories: Sequence[str], digests: Sequence[Digest]
    ) -> frozenset[Digest]:
        found = await in_thread(distribution.referred_to_by, self._layout, repositories, digests)
        return found | await in_thread(distribution.kept, self._layout, digests)

    @override
    async def note_adopted(self, left: Sequence[str]) -> None:
        await in_thread(self._note_adopted, left)

    def _note_adopted(self, left: Sequence[str]) -> None:
        known = distribution.find_note(self._layout)
        keeps_links = known is not None and known.keeps_links
        distribution.write_note(self._layout, AdoptedNote(tuple(left), keeps_links))

    def _survey(self) -> VolumeSurvey:
        repositories, tags, times = 0, 0, _Times()
        for name in distribution.repositories(self._layout):
            repositories += 1
            paths = self._layout.repository(name)
            for tag in names_in(paths.tags):
                tags += 1
                times.add(_time_of(paths.current(tag)))
        return VolumeSurvey(repositories, tags, times.tell_something())

    def _tags(self, repository: str) -> Iterator[FoundTag]:
        paths = self._layout.repository(repository)
        for name in names_in(paths.tags):
            current = read_link("", paths.current(name))
            yield FoundTag(_text(name), current, list(_links(f"{paths.tag(name)}/index")))


class _Times:
    """A sample of times, spread evenly over all that are added."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._count = 0
        self._step = 1

    def add(self, time: float) -> None:
        """Take a time, or leave it out."""
        if self._count % self._step == 0:
            self._times.append(time)
            if len(self._times) == 2 * _TIMES:
                del self._times[1::2]
                self._step *= 2
        self._count += 1

    def tell_something(self) -> bool:
        """Whether the times are spread over more time than a copy takes."""
        times = sorted(self._times)
        width = int(len(times) * _MOST)
        return len(times) < _FEW_TAGS or all(
            last - first > _A_MINUTE for first, last in zip(times, times[width:], strict=False)
        )


def _links(directory: str) -> Iterator[FoundLink]:
    """The links below a directory, of all algorithms."""
    for algorithm in names_in(directory):
        for name in names_in(f"{directory}/{algorithm}"):
            path = f"{directory}/{algorithm}/{name}/link"
            yield read_link(_text(f"{algorithm}:{name}"), path)


def read_link(name: str, path: str) -> FoundLink:
    """The link in a folder that names it; if it cannot be read, with the reason."""
    try:
        # A named pipe would have nothing to say for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            text = os.read(descriptor, _LONGEST).decode(errors="replace")
            return FoundLink(name, text, os.fstat(descriptor).st_mtime)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return FoundLink(name, None, 0)
    except OSError as error:
        return FoundLink(name, "", _time_of(path), os.strerror(error.errno or 0))


def _text(name: str) -> str:
    """The name of a file as text; what of it is no UTF-8 becomes signs that stand for that."""
    return os.fsencode(name).decode(errors="replace")


def _time_of(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0


def _absent(path_of: Callable[[str], str], names: Sequence[str]) -> Sequence[str]:
    return [name for name in names if not os.path.lexists(path_of(name))]


async def _each(items: Iterator[T]) -> AsyncIterator[T]:
    async for page in _pages(items):
        for item in page:
            yield item


async def _pages(items: Iterator[T]) -> AsyncIterator[Sequence[T]]:
    """Items as many at a time as fit into memory, brought by a thread."""
    while page := await in_thread(list, islice(items, PAGE)):
        yield page
        if len(page) < PAGE:
            return


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do blocking work in a thread, for somebody who may mend what is in its way.

    It is over when this returns, also if that is given up: it may use what is closed then.

    Raises:
        StorageFull: there is no space left, or the quota is used up.
        Unavailable: something cannot be read or written; the message says what.
    """
    try:
        return await finish(asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs)))
    except OSError as error:
        if is_full(error):
            raise StorageFull from error
        raise Unavailable(
            f"{error.filename or 'the directory'} cannot be used: {error.strerror or error}; mend"
            " that or put it aside, and do this again"
        ) from error
