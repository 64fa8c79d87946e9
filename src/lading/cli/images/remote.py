"""Another registry as a source of images, by the client that all commands share."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import click

from lading.cli.images.documents import descriptors
from lading.cli.images.source import FoundManifest, ImageRepository, ImageSource, ReadDescriptor
from lading.client import (
    Client,
    ClientError,
    NotThere,
    ReferenceInvalid,
    RemoteManifest,
    RemoteRepository,
    SessionOptions,
)
from lading.client.references import host_of
from lading.core import errors
from lading.core.digest import Bytes, Digest
from lading.core.errors import RegistryError
from lading.core.names import Reference, RepositoryName, parse_wanted
from lading.core.typing import T, override

# Names that are taken of a list at once.
_BATCH = 1000
# What a registry answers that deletes by digests alone: Distribution 2 says 400.
_NO_TAGS = frozenset({400, 405})
_DELETE_BY_DIGEST = (
    "this registry does not delete tags; `lading rm REPOSITORY@sha256:…` deletes the image with all"
    " its tags, if it deletes at all"
)
_BY_CODE = {"BLOB_UNKNOWN": errors.BlobUnknown, "NAME_UNKNOWN": errors.RepositoryUnknown}


class RemoteSource(ImageSource):
    """A registry that is asked over HTTP, by threads: its client waits for each answer."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @override
    def repositories(self) -> AsyncGenerator[str, None]:
        return _names(self._client.session.registry, self._client.repositories)

    @override
    def repository(self, name: str) -> ImageRepository:
        """A repository; `RepositoryUnknown` if none is called so, as a catalog may say."""
        try:
            return AskedRepository(self._client.repository(RepositoryName(name)))
        except errors.NameInvalid as error:
            raise errors.RepositoryUnknown("", {"name": name[:256]}) from error


class AskedRepository(ImageRepository):
    """A repository of such a registry."""

    def __init__(self, remote: RemoteRepository) -> None:
        self.name = remote.name
        self._remote = remote

    @override
    def tags(self) -> AsyncGenerator[str, None]:
        return _names(self._remote.host, self._remote.tags)

    @override
    async def set_at(self, tag: str) -> float | None:
        return None

    @override
    async def manifest(self, reference: str) -> FoundManifest:
        wanted = _wanted(reference)
        found = await self._ask(lambda: self._remote.manifest(wanted))
        # Some registries say a plain type, and the manifest a better one.
        said = found.document.get("mediaType")
        kind = said if isinstance(said, str) and said else found.media_type
        return FoundManifest(str(found.digest), kind, found.body)

    @override
    async def fetch(self, digest: str, write: Callable[[Bytes], object]) -> None:
        def send() -> None:
            for piece in self._remote.blob(digest):
                write(piece)

        await self._ask(send)

    @override
    async def has_blob(self, digest: str) -> bool:
        try:
            wanted = Digest(digest)
        except errors.DigestInvalid:
            return False
        return await self._ask(lambda: self._remote.has_blob(wanted))

    @override
    async def referrers(self, digest: str) -> Sequence[ReadDescriptor]:
        return descriptors(await self._ask(lambda: self._remote.referrers(digest)))

    @override
    async def delete(self, reference: str) -> None:
        def send() -> None:
            try:
                self._remote.delete(reference)
            except ClientError as error:
                if error.status in _NO_TAGS and ":" not in reference:
                    raise errors.Unsupported(_DELETE_BY_DIGEST) from error
                raise

        await self._ask(send)

    @override
    async def put_tag(self, manifest: FoundManifest, tag: str) -> None:
        pushed = RemoteManifest(manifest.digest, manifest.media_type, manifest.body)
        await self._ask(lambda: self._remote.push_manifest(tag, pushed))

    async def _ask(self, work: Callable[[], T]) -> T:
        return await _by_thread(self._remote.host, work)


async def _names(host: str, list_them: Callable[[], Iterator[str]]) -> AsyncGenerator[str, None]:
    names = list_them()
    while batch := await _by_thread(host, lambda: list(islice(names, _BATCH))):
        for name in batch:
            yield name


async def _by_thread(host: str, work: Callable[[], T]) -> T:
    """The outcome of what a thread does; errors are of the kind that the answer means."""
    with translate_client_errors(host):
        return await asyncio.to_thread(work)


def _wanted(reference: str) -> Reference:
    """A reference that becomes part of a request; `ManifestUnknown` if no manifest can have it.

    It may be what a stranger wrote into an index.
    """
    try:
        return parse_wanted(reference)
    except errors.DigestInvalid as error:
        raise errors.ManifestUnknown("", {"reference": reference[:256]}) from error


@contextmanager
def translate_client_errors(host: str) -> Iterator[None]:
    """Errors of the client for the length of a block as those of a registry that mean the same."""
    try:
        yield
    except ClientError as error:
        raise _meaning(error, host) from error


def _meaning(error: ClientError, host: str) -> RegistryError:
    if isinstance(error, NotThere):
        kind = errors.BlobUnknown if "/blobs/" in error.message else errors.ManifestUnknown
        return _BY_CODE.get(error.code, kind)(error.message)
    match error.status:
        case 401:
            wanted = f"it asks for a login that may do this: `lading login {host}`"
            return errors.Unauthorized("", wanted)
        case 403:
            return errors.Denied(str(error))
        case 405:
            return errors.Unsupported(str(error))
    return errors.Unavailable(str(error))


def run_remote(
    host: str, speaking: SessionOptions, work: Callable[[ImageSource], Awaitable[T]]
) -> T:
    """Do something with another registry; what fails is an error of a registry."""
    try:
        host_of(host)
    except ReferenceInvalid as error:
        raise click.UsageError(error.message) from error

    async def run() -> T:
        with Client(host, options=speaking) as client:
            return await work(RemoteSource(client))

    # `asyncio.run` would wait for threads when it is interrupted, and these wait for somebody else.
    loop = asyncio.new_event_loop()
    try:
        with translate_client_errors(host):
            return loop.run_until_complete(run())
    finally:
        loop.close()
