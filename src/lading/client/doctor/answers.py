"""Answers of a deployment at `/v2/`: whether a registry gives them, how, and by which clock."""

import re

from lading.client.answer_headers import parse_challenges
from lading.client.answers import moment
from lading.client.doctor.caller import DeploymentCaller, HeardAnswer
from lading.client.doctor.findings import DeploymentFinding, ok, warn, wrong

_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
# As much as most who check tokens let clocks differ; Distribution's `Leeway` is a minute, too.
_MOST_SECONDS = 60
_USUAL_SECONDS = 5
# A token for some repositories has some thousand bytes; proxies take 8 KiB of themselves.
_LONG = 6 * 1024

_AS_IT_IS = (
    "have the proxy pass on /v2/ with its path as it is: `location /v2/ { proxy_pass"
    " http://REGISTRY:5000; }`, with nothing after the port"
)
# Guests' networks answer for whatever is asked for without TLS (captive portals).
_SIGN_IN = "or, if that is the page of the network that you are in, sign in there first"

CERTIFICATE_WANTED = wrong(
    "clients have to show a certificate that is right here",
    "put one that the server's authority issued, and its key, into"
    " /etc/docker/certs.d/HOST/client.cert and client.key (`lading cert client`)",
)
"""The finding that who has no certificate gets no answer (mutual TLS)."""


def check_answer(answer: HeardAnswer) -> DeploymentFinding:
    """Whether the first answer is a registry's (distribution-spec, "Determining Support")."""
    status = answer.status
    if status == 200 and _is_registry(answer):
        return _check_version(answer, "anybody may ask")
    if status == 401:
        return _asked_to_log_in(answer)
    if 300 <= status < 400:
        return _redirected(answer)
    return _refused(answer)


def _asked_to_log_in(answer: HeardAnswer) -> DeploymentFinding:
    if parse_challenges(answer.headers.getlist("www-authenticate")):
        return _check_version(answer, "who asks has to log in")
    return wrong(
        "401 without WWW-Authenticate: clients are not told how to log in",
        "have the proxy pass that header on (no `proxy_hide_header`, no `error_page 401` and"
        " `proxy_intercept_errors off`)",
    )


def _refused(answer: HeardAnswer) -> DeploymentFinding:
    status = answer.status
    if status in {502, 503, 504}:
        return wrong(
            f"{status}{_page(answer)}: the proxy gets no answer from the registry",
            "start the registry, and check the address the proxy has for it (`proxy_pass`); the"
            " proxy's log says what it tried",
        )
    if status == 400 and b"SSL certificate" in answer.body:  # nginx's page
        return CERTIFICATE_WANTED
    if status == 429:
        return warn("429: too many requests from here", "wait a while, or raise the bound")
    advice = f"{_AS_IT_IS}; {_SIGN_IN}" if status == 200 else _AS_IT_IS
    return wrong(f"/v2/ is answered with {status}{_page(answer)}, by no registry", advice)


def check_clock(answer: HeardAnswer) -> DeploymentFinding:
    """How far the clock there is from the one here, by the header `Date`."""
    there = moment(answer.headers.get("date"))
    if there is None:
        return warn(
            "the answer has no date, so the clocks cannot be compared",
            "have the proxy pass the header `Date` on",
        )
    # It has whole seconds: half a one is added.
    apart = there + 0.5 - (answer.began + answer.ended) / 2
    if abs(apart) <= _USUAL_SECONDS:
        return ok("the clocks agree")
    said = f"the clock there is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this one"
    advice = "set both by NTP (`timedatectl set-ntp true`); `date -u` tells which one is wrong"
    if abs(apart) <= _MOST_SECONDS:
        return warn(said, advice)
    return wrong(f"{said}: tokens and certificates count as expired, or not yet valid", advice)


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


def check_readiness(caller: DeploymentCaller, url: str) -> DeploymentFinding:
    """Whether the registry says, at `/readyz` of an address, that it can serve, and has room."""
    headers = {"Accept": "application/json"}
    answer = caller.bare("GET", f"{url.rstrip('/')}/readyz", headers)
    failing = {name: why for name, why in answer.document().items() if why != "ok"}
    if answer.status == 200:
        return ok("the registry is ready, and has room")
    if answer.status == 503 and failing:
        said = "; ".join(f"{name}: {why}" for name, why in failing.items())
        advice = "make room: `lading garbage-collect`, or a larger volume"
        if "room" not in failing:
            advice = "mend what is named; the registry's log says more"
        return wrong(f"the registry is not ready: {said}", advice)
    return wrong(
        f"{url}/readyz is answered with {answer.status}",
        "name the address of `http.debug.addr`; `http.debug.allowed` says who may ask",
    )


def _is_registry(answer: HeardAnswer) -> bool:
    kind = answer.headers.get("content-type").partition(";")[0].strip().lower()
    has_version = "docker-distribution-api-version" in answer.headers
    return kind != "text/html" and (has_version or kind.endswith("json") or not answer.body)


def _check_version(answer: HeardAnswer, said: str) -> DeploymentFinding:
    if answer.headers.get("docker-distribution-api-version"):
        return ok(f"a registry answers; {said}")
    return warn(
        f"a registry answers; {said}; Docker-Distribution-Api-Version is missing",
        "have the proxy pass this header on: older clients take what lacks it for no registry"
        " (no `proxy_hide_header`; or `add_header Docker-Distribution-Api-Version registry/2.0"
        " always;`)",
    )


def _redirected(answer: HeardAnswer) -> DeploymentFinding:
    place = answer.headers.get("location")
    if place.startswith("https:"):
        advice = f"ask for it as it says; or, at the proxy, serve /v2/ here, too ({_AS_IT_IS})"
    else:
        advice = f"take /v2/ out of what redirects, as of a login page: {_AS_IT_IS}; {_SIGN_IN}"
    return wrong(f"/v2/ is answered with {answer.status}, a way to {place!r}", advice)


def _page(answer: HeardAnswer) -> str:
    """What page a proxy shows, if it is one that has a title."""
    found = _TITLE.search(answer.body)
    if found is None:
        return ""
    return f" (a page: “{found[1].decode(errors='replace').strip()[:60]}”)"
