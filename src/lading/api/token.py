"""The token service over HTTP: `GET /token`, and OAuth2's `POST`.

Both are Docker's: https://distribution.github.io/distribution/spec/auth/token/ and …/auth/oauth/.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from lading.api.context import Context
from lading.auth.authenticator import Login
from lading.auth.claims import said_subject
from lading.core.errors import TokenRequestInvalid, Unauthorized
from lading.core.scopes import Scope
from lading.core.timestamps import rfc3339
from lading.edge.body import whole_body
from lading.edge.challenge import Basic, Password, parse_authorization
from lading.edge.limits import client_of
from lading.edge.response import Response, json_response

if TYPE_CHECKING:  # it loads what only some registries need
    from lading.auth.tokens import IssuedToken, TokenService

TOKEN_PATH = "/token"  # noqa: S105 - where they are, not what they are
"""Where clients are sent for tokens."""

# A form with a password and the scopes of a large push.
MAX_FORM = 64 * 1024
MAX_FIELDS = 64
# Each is looked at by all rules. A push asks for its repository, and for those that it mounts from.
MAX_SCOPES = 100
# RFC 6749, section 5.1: "MUST include … Cache-Control … no-store … in any response containing
# tokens".
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"  # noqa: S105 - the name of a kind
_SUBJECT_TYPES = frozenset({f"{_TOKEN_TYPE}jwt", f"{_TOKEN_TYPE}id_token"})
_TRUE = frozenset({"true", "1", "yes"})


async def get(context: Context) -> Response:
    """A token for whoever logs in with a password, or for anybody."""
    service = _service_of(context)
    login = None
    header = context.request.headers.get("authorization")
    if header is not None:
        match parse_authorization(header):
            case Password(name, password):
                login = await _log_in(context, service, name, password)
            case _:
                raise _refusal("the Authorization header must hold a name and a password")
    asked = _scopes(context.request.parameters.get("scope", []))
    offline = context.request.parameter("offline_token") or ""
    # Of the answer to HEAD nobody would have it.
    refreshable = offline.lower() in _TRUE and context.request.method != "HEAD"
    return await _answer(context, service, login, asked, refreshable=refreshable)


async def post(context: Context) -> Response:
    """A token for a password or a refresh token in a form."""
    service = _service_of(context)
    form = await _read_form(context)
    context.request.noted["grant"] = form.get("grant_type", "")
    match form.get("grant_type"):
        case "password":
            name, password = form.get("username", ""), form.get("password", "")
            login = await _log_in(context, service, name, password)
            refreshable = form.get("access_type") == "offline"
        case "refresh_token":
            found = await service.refreshed.find(form.get("refresh_token", ""))
            if found is None:
                raise _refusal("the refresh token is not good any more; log in again")
            login, refreshable = found, False
        case _ if form.get("grant_type") == _EXCHANGE:
            login, refreshable = await _exchange(context, service, form), False
        case _:
            raise TokenRequestInvalid(
                f"`grant_type` must be `password`, `refresh_token` or `{_EXCHANGE}`"
            )
    return await _answer(
        context, service, login, _scopes([form.get("scope", "")]), refreshable=refreshable
    )


def _service_of(context: Context) -> "TokenService":
    assert context.tokens is not None, "without one there is no such route"
    return context.tokens


async def _exchange(context: Context, service: "TokenService", form: Mapping[str, str]) -> Login:
    """Somebody else's token for one of ours (RFC 8693)."""
    if form.get("subject_token_type") not in _SUBJECT_TYPES:
        known = " or ".join(f"`{name}`" for name in sorted(_SUBJECT_TYPES))
        raise TokenRequestInvalid(f"`subject_token_type` must be {known}")
    token = form.get("subject_token", "")
    return await _log_in(context, service, "", token, claimed=said_subject(token))


async def _log_in(
    context: Context, service: "TokenService", name: str, password: str, *, claimed: str = ""
) -> Login:
    context.request.claimed = name or claimed
    login = await service.tokens.logins.log_in(name, password, client_of(context.request.address))
    if login is None:
        raise _refusal("the name or the password is wrong" if name else "the token is not valid")
    return login


async def _answer(
    context: Context,
    service: "TokenService",
    login: Login | None,
    asked: Iterable[Scope],
    *,
    refreshable: bool,
) -> Response:
    if login is not None:
        context.request.caller = login.principal.name
    issued = await service.grant(login, asked)
    context.request.noted["scopes"] = " ".join(map(str, issued.scopes))
    body = _describe(issued)
    # What is borrowed is given back: a workload has a new token for each of its runs.
    if login is not None and not login.borrowed and refreshable:
        secret = await service.start_refreshing(login)
        if secret is not None:
            body["refresh_token"] = secret
    return json_response(body, headers=_NOT_STORED)


def _describe(issued: "IssuedToken") -> dict[str, object]:
    """The answer that has a token, under both its names.

    Docker reads `token`, clients that came by OAuth2 `access_token`.
    """
    return {
        "token": issued.token,
        "access_token": issued.token,
        "token_type": "Bearer",
        "issued_token_type": f"{_TOKEN_TYPE}access_token",
        "scope": " ".join(str(scope) for scope in issued.scopes),
        "expires_in": issued.lifetime,
        "issued_at": rfc3339(issued.at, 0),
    }


def _scopes(texts: Iterable[str]) -> Sequence[Scope]:
    """Scopes that are asked for, without what is none.

    They come one in a parameter, or several with spaces between.
    """
    words = [word for text in texts for word in text.split()]
    if len(words) > MAX_SCOPES:
        raise TokenRequestInvalid(f"ask for at most {MAX_SCOPES} scopes at once")
    return [scope for word in words if (scope := Scope.parse(word)) is not None]


async def _read_form(context: Context) -> dict[str, str]:
    request = context.request
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise TokenRequestInvalid("send a form: `application/x-www-form-urlencoded`")
    budgets = context.options.edge.bodies
    async with whole_body(request, MAX_FORM, budgets) as body:
        if body is None:
            raise TokenRequestInvalid(f"the form may have at most {MAX_FORM} bytes")
        try:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
            )
        except ValueError as error:
            raise TokenRequestInvalid("the form cannot be read") from error
    return dict(pairs)


def _refusal(message: str) -> Unauthorized:
    """The refusal of a login: as no token can be wrong here, the challenge is for a password."""
    return Unauthorized(Basic("lading").value, message)
