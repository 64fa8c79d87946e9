"""Sign-in and sign-out: a session begins, and ends."""

import re

from lading.core.errors import TooManyRequests
from lading.edge.limits import client_of
from lading.edge.response import Response
from lading.ui import sessions
from lading.ui.context import Visit
from lading.ui.cookies import SESSION, set_cookie
from lading.ui.errors import PageUnknown, headers_of
from lading.ui.forms import Form
from lading.ui.rendering import page, see_other

# A path of this address: neither `//elsewhere`, nor what browsers take for that.
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")
_NOBODY = "Nobody signs in here: everybody may do what is allowed."
_WRONG = "The name or the password is wrong."


async def show(visit: Visit) -> Response:
    """The form, unless nobody can sign in here."""
    if visit.parts.logins is None:
        raise PageUnknown(_NOBODY)
    if visit.request.caller:
        return see_other(visit, "/")
    return _form(visit, back=visit.asked("next"))


async def sign_in(visit: Visit, form: Form) -> Response:
    """Begin a session for who knows a password, in place of any that the browser had."""
    logins, request = visit.parts.logins, visit.request
    if logins is None:
        raise PageUnknown(_NOBODY)
    name, back = form.get("name").strip(), form.get("next")
    request.claimed = name
    try:
        login = await logins.log_in(name, form.get("password"), client_of(request.address))
    except TooManyRequests as error:
        response = _form(visit, back=back, name=name, message=error.message, status=429)
        response.headers = {**response.headers, **headers_of(error)}
        return response
    # What is borrowed cannot be looked up again, so no session could end with it.
    if login is None or login.borrowed:
        return _form(visit, back=back, name=name, message=_WRONG, status=403)
    request.caller = login.principal.name
    await sessions.end(visit.parts, request)
    secret = await sessions.sessions_of(visit.parts, logins).keep(login)
    response = _to(visit, back)
    cookie = set_cookie(
        SESSION, secret, secure=visit.parts.is_secure(request), seconds=sessions.LIFETIME
    )
    response.headers = {**response.headers, "Set-Cookie": cookie}
    return response


async def sign_out(visit: Visit, form: Form) -> Response:  # noqa: ARG001 - as all have it
    """End the session, here and wherever else its cookie went."""
    await sessions.end(visit.parts, visit.request)
    response = see_other(visit, "/", done="signed-out")
    gone = set_cookie(SESSION, "", secure=visit.parts.is_secure(visit.request), seconds=0)
    response.headers = {
        **response.headers,
        "Set-Cookie": gone,
        # What a browser kept of pages is not for whoever sits there next.
        "Clear-Site-Data": '"cache"',
    }
    return response


def _form(
    visit: Visit, *, back: str, name: str = "", message: str = "", status: int = 200
) -> Response:
    own = back if _OWN_PATH.fullmatch(back) else ""
    return page(visit, "sign-in.html", status=status, message=message, next_=own, name=name)


def _to(visit: Visit, back: str) -> Response:
    """The way back to where a visitor had to sign in; to the first page if that is nowhere here."""
    if not _OWN_PATH.fullmatch(back):
        return see_other(visit, "/", done="signed-in")
    return Response(303, {"Location": back, "Cache-Control": "no-store"})
