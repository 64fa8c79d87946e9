"""Registry for tests: a server in a thread, and what a test does to it beside its clients."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Self

from lading.core.access import EVERY_ACCESS
from lading.core.digest import Digest
from lading.core.names import Reference, RepositoryName, Tag, split_reference
from lading.metadata.manifests import StoredManifest
from lading.services.pull import pull_manifest
from lading.testing import calls
from lading.testing.events import EventList, RegistryEvent
from lading.testing.faults import KINDS, FaultyApplication, PlannedFailure
from lading.testing.files import OwnDirectory, secured, write_environment
from lading.testing.images import DATA, Contents, Files, describe, make_artifact, make_image
from lading.testing.server import ADDRESS, ServerThread
from lading.wiring.in_memory import MemoryOptions, open_in_memory, read_permissions

_LATEST = Tag("latest")


class PractiseRegistry:
    """A registry in a thread of this process, in memory; its clients come by HTTP.

    What a test does by the methods here needs no login and meets no fault, and is no event.

    Args:
        users: passwords by the names of those who may log in; `None` lets everybody do everything.
        permissions: `auth.permissions` of a configuration as a mapping, or the name of a preset.
        tokens: whether clients are sent for a token instead of asked for a password.
        delete: whether clients may delete.
        tls: whether it speaks HTTPS, with a certificate of an authority of its own.

    Attributes:
        host: as in the name of an image, `127.0.0.1:41233`.
        url: `http://` or `https://`, and the host.
        ca: the certificate that clients have to trust; `None` without `tls`.

    Raises:
        ValueError: `permissions` is none.
    """

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        permissions: str | Mapping[str, object] | None = None,
        tokens: bool = False,
        delete: bool = True,
        tls: bool = False,
    ) -> None:
        self._seen = EventList()
        self._users = users
        self._options = MemoryOptions(
            users=users,
            permissions=None if permissions is None else read_permissions(permissions),
            tokens=tokens,
            delete=delete,
            observers=[self._seen],
        )
        self._directory = OwnDirectory()
        self._stack = AsyncExitStack()
        context, self.ca = (None, None)
        if tls:
            context, self.ca = secured(self._directory.folder("tls"), ADDRESS)
        self._faulty = FaultyApplication(_not_open, self._seen)
        self._server = ServerThread(self._faulty, self._end, context)
        self.host = self._server.host
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self._server.call(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<lading.testing.Registry at {self.url}>"

    def close(self) -> None:
        """End the registry, and all that it has; nothing of it is left."""
        self._server.close()
        self._directory.remove()

    def reset(self) -> None:
        """Empty the registry, and forget faults and events; clients may keep their connections."""
        self._server.settle()
        self._server.call(self._open)
        self._faulty.faults.clear()
        self._seen.events.clear()

    def env(self, user: str = "") -> dict[str, str]:
        """Variables for programs that are to use it: whose login they have, and whom they trust.

        Args:
            user: of those who may log in; the first of them if none is named.

        Raises:
            KeyError: there is no such user.
        """
        users = self._users or {}
        name = user or next(iter(users), "")
        login = (name, users[name]) if name else None
        folder = self._directory.folder(f"env-{name}")
        return write_environment(folder, self.host, login, self.ca)

    def push_image(
        self,
        reference: str,
        *,
        files: Files | Sequence[Files] | None = None,
        platforms: Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> str:
        """Push an image; its digest.

        Args:
            reference: `app:1`; without a tag it is `latest`.
            files: contents by their paths; several mappings are several layers.
            platforms: such as `linux/arm64`; if they are given it is an index of as many images.
            labels: of its configuration.
            annotations: of its manifest, or of the index.

        Raises:
            RegistryError, ValueError: a name or a platform is none.
        """
        layers = [files or {"README": reference}] if not isinstance(files, Sequence) else files
        contents = make_image(layers, platforms, labels or {}, annotations or {})
        return self._push(reference, contents, default=_LATEST)

    def push_artifact(
        self,
        reference: str,
        data: bytes | Mapping[str, bytes] = b"",
        *,
        artifact_type: str,
        media_type: str = DATA,
        subject: str = "",
        annotations: Mapping[str, str] | None = None,
    ) -> str:
        """Push an artifact, such as a signature or an SBOM; its digest.

        Args:
            reference: `app:sbom`; without a tag it has none, and is found by its subject.
            data: of its layer, or of several by their titles.
            media_type: of its layers.
            subject: `app:1`, or the digest alone of what is in the same repository, which it then
                is a referrer of.

        Raises:
            RegistryError: a name is none, or there is no such subject.
        """
        files = {"": data} if isinstance(data, bytes) else data
        if subject.startswith(("sha256:", "sha512:")):
            name, _ = self._split(reference)
            subject = f"{name}@{subject}"
        described = self._describe(subject) if subject else None
        made = make_artifact(
            {title: content for title, content in files.items() if title or content},
            artifact_type,
            media_type,
            described,
            annotations or {},
        )
        return self._push(reference, made)

    def repositories(self) -> list[str]:
        """The names of all repositories, in order."""
        return self._server.call(partial(calls.all_repositories, self._registry))

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository, in order; none if there is no such repository."""
        name = RepositoryName(self._without_host(repository))
        return self._server.call(partial(calls.all_tags, self._registry, name))

    def manifest(self, reference: str) -> dict[str, Any]:
        """A manifest as a document.

        Args:
            reference: `app:1`, `app@sha256:…`; with the host before it, or not.

        Raises:
            ManifestUnknown, RepositoryUnknown: there is none.
        """
        document: dict[str, Any] = json.loads(self._pull(reference).body)
        return document

    def digest(self, reference: str) -> str:
        """The digest of what a reference leads to.

        Raises:
            ManifestUnknown, RepositoryUnknown: there is none.
        """
        return str(self._pull(reference).digest)

    def blob(self, repository: str, digest: str) -> bytes:
        """The bytes of a blob.

        Raises:
            BlobUnknown: the repository has none of this digest.
        """
        name = RepositoryName(self._without_host(repository))
        return self._server.call(partial(calls.blob, self._registry, name, Digest(digest)))

    @property
    def events(self) -> list[RegistryEvent]:
        """The events so far: every answer that clients can have seen."""
        self._server.settle()
        return list(self._seen.events)

    def fail(
        self,
        times: int = 1,
        status: int | None = 503,
        *,
        on: str = "",
        method: str = "",
        repository: str = "",
        retry_after: int | None = None,
        after: int = 0,
    ) -> None:
        """Have the next requests fail.

        Args:
            times: how many.
            status: of the answer; `None` cuts the right one off.
            on: what they are about: `manifest`, `blob` (with `upload`), `tags`, `referrers`,
                `catalog`, `base`, `token`; empty for anything.
            method: only those with this one, such as `GET`.
            repository: only those about this one; with the host before it, or not.
            retry_after: seconds after which clients are told to try again.
            after: bytes of the body after which the connection is closed, if it is cut off.

        Raises:
            RegistryError, ValueError: there is no such repository, or nothing of this kind.
        """
        if on not in KINDS:
            known = ", ".join(kind for kind in KINDS if kind)
            raise ValueError(f"nothing is called {on!r}; a fault is on one of: {known}")
        name = self._without_host(repository)
        if name:
            RepositoryName(name)  # no request would ever be about what is none
        self._faulty.faults.append(
            PlannedFailure(times, status, KINDS[on], method.upper(), name, retry_after, after)
        )

    async def _open(self) -> None:
        """Begin with an empty registry; the one before it is closed."""
        stack = AsyncExitStack()
        opened = await stack.enter_async_context(open_in_memory(self._options))
        before, self._stack = self._stack, stack
        self._faulty.application = opened.protocol
        self._registry = opened.registry
        await before.aclose()

    async def _end(self) -> None:
        await self._stack.aclose()

    def _without_host(self, reference: str) -> str:
        return reference.removeprefix(f"{self.host}/")

    def _split(self, reference: str) -> tuple[RepositoryName, Reference | None]:
        return split_reference(self._without_host(reference))

    def _push(self, reference: str, contents: Contents, default: Tag | None = None) -> str:
        name, wanted = self._split(reference)
        work = partial(calls.push, self._registry, name, wanted or default, contents)
        return self._server.call(work)

    def _pull(self, reference: str) -> StoredManifest:
        name, wanted = self._split(reference)
        grant = EVERY_ACCESS.grant(name)
        return self._server.call(partial(pull_manifest, self._registry, grant, wanted or _LATEST))

    def _describe(self, reference: str) -> Mapping[str, Any]:
        found = self._pull(reference)
        # Clients may have pushed it under a digest of another algorithm.
        return {**describe(found.body, found.media_type), "digest": str(found.digest)}


async def _not_open(*_: object) -> None:
    """Answer nothing: a registry is put here before anybody knows its address."""
