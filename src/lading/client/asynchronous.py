"""Client for programs with an event loop: each call in a thread, so that the loop goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Self

from lading.client.credentials import HostLogin
from lading.client.options import SessionOptions
from lading.client.places import BlobContent, RemoteManifest
from lading.client.registry import Client
from lading.core.typing import T


class AsyncClient:
    """A client of one registry, made as a `Client` is; its methods are those, and are awaited."""

    def __init__(
        self,
        registry: str,
        *,
        login: HostLogin | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        self._client = Client(registry, login=login, options=options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.close()

    async def ping(self) -> str:
        """The address under which the registry answers."""
        return await asyncio.to_thread(self._client.ping)

    def repositories(self) -> AsyncIterator[str]:
        """The names of all repositories that the caller sees."""
        return _each(self._client.repositories())

    def tags(self, name: str) -> AsyncIterator[str]:
        """All tags of a repository."""
        return _each(self._client.tags(name))

    async def digest(self, name: str, wanted: str) -> str:
        """The digest of a tag's manifest; empty if there is none."""
        return await asyncio.to_thread(self._client.repository(name).digest, wanted)

    async def manifest(self, name: str, wanted: str) -> RemoteManifest:
        """A manifest of a repository, by its tag or its digest."""
        return await asyncio.to_thread(self._client.manifest, name, wanted)

    def blob(
        self, name: str, digest: str, offset: int = 0, length: int = -1
    ) -> AsyncIterator[bytes]:
        """The bytes of a blob of a repository, or a part of them."""
        return _each(self._client.blob(name, digest, offset, length))

    async def push_blob(self, name: str, content: BlobContent) -> bool:
        """Bring a blob; whether bytes had to go for it."""
        return await asyncio.to_thread(self._client.repository(name).push_blob, content)

    async def push_manifest(self, name: str, wanted: str, manifest: RemoteManifest) -> bool:
        """Bring a manifest under a tag or its digest."""
        repository = self._client.repository(name)
        return await asyncio.to_thread(repository.push_manifest, wanted, manifest)

    async def delete(self, name: str, wanted: str) -> None:
        """Delete a tag, or the manifest of a digest."""
        await asyncio.to_thread(self._client.repository(name).delete, wanted)


async def _each(items: Iterator[T]) -> AsyncIterator[T]:
    """Take each item in a thread."""
    end = object()
    while (item := await asyncio.to_thread(next, items, end)) is not end:
        yield item  # type: ignore[misc] # `end` is none of them
