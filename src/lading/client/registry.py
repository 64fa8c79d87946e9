"""Client of a registry: what it has, and each of its repositories as a place for images."""

from collections.abc import Container, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from lading.client.answer_headers import next_page
from lading.client.answers import TAKEN, address, dismiss, parse_document
from lading.client.errors import ClientError, ContentWrong, NotThere
from lading.client.kept_connections import HostAnswer
from lading.client.kept_uploads import SMALL, ChunkSizes, KeptUploads
from lading.client.options import SessionOptions
from lading.client.places import (
    BlobContent,
    ImagePlace,
    RemoteManifest,
    checked_descriptors,
    checked_digest,
    is_tag,
    refuse_schema_1,
)
from lading.client.session import HostSession
from lading.core import media
from lading.core.digest import Digest
from lading.core.names import attachments_of
from lading.core.typing import override

if TYPE_CHECKING:
    from lading.client.credentials import HostLogin

_PAGE = 1000
# A list that is longer never ends.
_MOST_PAGES = 10_000
# What registries say of a place in a list that they did not give themselves, as at its end.
_NOTHING_BEHIND = frozenset({400, 404, 405})
# What is said to a method that is not let through.
_NO_METHOD = (405, 501)
# The specification has 202 for it; 200 and 204 are what others say.
_REMOVED = (200, 202, 204)
# In a repository that is new a blob up to this size goes without asking whether it is there: it may
# be there of a run that was interrupted.
_MOST_UNASKED = 8 * 1024 * 1024


class Client:
    """A client of one registry; any number of threads may use it.

    Args:
        registry: its host, with the port if it has one; `docker.io` is Docker Hub.
        login: whose login is used; the one that Docker's or containers' files have if `None`.
        options: how to speak with it.

    Attributes:
        session: the requests themselves, for what has no method here.
        has_referrers: whether it has the referrers API; remembered once it is known that not.
        has_heads: whether HEAD is answered; remembered as well.
    """

    def __init__(
        self,
        registry: str,
        *,
        login: "HostLogin | None" = None,
        options: SessionOptions | None = None,
    ) -> None:
        @cache
        def find(repository: str) -> "HostLogin | None":
            from lading.client.credentials import find_login  # noqa: PLC0415 - if one is asked for

            return login or find_login(registry, repository)

        self.session = HostSession(registry, find, options)
        self.has_referrers = True
        self.has_heads = True
        self._chunks = ChunkSizes()
        folder = options.kept_uploads if options is not None else None
        self.kept_uploads = KeptUploads(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self.session.close()

    def ping(self) -> str:
        """The address under which the registry answers, `https://host/v2/`.

        Raises:
            NotPermitted: it wants a login that is not known, or takes this one for wrong.
            ContentWrong: there is a page for people, of no registry.
            Unreachable: nobody answers.
        """
        answer = self.session.request("GET", "/v2/")
        dismiss(answer)
        is_page = answer.headers.get("content-type").lower().startswith("text/html")
        if is_page and "docker-distribution-api-version" not in answer.headers:
            raise ContentWrong(
                f"{self.session.base}/v2/ is a page, not a registry's answer",
                advice="check the name and the port, and that a proxy passes /v2/ on",
            )
        return f"{self.session.base}/v2/"

    def repositories(self) -> Iterator[str]:
        """The names of all repositories that the caller sees, page by page (the catalog).

        Raises:
            ClientError: the registry has no such list, or does not show it.
        """
        try:
            yield from self.names("/v2/_catalog", "repositories", ("registry:catalog:*",))
        except NotThere as error:
            raise ClientError(
                f"{self.session.registry} does not list its repositories (no /v2/_catalog)",
                status=error.status,
                advice="name one of them: the specification has no such list",
            ) from error

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

    def names(self, path: str, key: str, scopes: tuple[str, ...]) -> Iterator[str]:
        """The names of a list, which some registries cut without saying that it goes on.

        So after a page that is as long as was asked for, the next one is asked for, until it is
        empty, or the first one again, of a registry that cuts nothing and knows no pages.
        """
        first, last = "", ""
        for _ in range(_MOST_PAGES):
            number, found = 0, list[str]()
            for page in self._pages_behind(path, last, scopes):
                number, found = number + 1, [*_texts(page.get(key))]
                if last and found[:1] == [first]:
                    return
                first = first or (found[0] if found else "")
                yield from found
            # Who said once that the list goes on, says so each time.
            if number > 1 or len(found) != _PAGE or found[-1] == last:
                return
            last = found[-1]

    def _pages_behind(
        self, path: str, last: str, scopes: tuple[str, ...]
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list behind a name; none where the registry knows nothing behind it."""
        behind = f"&last={quote(last)}" if last else ""
        pages = self.pages(f"{path}?n={_PAGE}{behind}", scopes)
        try:
            page = next(pages)
        except ClientError as error:
            if last and error.status in _NOTHING_BEHIND:
                return
            raise
        yield page
        yield from pages

    def pages(self, place: str, scopes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """The pages of a list, each as its document, following `Link` (RFC 8288).

        Raises:
            ContentWrong: the list goes on at another host, in a circle or for ever.
        """
        seen: set[str] = set()
        while place:
            url = address(self.session.base, place)
            if url in seen or len(seen) >= _MOST_PAGES or not self.session.is_own(url):
                raise ContentWrong(
                    f"{self.session.base}: a list does not end, but goes on with {url[:200]}",
                    advice="check that this is the registry that you mean",
                )
            seen.add(url)
            answer, body = self.session.fetch(url, scopes=scopes)
            yield parse_document(answer, url, body)
            target = next_page(answer.headers.get("link"))
            place = address(url, target) if target else ""


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
        yield from filter(is_tag, self.client.names(f"{self._path}/tags/list", "tags", self._read))

    @override
    def digest(self, wanted: str, known: str = "") -> str:
        # Distribution finds the digest of a tag, compares, and reads no manifest if it is this one.
        unless = {"If-None-Match": f'"{known}"'} if known else {}
        answer = self._ask_head(self._manifest(wanted), {"Accept": media.ACCEPT, **unless})
        if answer is not None and answer.status == 404:
            return ""
        said = answer.headers.get("docker-content-digest") if answer is not None else ""
        if said:
            return self._checked(said)
        if known and answer is not None and answer.status == 304:
            return known
        try:
            return self.manifest(wanted).digest
        except NotThere:
            return ""

    def _ask_head(self, place: str, headers: Mapping[str, str] | None = None) -> HostAnswer | None:
        """The answer to HEAD: 200, 304 or 404.

        It is `None` where something does not let that method through, which is asked no more then.
        """
        if not self.client.has_heads:
            return None
        answer = self._session.request(
            "HEAD", place, scopes=self._read, headers=headers, expect=(200, 304, 404, *_NO_METHOD)
        )
        dismiss(answer)
        if answer.status not in _NO_METHOD:
            return answer
        self.client.has_heads = False
        return None

    @override
    def manifest(self, wanted: str) -> RemoteManifest:
        place = self._manifest(wanted)
        answer, body = self._session.fetch(
            place, scopes=self._read, headers={"Accept": media.ACCEPT}
        )
        media_type = media.of_header(answer.headers.get("content-type"))
        refuse_schema_1(f"{self.host}/{self.name}: {wanted}", media_type, body)
        said = wanted if ":" in wanted else answer.headers.get("docker-content-digest")
        digest = self._checked(said) if said else Digest.of(body)
        if not digest.names(body):
            raise ContentWrong(
                f"{self.host}/{self.name}: the manifest of {wanted} does not have {digest}",
                advice="something between changes what it carries, or the registry is damaged",
            )
        return RemoteManifest(digest, media_type, body)

    @override
    def referrers(self, digest: str, tags: Container[str] | None = None) -> list[dict[str, Any]]:
        """Referrers by the API for them; where there is none, by the tag that stands for it."""
        if self.client.has_referrers:
            try:
                pages = list(self.client.pages(f"{self._path}/referrers/{digest}", self._read))
                where = f"{self.host}/{self.name}"
                lists = [checked_descriptors(page.get("manifests"), where) for page in pages]
                return [one for listed in lists for one in listed]
            except ClientError as error:
                if error.status not in {400, 404, 405, 501}:
                    raise
                # A registry that has it answers with a list, which may be empty. One that knows
                # codes of the specification may say that this image is not there.
                self.client.has_referrers = error.status == 404 and bool(error.code)
        fallback = attachments_of(Digest(digest))[0]
        if tags is not None and fallback not in tags:
            return []
        try:
            return self.manifest(fallback).children
        except NotThere:
            return []

    @override
    def has_blob(self, digest: str) -> bool:
        answer = self._ask_head(f"{self._path}/blobs/{digest}")
        return answer is not None and answer.status == 200

    @override
    def blob(self, digest: str, offset: int = 0, length: int = -1) -> Iterator[bytes]:
        from lading.client.downloads import Download  # noqa: PLC0415 - not if nothing is copied

        place = f"{self._path}/blobs/{digest}"
        return Download(self._session, place, self._read).pieces(digest, offset, length)

    @override
    def push_blob(self, content: BlobContent) -> bool:
        self.will_push()
        unasked = _MOST_UNASKED if content.fresh else SMALL
        if content.size > unasked and not content.mount_from and self.has_blob(content.digest):
            return False
        from lading.client.uploads import Upload  # noqa: PLC0415 - not if nothing is copied

        kept = self.client.kept_uploads
        return Upload(self._session, self._path, self._push, self._chunks, kept, content).push()

    @override
    def push_manifest(self, wanted: str, manifest: RemoteManifest) -> bool:
        self.will_push()
        kind = manifest.media_type
        if not (kind.isascii() and kind.isprintable()):  # it would be no header, or two
            raise ContentWrong(f"{manifest.digest} has a media type that is none")
        answer = self._session.request(
            "PUT",
            self._manifest(wanted),
            scopes=self._push,
            headers={"Content-Type": kind},
            body=manifest.body,
            expect=TAKEN,
        )
        dismiss(answer)
        said = answer.headers.get("docker-content-digest")
        # A registry may call it by a digest of another algorithm than we do.
        if said != manifest.digest and said.startswith(f"{Digest(manifest.digest).algorithm}:"):
            raise ContentWrong(
                f"{self.host}/{self.name}: {wanted} was pushed as {manifest.digest}, and is"
                f" {said[:160]} there",
                advice="something between changes what it carries, or the registry does",
            )
        return "oci-subject" in answer.headers

    def delete(self, wanted: str) -> None:
        """Delete a tag, or the manifest of a digest with all its tags."""
        place = self._manifest(wanted)
        dismiss(self._session.request("DELETE", place, scopes=self._delete, expect=_REMOVED))

    def _checked(self, said: str) -> Digest:
        return checked_digest(said, f"{self.host}/{self.name}")

    def _manifest(self, wanted: str) -> str:
        return f"{self._path}/manifests/{wanted}"


def _texts(found: object) -> Iterator[str]:
    """Those of a list's entries that are text."""
    if isinstance(found, list):
        yield from (one for one in found if isinstance(one, str))
