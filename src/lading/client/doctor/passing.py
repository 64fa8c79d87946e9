"""What a proxy lets through beside bodies: long headers, errors as they are, and links of lists."""

from lading.client.doctor.caller import DeploymentCaller, HeardAnswer
from lading.client.doctor.findings import DeploymentFinding, ok, warn, wrong
from lading.client.doctor.reading import ReadManifest

# A token for some repositories has some thousand bytes; proxies take 8 KiB of themselves.
_LONG = 6 * 1024
# Behind the name of any repository.
_LAST = "z" * 64
# A tag that nobody has.
_ABSENT = "lading-doctor-looks-for-what-is-not-there"


def check_headers(caller: DeploymentCaller, first: HeardAnswer) -> DeploymentFinding:
    """Whether headers as long as tokens are get the answer of the first request, without any."""
    long = {"X-Lading-Doctor": "x" * _LONG}
    try:
        status = caller.bare("GET", "/v2/", long).status
    except OSError:
        status = 0
    if status in {first.status, 429}:
        return ok(f"headers of {_LONG // 1024} KiB are taken, as tokens need them")
    how = f"answered with {status}" if status else "not answered"
    return wrong(
        f"a header of {_LONG // 1024} KiB is {how}: logins fail whose token is as long",
        "`large_client_header_buffers 4 32k;` in nginx's `server`, HAProxy's `tune.bufsize 32768`;"
        " other proxies call it the size of headers",
    )


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
    if first.header("link") or len(_tags(caller.ask("GET", f"{place}?n=2", found.scopes))) < 2:
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
