"""Reads of a deployment: a manifest as clients ask for it, by which paths, errors, and lists."""

from dataclasses import dataclass

from lading.client.doctor.caller import DeploymentCaller, HeardAnswer
from lading.client.doctor.findings import DeploymentFinding, ok, warn, wrong
from lading.core import media
from lading.core.digest import Digest, digest_in

_DIGEST = "docker-content-digest"
_ACCEPTING = {"Accept": media.ACCEPT}
# Behind the name of any repository.
_LAST = "z" * 64
# A tag that nobody has.
_ABSENT = "lading-doctor-looks-for-what-is-not-there"


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """A manifest that was read, and the tag or the digest by which it was asked for."""

    repository: str
    asked: str
    answer: HeardAnswer

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a token for it is asked for."""
        return (f"repository:{self.repository}:pull",)

    @property
    def named(self) -> str:
        """The digest that the answer says it has; empty if it says none."""
        return self.answer.headers.get(_DIGEST)


def find_manifest(caller: DeploymentCaller, repository: str) -> ReadManifest | None:
    """The first manifest of a repository, or of the first one that is listed if none is named."""
    name = repository or _first_of(
        caller.ask("GET", "/v2/_catalog?n=1", ("registry:catalog:*",)), "repositories"
    )
    if not name:
        return None
    scopes = (f"repository:{name}:pull",)
    tag = _first_of(caller.ask("GET", f"/v2/{name}/tags/list?n=1", scopes), "tags")
    return _read(caller, name, tag) if tag else None


def find_image(caller: DeploymentCaller, found: ReadManifest) -> ReadManifest | None:
    """The manifest of an image: the one that was found, or the first of the index that it is."""
    document = found.answer.document()
    if "manifests" not in document:
        return found
    children = document["manifests"]
    if not isinstance(children, list) or not children or not isinstance(children[0], dict):
        return None
    return _read(caller, found.repository, str(children[0].get("digest")))


def check_manifest(found: ReadManifest) -> DeploymentFinding:
    """Whether a manifest comes as it is, with the headers that clients go by."""
    answer, where = found.answer, f"{found.repository}:{found.asked}"
    if not found.named:
        return wrong(
            f"the manifest of {where} comes without Docker-Content-Digest",
            "have the proxy pass this header on (no `proxy_hide_header Docker-Content-Digest`):"
            " without it containerd and others do not know what a tag is",
        )
    if not answer.is_whole:
        return warn(
            f"of the manifest of {where} only {len(answer.body)} bytes have come in time",
            "look at how fast the line is, and at the load of the registry",
        )
    digest = digest_in(found.named)
    if digest is None or not digest.names(answer.body):
        return wrong(
            f"the manifest of {where} has other bytes than its digest says",
            "have the proxy change no bodies (`sub_filter`, `gzip`, minifying, pages of its own)",
        )
    if not answer.headers.get("content-type").startswith("application/vnd."):
        return wrong(
            f"the manifest of {where} comes as {answer.headers.get('content-type') or 'nothing'!r}",
            "have the proxy pass Content-Type on as it is",
        )
    return ok(f"the manifest of {where} comes whole, with its digest")


def check_heads(caller: DeploymentCaller, found: ReadManifest) -> DeploymentFinding:
    """Whether HEAD is answered as GET is: by it clients ask what a tag is before they pull."""
    path = f"/v2/{found.repository}/manifests/{found.asked}"
    answer = caller.ask("HEAD", path, found.scopes, _ACCEPTING)
    passed_on = "have the proxy pass HEAD on as it is (no `proxy_cache_convert_head`, no"
    if answer.status != found.answer.status:
        return wrong(
            f"HEAD is answered with {answer.status} where GET is with {found.answer.status}:"
            " clients take what is there for not there",
            f"{passed_on} `limit_except` without it)",
        )
    length, digest = (answer.headers.get(name) for name in ("content-length", _DIGEST))
    if (length, digest) != (str(len(found.answer.body)), found.named):
        return warn(
            f"HEAD of a manifest says {length or 'no'} bytes and"
            f" {digest or 'no digest'}, not what GET has:"
            " clients fetch the manifest each time, or fail",
            f"{passed_on} compression of what has a type of its own: `gzip off;`)",
        )
    return ok("HEAD is answered as GET is")


def check_paths(caller: DeploymentCaller, found: ReadManifest) -> DeploymentFinding:
    """Whether paths reach the registry as they were sent, and not changed in some respect."""
    whole = "have the proxy pass paths on as they came: `proxy_pass http://REGISTRY:5000;`"
    digest = found.named or str(Digest.of(found.answer.body))

    def ask(name: str, repository: str = found.repository) -> int:
        path = f"/v2/{repository}/manifests/{name}"
        return caller.ask("GET", path, found.scopes, _ACCEPTING).status

    status = ask(digest.replace(":", "%3A"))
    if status != 200:
        return wrong(
            f"`sha256%3A…` in a path is answered with {status}: it is escaped anew on its way",
            f"{whole}, with nothing after the port (Apache: `AllowEncodedSlashes NoDecode`, and"
            " `ProxyPass … nocanon`)",
        )
    # Some registries take digests in capitals for what they are; no name of a repository has any.
    capitals = found.repository.upper()
    is_small = capitals != found.repository and ask(_in_capitals(digest)) == 200
    if is_small and ask(digest, capitals) == 200:
        return wrong(
            "capitals in a path are made small on its way: tags that have some are not found",
            f"{whole}, without rewriting them (HAProxy: no `set-path %[path,lower]`)",
        )
    status = caller.ask("GET", f"/v2//{found.repository}/tags/list", found.scopes).status
    if status == 200:
        return warn(
            "`//` in a path is made `/` on its way, or by the registry: it is written anew",
            f"if it is a proxy, {whole}, with no path and no variables after the port",
        )
    return ok("paths reach the registry as they were sent")


def check_errors(caller: DeploymentCaller, found: ReadManifest) -> DeploymentFinding:
    """Whether what is not there is said so by the registry itself."""
    place = f"/v2/{found.repository}/manifests/{_ABSENT}"
    answer = caller.ask("GET", place, found.scopes)
    keep = "have the proxy leave the registry's errors alone: no `error_page`, and"
    if answer.status >= 500:
        return warn(
            f"what is not there is answered with {answer.status}",
            "ask again when the registry has room for it; its log says why it had none",
        )
    if answer.status != 404:
        return wrong(
            f"what is not there is answered with {answer.status}, not 404",
            f"{keep} `proxy_intercept_errors off;`: clients take what is not there for there",
        )
    if "errors" not in answer.document():
        return warn(
            "404 comes with a page of the proxy, not with what the registry says",
            f"{keep} `proxy_intercept_errors off;`",
        )
    return ok("the registry's errors come as it says them")


def check_lists(caller: DeploymentCaller, found: ReadManifest) -> DeploymentFinding:
    """Whether a list that goes on says so."""
    place = f"/v2/{found.repository}/tags/list"
    first = caller.ask("GET", f"{place}?n=1", found.scopes)
    if first.headers.get("link") or len(_tags(caller.ask("GET", f"{place}?n=2", found.scopes))) < 2:
        return ok("lists can be read to their end")
    if len(_tags(first)) > 1:
        return _check_queries(caller)
    return wrong(
        "a list of tags ends after its first page: it comes without Link",
        "have the proxy pass this header on (no `proxy_hide_header Link`)",
    )


def _check_queries(caller: DeploymentCaller) -> DeploymentFinding:
    """Whether what stands after `?` arrives, where it could not be seen by a list of tags.

    Many registries know pages of the catalog alone, as Distribution before its third version.
    """
    answer = caller.ask("GET", f"/v2/_catalog?n=1&last={_LAST}", ("registry:catalog:*",))
    if answer.status != 200 or not answer.document().get("repositories"):
        return ok("this registry gives lists at once")
    return warn(
        "a list comes whole where a part was asked for, and whatever is asked for: what stands"
        " after `?` seems to be lost on its way, without which no push can end",
        "have the proxy pass it on: `proxy_pass http://REGISTRY:5000;`, with nothing after the port"
        " (no `$uri`); if it does, this registry knows no pages",
    )


def _tags(answer: HeardAnswer) -> list[object]:
    found = answer.document().get("tags")
    return found if isinstance(found, list) else []


def _read(caller: DeploymentCaller, name: str, asked: str) -> ReadManifest | None:
    scopes = (f"repository:{name}:pull",)
    answer = caller.ask("GET", f"/v2/{name}/manifests/{asked}", scopes, _ACCEPTING)
    if answer.status != 200:
        return None
    return ReadManifest(name, asked, answer)


def _in_capitals(digest: str) -> str:
    """The digest as it is none: "hex … MUST match [a-f0-9]" (image-spec, `descriptor.md`)."""
    algorithm, _, found = digest.partition(":")
    return f"{algorithm}:{found.upper()}"


def _first_of(answer: HeardAnswer, key: str) -> str:
    names = answer.document().get(key)
    return str(names[0]) if answer.status == 200 and isinstance(names, list) and names else ""
