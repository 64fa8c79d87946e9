"""Client of a registry: what it has, and each of its repositories as a place for images."""

import json
from collections.abc import Iterator
from functools import cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urljoin

from lading.client.credentials import HostLogin, find_login
from lading.client.downloads import download
from lading.client.errors import ClientError, ContentWrong, NotThere
from lading.client.places import BlobContent, ImagePlace, RemoteManifest
from lading.client.session import Answered, HostSession, SessionOptions
from lading.client.uploads import SMALL, ChunkSizes, Upload
from lading.core import media
from lading.core.digest import Digest
from lading.core.names import attachments_of
from lading.core.typing import override

_ACCEPT = ", ".join(sorted(media.IMAGES | media.INDEXES))
_PAGE = 1000
# "a client … SHOULD limit"; no registry takes larger ones.
_MOST_MANIFEST = 32 * 1024 * 1024


class Client:
    """A client of one registry; any number of threads may use it.

    Args:
        registry: its host, with the port if it has one; `docker.io` is Docker Hub.
        login: whose login is used; the one that Docker's or containers' files have if `None`.
        options: how to speak with it.

    Attributes:
        session: the requests themselves, for what has no method here.
    """

    def __init__(
        self,
        registry: str,
        *,
        login: HostLogin | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        @cache
        def find(repository: str) -> HostLogin | None:
            return login or find_login(registry, repository)

        self.session = HostSession(registry, find, options)
        self._chunks = ChunkSizes()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End its connections."""
        self.close()

    def close(self) -> None:
        """End its connections."""
        self.session.close()

    def ping(self) -> str:
        """The address under which the registry answers, `https://host/v2/`.

        Raises:
            NotPermitted: it wants a login that is not known, or takes this one for wrong.
            Unreachable: nobody answers.
        """
        self.session.request("GET", "/v2/").drain_conn()
        return f"{self.session.base}/v2/"

    def repositories(self) -> Iterator[str]:
        """The names of all repositories that the caller sees, page by page (the catalog)."""
        place = f"/v2/_catalog?n={_PAGE}"
        for page in self.pages(place, ("registry:catalog:*",)):
            yield from page.get("repositories") or []

    def repository(self, name: str) -> "RemoteRepository":
        """A repository as a place for images; no request is sent for this."""
        return RemoteRepository(self, name, self._chunks)

    def tags(self, name: str) -> Iterator[str]:
        """All tags of a repository."""
        return self.repository(name).tags()

    def manifest(self, name: str, wanted: str) -> RemoteManifest:
        """A manifest of a repository, by its tag or its digest."""
        return self.repository(name).manifest(wanted)

    def blob(self, name: str, digest: str, offset: int = 0, length: int = -1) -> Iterator[bytes]:
        """The bytes of a blob of a repository, or a part of them."""
        return self.repository(name).blob(digest, offset, length)

    def pages(self, place: str, scopes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """The pages of a list, each as its document, following `Link` (RFC 8288)."""
        while place:
            answer = self.session.request("GET", place, scopes=scopes)
            yield _document(answer)
            target = _next(answer.headers.get("link", ""))
            place = urljoin(urljoin(self.session.base, place), target) if target else ""


class RemoteRepository(ImagePlace):
    """A repository of a registry."""

    def __init__(self, client: Client, name: str, chunks: ChunkSizes) -> None:
        self.host = client.session.registry
        self.name = name
        self.client = client
        self._session = client.session
        self._chunks = chunks
        self._path = f"/v2/{quote(name)}"
        self._pull = (f"repository:{name}:pull",)
        self._push = (f"repository:{name}:pull,push",)
        self._delete = (f"repository:{name}:delete,pull,push",)
        # What it was asked for first: one token is enough for all that follows.
        self._read = self._pull

    def will_push(self) -> None:
        """Ask for tokens from now on that let one push, too."""
        self._read = self._push

    @override
    def tags(self) -> Iterator[str]:
        place = f"{self._path}/tags/list?n={_PAGE}"
        for page in self.client.pages(place, self._read):
            yield from page.get("tags") or []

    @override
    def digest(self, wanted: str) -> str:
        answer = self._session.request(
            "HEAD",
            self._manifest(wanted),
            scopes=self._read,
            headers={"Accept": _ACCEPT},
            expect=(200, 404),
        )
        answer.drain_conn()
        if answer.status == 404:
            return ""
        said = answer.headers.get("docker-content-digest")
        return said or self.manifest(wanted).digest

    @override
    def manifest(self, wanted: str) -> RemoteManifest:
        answer = self._session.request(
            "GET", self._manifest(wanted), scopes=self._read, headers={"Accept": _ACCEPT}
        )
        body = answer.read(_MOST_MANIFEST)
        answer.drain_conn()
        said = wanted if ":" in wanted else answer.headers.get("docker-content-digest", "")
        digest = Digest(said) if said else Digest.of(body)
        if not digest.names(body):
            raise ContentWrong(
                f"{self.host}/{self.name}: the manifest of {wanted} does not have {digest}",
                advice="something between changes what it carries, or the registry is damaged",
            )
        media_type = media.of_header(answer.headers.get("content-type", ""))
        return RemoteManifest(digest, media_type, body)

    @override
    def referrers(self, digest: str) -> list[dict[str, Any]]:
        """Of the referrers API; where there is none, of the tag that stands for it."""
        try:
            pages = list(self.client.pages(f"{self._path}/referrers/{digest}", self._read))
            return [one for page in pages for one in page.get("manifests") or []]
        except ClientError as error:
            if error.status not in {400, 404, 405, 501}:
                raise
        try:
            return self.manifest(attachments_of(Digest(digest))[0]).children
        except NotThere:
            return []

    @override
    def has_blob(self, digest: str) -> bool:
        answer = self._session.request(
            "HEAD", f"{self._path}/blobs/{digest}", scopes=self._read, expect=(200, 404)
        )
        answer.drain_conn()
        return answer.status == 200

    @override
    def blob(self, digest: str, offset: int = 0, length: int = -1) -> Iterator[bytes]:
        place = f"{self._path}/blobs/{digest}"
        return download(self._session, place, self._read, digest, offset, length)

    @override
    def push_blob(self, content: BlobContent) -> bool:
        self.will_push()
        upload = Upload(self._session, self._path, self._push, self._chunks)
        is_small = content.size <= SMALL
        if not (content.mount_from or is_small) and self.has_blob(content.digest):
            return False
        return upload.push(content)

    @override
    def push_manifest(self, wanted: str, manifest: RemoteManifest) -> bool:
        self.will_push()
        answer = self._session.request(
            "PUT",
            self._manifest(wanted),
            scopes=self._push,
            headers={"Content-Type": manifest.media_type},
            body=manifest.body,
            expect=(201,),
        )
        answer.drain_conn()
        return "oci-subject" in answer.headers

    def delete(self, wanted: str) -> None:
        """Delete a tag, or the manifest of a digest with all its tags."""
        self._session.request(
            "DELETE", self._manifest(wanted), scopes=self._delete, expect=(200, 202)
        ).drain_conn()

    def delete_blob(self, digest: str) -> None:
        """Delete a blob."""
        self._session.request(
            "DELETE", f"{self._path}/blobs/{digest}", scopes=self._delete, expect=(200, 202)
        ).drain_conn()

    def _manifest(self, wanted: str) -> str:
        return f"{self._path}/manifests/{wanted}"


def _document(answer: Answered) -> dict[str, Any]:
    try:
        found = json.loads(answer.data)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    raise ClientError(f"{answer.geturl()} is answered with what is no JSON", status=answer.status)


def _next(link: str) -> str:
    """The target of a `Link` to the next page; empty if there is none."""
    target, _, parameters = link.partition(">")
    is_next = "next" in parameters.replace('"', "").replace(" ", "").partition("rel=")[2]
    return target.strip().removeprefix("<") if is_next else ""
