"""Another registry as a source of images: as any client of the distribution specification."""

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Any, BinaryIO, cast

from urllib3.exceptions import HTTPError

from lading.cli.images.conversation import Conversation, escape
from lading.cli.images.documents import read_object
from lading.cli.images.source import FoundManifest, FoundReferrer, ImageSource
from lading.cli.progress import progress
from lading.core import media
from lading.core.digest import Digest, new_hasher
from lading.core.errors import ManifestUnknown, RegistryError, RepositoryUnknown, Unavailable
from lading.core.typing import T, override

_ACCEPT = {"Accept": ", ".join([*sorted(media.INDEXES | media.IMAGES), "*/*"])}
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
# Bytes of a blob that stay in memory, and that are read at once.
_IN_MEMORY = 16 * 1024 * 1024
_PIECE = 256 * 1024
# Names on a page of a list, if the registry does as it is asked.
PER_PAGE = 1000
# Pages of a list that are asked for; a registry that never comes to an end is not one.
_MOST_PAGES = 10_000


class RemoteSource(ImageSource):
    """A registry that is asked over HTTP, by threads: nobody else waits for the loop here."""

    knows_times = False

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @override
    def repositories(self) -> AsyncGenerator[str, None]:
        return self._names("/v2/_catalog", "repositories", "registry:catalog:*")

    @override
    def tags(self, repository: str) -> AsyncGenerator[str, None]:
        return self._names(f"/v2/{repository}/tags/list", "tags", _pull(repository))

    @override
    async def set_at(self, repository: str, tag: str) -> float | None:
        return None

    @override
    async def manifest(self, repository: str, reference: str) -> FoundManifest:
        path = f"/v2/{repository}/manifests/{escape(reference)}"
        body, headers = await self._read(path, _pull(repository), _ACCEPT)
        algorithm = reference.partition(":")[0] if ":" in reference else "sha256"
        digest = str(Digest.of(body, algorithm))
        if ":" in reference and digest != reference:
            raise ManifestUnknown(f"{self._conversation.host} answers with other bytes: {digest}")
        kind = read_object(body).get("mediaType") or headers.get("content-type", "")
        return FoundManifest(digest, str(kind).partition(";")[0].strip(), body)

    @override
    @asynccontextmanager
    async def blob(
        self, repository: str, digest: str, size: int, what: str
    ) -> AsyncIterator[BinaryIO]:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spooled:
            file = cast("BinaryIO", spooled)
            with progress(what, size) as done:
                await asyncio.to_thread(self._fetch, repository, digest, file, done)
            file.seek(0)
            yield file

    @override
    async def referrers(self, repository: str, digest: str) -> Sequence[FoundReferrer]:
        try:
            path = f"/v2/{repository}/referrers/{digest}"
            body, _ = await self._read(path, _pull(repository), {})
        except (ManifestUnknown, RepositoryUnknown):  # it knows no referrers: a tag has a list
            body = await self._referrers_tag(repository, digest)
        listed = read_object(body).get("manifests")
        return [
            FoundReferrer(
                str(item["digest"]),
                str(item.get("mediaType", "")),
                str(item.get("artifactType", "")),
                item["size"] if isinstance(item.get("size"), int) else 0,
            )
            for item in (listed if isinstance(listed, list) else ())
            if isinstance(item, dict) and isinstance(item.get("digest"), str)
        ]

    @override
    async def delete(self, repository: str, reference: str) -> None:
        path = f"/v2/{repository}/manifests/{escape(reference)}"
        await self._send("DELETE", path, f"repository:{repository}:delete")

    @override
    async def put_tag(self, repository: str, manifest: FoundManifest, tag: str) -> None:
        headers = {"Content-Type": manifest.media_type}
        scope = f"repository:{repository}:pull,push"
        path = f"/v2/{repository}/manifests/{escape(tag)}"
        await self._send("PUT", path, scope, headers=headers, body=manifest.body)

    async def _names(self, path: str, key: str, scope: str) -> AsyncGenerator[str, None]:
        """The names of a list, page by page."""
        path = f"{path}?n={PER_PAGE}"
        for _ in range(_MOST_PAGES):
            body, headers = await self._read(path, scope, {})
            names = read_object(body).get(key)
            for name in names if isinstance(names, list) else ():
                if isinstance(name, str):
                    yield name
            following = _NEXT.search(headers.get("link", ""))
            if following is None:
                return
            path = following[1]

    async def _referrers_tag(self, repository: str, digest: str) -> bytes:
        """The list that clients keep beside an image (Referrers Tag Schema)."""
        try:
            return (await self.manifest(repository, digest.replace(":", "-", 1)[:71])).body
        except RegistryError:
            return b"{}"

    async def _read(
        self, path: str, scope: str, headers: Mapping[str, str]
    ) -> tuple[bytes, Mapping[str, str]]:
        read = partial(self._conversation.read, path, scope=scope, headers=headers)
        return await asyncio.to_thread(read)

    async def _send(self, method: str, path: str, scope: str, **how: Any) -> None:
        ask = partial(self._conversation.ask, method, path, scope=scope, **how)
        response = await asyncio.to_thread(ask)
        # A connection that has bytes left on it is of no more use.
        await asyncio.to_thread(response.drain_conn)

    def _fetch(
        self, repository: str, digest: str, file: BinaryIO, done: Callable[[int], None]
    ) -> None:
        """Write a blob into a file, and compare what came with its digest."""
        wanted = Digest(digest)
        hashing = new_hasher(wanted.algorithm)
        path = f"/v2/{repository}/blobs/{wanted}"
        response = self._conversation.ask("GET", path, scope=_pull(repository))
        try:
            for piece in response.stream(_PIECE):
                hashing.update(piece)
                file.write(piece)
                done(len(piece))
        except HTTPError as error:
            raise Unavailable(f"a blob broke off: {error}") from error
        finally:
            response.release_conn()
        if hashing.hexdigest() != wanted.hex:
            raise Unavailable(f"{self._conversation.host} sends other bytes than those of {digest}")


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def run_remote(host: str, work: Callable[[ImageSource], Awaitable[T]]) -> T:
    """Do something with another registry.

    Raises:
        RegistryError: it failed.
        ClickException: a helper that has the login cannot be run.
    """

    async def run() -> T:
        with closing(Conversation.of_user(host)) as conversation:
            return await work(RemoteSource(conversation))

    # `asyncio.run` would wait for threads when it is interrupted, and these wait for somebody else.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(run())
    finally:
        loop.close()
