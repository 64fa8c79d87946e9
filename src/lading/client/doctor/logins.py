"""Login to a deployment: where its clients are sent for tokens, and whether these are any good."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from lading.client.answer_headers import AskedLogin, parse_challenges
from lading.client.answers import moment, origin
from lading.client.doctor.caller import DeploymentCaller, HeardAnswer
from lading.client.doctor.findings import DeploymentFinding, ok, skipped, warn, wrong
from lading.client.errors import ClientError, reason
from lading.client.references import is_local
from lading.client.tokens import is_token

FORWARDED = (
    "have the proxy say it: `proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto"
    " $scheme;`, and the registry believe it: `http.trustedproxies: [ADDRESS OF THE PROXY]`; or,"
    " without both, `http.host: {url}`"
)
"""What to do where a registry does not know by which address clients come."""

_SLACK = 5


def check_realm(caller: DeploymentCaller, first: HeardAnswer) -> DeploymentFinding:
    """Whether the answer at `/v2/` sends clients for tokens to a right place, which answers."""
    ways = parse_challenges(first.headers.getlist("www-authenticate"))
    way = next((one for one in ways if one.scheme in {"bearer", "basic"}), None)
    if first.status != 401:
        return skipped("nobody is asked to log in at /v2/")
    if way is None:
        return wrong(
            f"a login of a kind is asked for that no client knows: {ways[0].scheme}",
            "have Basic or Bearer at /v2/, not the login of a web page",
        )
    if way.scheme == "basic":
        return _check_basic(caller)
    return _check_bearer(caller, way)


def _check_basic(caller: DeploymentCaller) -> DeploymentFinding:
    if caller.address.scheme == "http" and not is_local(caller.address.netloc):
        return warn(
            "passwords are asked for without TLS: all on the way can read them",
            "have it speak HTTPS, as said above",
        )
    return ok("a name and a password are asked for (Basic)")


def _check_bearer(caller: DeploymentCaller, way: AskedLogin) -> DeploymentFinding:
    realm = way.parameters.get("realm", "")
    own = caller.address
    scheme, host, _ = origin(realm)
    if scheme not in {"http", "https"} or not host:
        return wrong(
            f"clients are sent for tokens to {realm!r}, which is no address",
            "write a whole one: `auth.token.realm: https://…`",
        )
    if own.scheme == "https" and scheme == "http":
        advice = FORWARDED.format(url=own.url)
        return wrong(f"clients are sent for tokens to {realm}, without TLS", advice)
    return _ask_realm(caller, realm, way)


def _ask_realm(caller: DeploymentCaller, realm: str, way: AskedLogin) -> DeploymentFinding:
    query = urlencode({key: way.parameters[key] for key in ("service",) if key in way.parameters})
    try:
        answer = caller.bare("GET", f"{realm}{'&' if '?' in realm else '?'}{query}")
    except (ClientError, OSError) as error:
        return wrong(
            f"clients are sent for tokens to {realm}, which gives no answer: {reason(error)}",
            f"if it is a name inside: {FORWARDED.format(url=caller.address.url)}; else start the"
            " token server, or mend `auth.token.realm`",
        )
    if answer.status in {401, 403}:
        return ok(f"tokens are at {realm}, for who has a password")
    if answer.status == 200:
        return _check_token(realm, answer)
    if answer.status == 429 or answer.status >= 500:
        what = f"the token server at {realm} answers with {answer.status}"
        return wrong(what, "look at its log, and at that of the proxy before it")
    advice = f"have the proxy pass on {urlsplit(realm).path or '/'}, too, beside /v2/"
    if not caller.address.is_own(realm):
        advice = "mend `auth.token.realm`; if it should be the same address as here: "
        advice += FORWARDED.format(url=caller.address.url)
    what = f"clients are sent for tokens to {realm}, which answers with {answer.status}"
    return wrong(what, advice)


def _check_token(realm: str, answer: HeardAnswer) -> DeploymentFinding:
    document = answer.document()
    token = document.get("token") or document.get("access_token")
    if not is_token(token):
        what = "is an answer without a token" if document else "is a page instead"
        return wrong(
            f"clients are sent for tokens to {realm}, where there {what}",
            f"have the proxy pass on {urlsplit(realm).path or '/'}, too, beside /v2/",
        )
    claims, now = _claims(str(token)), moment(answer.headers.get("date"))
    if now is None:  # it may be another host's than the registry's; ours if it is not told
        now = answer.ended
    starts, ends = claims.get("nbf", 0), claims.get("exp", now + _SLACK)
    if isinstance(starts, int | float) and starts > now + _SLACK:
        return wrong(f"a new token is valid only in {starts - now:.0f} s", _CLOCKS)
    if isinstance(ends, int | float) and ends < now - _SLACK:
        return wrong(f"a new token expired {now - ends:.0f} s ago", _CLOCKS)
    return ok(f"tokens are at {realm}, for anybody")


_CLOCKS = "set the clock of the token server by NTP (`timedatectl set-ntp true`)"


def check_login(caller: DeploymentCaller) -> DeploymentFinding:
    """Whether the login that is kept for the deployment is taken, where one is asked for."""
    if caller.find("") is None:
        return skipped(
            "no login is kept for it here, so what needs one is not looked at",
            f"`lading login {caller.address.netloc}`, or `docker login`",
        )
    answer = caller.ask("GET", "/v2/")
    if answer.status == 200:
        return ok("the login that is kept is taken")
    if answer.status == 401:
        return wrong(
            "the login that is kept, or the token it gave, is refused",
            f"`lading login {caller.address.netloc}`; if the password is right: the registry has"
            " to know the token server (`auth.token.issuer`, `service`, `rootcertbundle`), and the"
            " proxy must leave `Authorization` as it is, and keep no answers (`proxy_cache off;`)",
        )
    return wrong(
        f"with the login that is kept, /v2/ is answered with {answer.status}",
        "look at the log of the registry, and of the proxy before it",
    )


def _claims(token: str) -> Mapping[str, Any]:
    """What a token says, if it is one that can be read (RFC 7519); not whether it is true."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
