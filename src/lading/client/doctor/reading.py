"""Reads of a deployment: a manifest and a byte of a blob, as clients ask for them."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from lading.client.doctor.address import origin
from lading.client.doctor.caller import DeploymentCaller, HeardAnswer
from lading.client.doctor.findings import DeploymentFinding, ok, skipped, warn, wrong

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """A manifest that was read.

    Attributes:
        digest: of its bytes.
        asked: the tag or the digest by which it was asked for.
    """

    repository: str
    asked: str
    digest: str
    answer: HeardAnswer

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a token for it is asked for."""
        return (f"repository:{self.repository}:pull",)


def find_manifest(caller: DeploymentCaller, repository: str) -> ReadManifest | None:
    """The first manifest that there is.

    Args:
        repository: in which it is; empty for the first one that the registry lists.
    """
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
    named = answer.header("docker-content-digest")
    if not named:
        return wrong(
            "manifest",
            f"the manifest of {where} comes without Docker-Content-Digest",
            "have the proxy pass this header on (no `proxy_hide_header Docker-Content-Digest`):"
            " without it containerd and others do not know what a tag is",
        )
    if named != found.digest:
        return wrong(
            "manifest",
            f"the manifest of {where} has other bytes than its digest says",
            "have the proxy change no bodies (`sub_filter`, `gzip`, minifying, pages of its own)",
        )
    if not answer.header("content-type").startswith("application/vnd."):
        return wrong(
            "manifest",
            f"the manifest of {where} comes as {answer.header('content-type') or 'nothing'!r}",
            "have the proxy pass Content-Type on as it is",
        )
    return ok("manifest", f"the manifest of {where} comes whole, with its digest")


def check_paths(caller: DeploymentCaller, found: ReadManifest) -> DeploymentFinding:
    """Whether paths reach the registry as they were sent: neither escaped anew nor made shorter."""
    whole = "have the proxy pass paths on as they came: `proxy_pass http://REGISTRY:5000;`"
    named = found.answer.header("docker-content-digest") or found.digest
    escaped = named.replace(":", "%3A")
    headers = {"Accept": _ACCEPT}
    path = f"/v2/{found.repository}/manifests/{escaped}"
    status = caller.ask("GET", path, found.scopes, headers).status
    if status != 200:
        return wrong(
            "paths",
            f"`sha256%3A…` in a path is answered with {status}: it is escaped anew on its way",
            f"{whole}, with nothing after the port (Apache: `AllowEncodedSlashes NoDecode`, and"
            " `ProxyPass … nocanon`)",
        )
    status = caller.ask("GET", f"/v2//{found.repository}/tags/list", found.scopes).status
    if status == 200:
        return warn(
            "paths",
            "`//` in a path is made `/` on its way: it is read and written anew",
            f"{whole}, with no path and no variables after the port",
        )
    return ok("paths", "paths reach the registry as they were sent")


def check_ranges(caller: DeploymentCaller, found: ReadManifest) -> DeploymentFinding:
    """Whether a byte of a blob can be had alone, from wherever clients are sent for it."""
    digest = _blob_of(found)
    if not digest:
        return skipped("ranges", f"{found.repository}:{found.asked} has no blobs")
    path = f"/v2/{found.repository}/blobs/{digest}"
    answer = caller.ask("GET", path, found.scopes, {"Range": "bytes=0-0"})
    if answer.status not in _REDIRECTS:
        return _check_range(answer, "a blob")
    place = caller.address.join(answer.header("location"))
    scheme, host, _ = origin(place)
    if scheme not in {"http", "https"} or not host or not answer.header("location"):
        return wrong(
            "ranges",
            f"clients are sent for blobs to {answer.header('location')!r}, which is no address",
            "have the proxy pass Location on as it is, or have the registry send the bytes itself:"
            " `storage.redirect.disable: true`",
        )
    refusal = _check_redirect(caller, place)
    if refusal is not None:
        return refusal
    where = f"a blob at {urlsplit(place).netloc}"
    try:
        answer = caller.bare("GET", place, {"Range": "bytes=0-0"})
    except (HTTPError, OSError):
        return wrong(
            "ranges",
            f"clients are sent for blobs to {urlsplit(place).netloc}, which gives no answer",
            "give the object store an address that clients reach, or have the registry send the"
            " bytes itself: `storage.redirect.disable: true`",
        )
    return _check_range(answer, where)


def _check_redirect(caller: DeploymentCaller, place: str) -> DeploymentFinding | None:
    if caller.address.scheme != "https" or origin(caller.address.join(place))[0] == "https":
        return None
    return wrong(
        "ranges",
        f"clients are sent for blobs to {urlsplit(place).netloc} without TLS",
        "give the object store HTTPS, or have the registry send the bytes itself:"
        " `storage.redirect.disable: true`",
    )


def _check_range(answer: HeardAnswer, what: str) -> DeploymentFinding:
    if answer.status == 206 and answer.header("content-range").startswith("bytes 0-0/"):
        return ok("ranges", f"{what} can be had in parts, so a cut pull goes on where it was")
    if answer.status == 200:
        return warn(
            "ranges",
            f"{what} comes whole where a part was asked for: a cut pull begins anew",
            "have the proxy pass `Range` on (nginx's `proxy_cache` needs `slice`, or"
            " `proxy_force_ranges on`)",
        )
    if answer.status == 206:
        return wrong(
            "ranges",
            f"a part of {what} comes without Content-Range, so nobody knows which it is",
            "have the proxy pass this header on (no `proxy_hide_header Content-Range`)",
        )
    return wrong(
        "ranges",
        f"{what} is answered with {answer.status}",
        "look at the log of what answers there; `lading verify` tells whether the bytes are there",
    )


def _read(caller: DeploymentCaller, name: str, asked: str) -> ReadManifest | None:
    scopes = (f"repository:{name}:pull",)
    answer = caller.ask("GET", f"/v2/{name}/manifests/{asked}", scopes, {"Accept": _ACCEPT})
    if answer.status != 200:
        return None
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    return ReadManifest(name, asked, digest, answer)


def _first_of(answer: HeardAnswer, key: str) -> str:
    names = answer.document().get(key)
    return str(names[0]) if answer.status == 200 and isinstance(names, list) and names else ""


def _blob_of(found: ReadManifest) -> str:
    document = found.answer.document()
    layers = document.get("layers")
    blobs = [document.get("config"), *(layers if isinstance(layers, list) else ())]
    return next(
        (str(one["digest"]) for one in blobs if isinstance(one, dict) and "digest" in one), ""
    )
