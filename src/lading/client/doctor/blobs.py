"""Blobs of a deployment: whether they can be had in parts, from wherever clients are sent."""

from lading.client.answers import origin
from lading.client.doctor.caller import DeploymentCaller, HeardAnswer
from lading.client.doctor.findings import DeploymentFinding, ok, skipped, warn, wrong
from lading.client.doctor.reading import ReadManifest
from lading.client.errors import ClientError, bare
from lading.client.session import MOST_REDIRECTS, REDIRECTS

_PART = {"Range": "bytes=0-0"}
_ITSELF = "have the registry send the bytes itself: `storage.redirect.disable: true`"


def check_compression(caller: DeploymentCaller, found: ReadManifest) -> DeploymentFinding:
    """Whether blobs come as they are to who takes compressed answers, as most clients do."""
    path = _path_of_blob(found)
    if not path:
        return skipped(f"{found.repository}:{found.asked} has no blobs")
    answer = caller.ask("GET", path, found.scopes, {"Accept-Encoding": "gzip"})
    if answer.status != 200:
        return skipped(f"a blob is answered with {answer.status} here")
    coding = answer.headers.get("content-encoding")
    if coding in {"", "identity"}:
        return ok("blobs come as they were pushed")
    return warn(
        f"blobs come compressed on their way ({coding}): what is compressed already costs time"
        " there, is of no known length, and a cut pull begins anew",
        "`gzip off;` in nginx's `location /v2/`, no `compression` in HAProxy's backend",
    )


def check_ranges(caller: DeploymentCaller, found: ReadManifest) -> DeploymentFinding:
    """Whether a byte of a blob can be had alone, from wherever clients are sent for it."""
    path = _path_of_blob(found)
    if not path:
        return skipped(f"{found.repository}:{found.asked} has no blobs")
    answer = caller.ask("GET", path, found.scopes, _PART)
    where = "a blob"
    for _ in range(MOST_REDIRECTS):
        if answer.status not in REDIRECTS:
            return _check_range(answer, where)
        followed = _follow(caller, answer)
        if isinstance(followed, DeploymentFinding):
            return followed
        answer, where = followed
    return wrong(
        f"clients are sent for blobs from one address to the next: more than {MOST_REDIRECTS}",
        "see where they are sent to by `curl -IL`, and have no proxy send them back to where they"
        f" came from; or {_ITSELF}",
    )


def _follow(
    caller: DeploymentCaller, answer: HeardAnswer
) -> tuple[HeardAnswer, str] | DeploymentFinding:
    """The answer at the address that clients are sent to, and what it is of; or what is wrong."""
    location = answer.headers.get("location")
    place = caller.address.join(location)
    scheme, host, _ = origin(place)
    netloc = bare(place).partition("://")[2].partition("/")[0]
    if scheme not in {"http", "https"} or not host or not location:
        return wrong(
            f"clients are sent for blobs to {location!r}, which is no address",
            f"have the proxy pass Location on as it is, or {_ITSELF}",
        )
    if caller.address.scheme == "https" and scheme != "https":
        return wrong(
            f"clients are sent for blobs to {netloc} without TLS",
            f"give the object store HTTPS, or {_ITSELF}",
        )
    try:
        return caller.bare("GET", place, _PART), f"a blob at {netloc}"
    except (ClientError, OSError):
        return wrong(
            f"clients are sent for blobs to {netloc}, which gives no answer",
            f"give the object store an address that clients reach, or {_ITSELF}",
        )


def _check_range(answer: HeardAnswer, what: str) -> DeploymentFinding:
    if answer.status == 206 and answer.headers.get("content-range").startswith("bytes 0-0/"):
        return ok(f"{what} can be had in parts, so a cut pull goes on where it was")
    if answer.status == 200:
        return warn(
            f"{what} comes whole where a part was asked for: a cut pull begins anew",
            "have the proxy pass `Range` on (nginx's `proxy_cache` needs `slice`, or"
            " `proxy_force_ranges on`)",
        )
    if answer.status == 206:
        return wrong(
            f"a part of {what} comes without Content-Range, so nobody knows which it is",
            "have the proxy pass this header on (no `proxy_hide_header Content-Range`)",
        )
    return wrong(
        f"{what} is answered with {answer.status}",
        "look at the log of what answers there; `lading verify` tells whether the bytes are there",
    )


def _path_of_blob(found: ReadManifest) -> str:
    """The path of the first blob that a manifest names; empty if it names none."""
    document = found.answer.document()
    layers = document.get("layers")
    blobs = [document.get("config"), *(layers if isinstance(layers, list) else ())]
    for one in blobs:
        if isinstance(one, dict) and "digest" in one:
            return f"/v2/{found.repository}/blobs/{one['digest']}"
    return ""
