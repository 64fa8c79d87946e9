"""Upload to a deployment, which is given up at its end: what a proxy does to what is pushed."""

import http.client
import time
from collections.abc import Iterator

from lading.client.answers import origin
from lading.client.doctor.caller import DeploymentCaller, HeardAnswer
from lading.client.doctor.findings import DeploymentFinding, FindingState, ok, skipped, warn, wrong
from lading.client.doctor.logins import FORWARDED
from lading.client.doctor.tried_uploads import MOMENT, TriedUpload, given_up
from lading.client.errors import ClientError, reason

_MIB = 1024 * 1024
# More than nginx's `client_max_body_size` has of itself, which is 1 MiB.
_SENT = 4 * _MIB
# Little, as it may stay there.
_CUT_AFTER = 64 * 1024
# What layers may have; from the largest.
_ANNOUNCED = tuple(size * _MIB for size in (10 * 1024, 1024, 100, 2))
_SLOW = 2.0
_TOO_LARGE = 413

_NO_CAP = "`client_max_body_size 0;` in nginx's `server`; other proxies call it the body's size"
_NO_BUFFER = "`proxy_request_buffering off; proxy_http_version 1.1;` in nginx's `location /v2/`"


def check_upload(caller: DeploymentCaller, repository: str) -> Iterator[DeploymentFinding]:
    """Begin an upload, look at where it is and at what gets through, and give it up."""
    scopes = (f"repository:{repository}:pull,push",)
    path = f"/v2/{repository}/blobs/uploads/"
    answer = caller.ask("POST", path, scopes)
    if answer.status != 202:
        yield _not_begun(answer, repository).named("location")
        return
    yield check_location(caller, answer).named("location")
    location = answer.headers.get("location")
    if not location or not origin(caller.address.join(location))[1]:
        return
    with given_up(caller, scopes, answer) as upload:
        body = check_body(upload).named("body")
        yield body
        if body.state is not FindingState.OK:
            return
        yield check_chunked(upload).named("chunked")
        yield check_bound(upload).named("bound")
    # Another one: Distribution neither goes on with one that was cut off, nor cancels it.
    with given_up(caller, scopes, caller.ask("POST", path, scopes)) as upload:
        yield check_buffering(upload).named("buffering")


def check_location(caller: DeploymentCaller, answer: HeardAnswer) -> DeploymentFinding:
    """Whether the address of an upload is one that the client can go to."""
    location, own = answer.headers.get("location"), caller.address
    if not location:
        return wrong(
            "an upload is begun, and its Location is missing",
            "have the proxy pass this header on",
        )
    url = own.join(location)
    if not origin(url)[1]:
        return wrong(
            f"uploads are sent to {location!r}, which is no address",
            f"have the proxy pass Location on as it is; and {FORWARDED.format(url=own.url)}",
        )
    if not own.is_own(url):
        return _elsewhere(caller, url)
    seconds = answer.ended - answer.began
    if seconds > _SLOW:
        return warn(
            f"it takes {seconds:.1f} s to begin an upload",
            "look at the disk and the database of the registry: its figures tell where time goes",
        )
    return ok(f"uploads are at the same address ({seconds * 1000:.0f} ms to begin one)")


def _elsewhere(caller: DeploymentCaller, url: str) -> DeploymentFinding:
    """Another address than the one that is asked may be meant, if it is one that clients reach."""
    scheme, host, port = origin(url)
    advice = FORWARDED.format(url=caller.address.url)
    what = f"uploads are sent to {scheme}://{host}:{port}, not to {caller.address.url}"
    if caller.address.scheme == "https" and scheme != "https":
        return wrong(f"{what}: without TLS", advice)
    try:
        caller.bare("GET", url)
    except (ClientError, OSError):
        return wrong(f"{what}, and nobody answers there", advice)
    return warn(what, f"if that is not meant, {advice}")


def check_body(upload: TriedUpload) -> DeploymentFinding:
    """Whether a body of some MiB is taken."""
    try:
        answer = upload.send("PATCH", bytes(_SENT))
    except OSError as error:
        return wrong(
            f"a push of {_SENT // _MIB} MiB is cut off: {reason(error)}",
            f"if the proxy bounds bodies: {_NO_CAP}; if it is slow, raise its times"
            " (`client_body_timeout`, `proxy_read_timeout`, HAProxy's `timeout client`)",
        )
    if answer.status == _TOO_LARGE:
        return _bounded(_SENT)
    if answer.status != 202:
        return _not_taken(answer)
    return ok(f"a push of {_SENT // _MIB} MiB is taken")


def check_chunked(upload: TriedUpload) -> DeploymentFinding:
    """Whether a body is taken whose length is not said before, as Docker and containerd send it."""
    advice = (
        "have the proxy take `Transfer-Encoding: chunked` and pass it on (`proxy_http_version 1.1;"
        f" proxy_request_buffering off;`); if it bounds bodies: {_NO_CAP}"
    )
    try:
        answer = upload.send("PATCH", [bytes(_MIB)] * (_SENT // _MIB))
    except OSError as error:
        return wrong(
            f"a push whose length is not said before, as Docker's, is cut off: {reason(error)}",
            advice,
        )
    if answer.status != 202:
        return wrong(
            "a push whose length is not said before, as Docker's, is answered with"
            f" {_said(answer)}, and one whose length is said is taken",
            advice,
        )
    return ok("a push whose length is not said before is taken, too")


def check_bound(upload: TriedUpload) -> DeploymentFinding:
    """Whether bodies may be as large as layers are: by announcing some, and sending none."""
    refused = 0
    for size in _ANNOUNCED:
        head = upload.caller.send_head(upload.url, upload.scopes, size, wait=MOMENT)
        if head != _TOO_LARGE:
            break
        refused = size
    return _bounded(refused) if refused else ok("larger ones are not refused")


def check_buffering(upload: TriedUpload) -> DeploymentFinding:
    """Whether bytes reach the registry while more of them come: by hanging up after the first."""
    begun = upload.caller.ask("GET", upload.url, upload.scopes)
    if begun.status == 204 and not begun.headers.get("range"):
        return warn(
            "how much of an upload is there is told without Range: a cut push begins anew",
            "have the proxy pass this header on (no `proxy_hide_header Range`)",
        )
    data = bytes(_CUT_AFTER)
    upload.caller.send_head(upload.url, upload.scopes, _SENT, data, wait=MOMENT / 2)
    deadline = time.monotonic() + MOMENT
    while time.monotonic() < deadline:
        now = upload.offset()
        if now is None:
            what = "this registry does not go on with a push that was cut off"
            return skipped(f"{what}; {_CUT_AFTER // 1024} KiB stay until it purges them")
        if now:
            return ok("what is pushed reaches the registry at once")
        time.sleep(MOMENT / 10)
    return warn(
        "of a push that is cut off nothing reaches the registry: the proxy holds requests back"
        " until they are whole",
        f"{_NO_BUFFER}: otherwise each layer is written twice, and a cut push begins anew",
    )


def _bounded(size: int) -> DeploymentFinding:
    what = f"413: bodies of {size // _MIB} MiB are refused on their way"
    return wrong(what, _NO_CAP).named("bound")


def _not_begun(answer: HeardAnswer, repository: str) -> DeploymentFinding:
    said = _said(answer)
    if answer.status in {403, 405} and "errors" not in answer.document():
        return wrong(
            f"POST is refused on its way, by no registry: {said}",
            "have the proxy pass POST, PATCH, PUT and DELETE on (no `limit_except`)",
        )
    if answer.status in {401, 403}:
        return skipped(
            f"this login may not push to {repository}: {said}",
            "name a repository to which it may, by `--repository`, or log in as somebody else",
        )
    if answer.status in {405, 503}:
        return warn(
            f"no upload can be begun: {said}",
            "switch the read-only mode off, if that is not meant: `lading read-only off`",
        )
    return _not_taken(answer)


def _not_taken(answer: HeardAnswer) -> DeploymentFinding:
    if answer.status == 507:
        advice = "make room on the disk: `lading garbage-collect`, `lading du`"
    else:
        advice = "have the proxy pass POST, PATCH, PUT and DELETE on; look at the registry's log"
    return wrong(f"an upload is answered with {_said(answer)}", advice)


def _said(answer: HeardAnswer) -> str:
    errors = answer.document().get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    words = str(first.get("message", "")) if isinstance(first, dict) else ""
    return f"{answer.status} {words or http.client.responses.get(answer.status, '')}".strip()
