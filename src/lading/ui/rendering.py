"""Rendering: a template and values become a response, with the headers that every page has.

Values are escaped unless a template's author says otherwise, and none does. Nothing of a page is
inline, so its policy allows no script, no style and no request but to this address.
"""

import asyncio
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import jinja2

from lading.edge.request import Request
from lading.edge.response import Response
from lading.ui import units
from lading.ui.assets import ASSETS
from lading.ui.context import UiParts, Visit, query_of
from lading.ui.cookies import FormSecret
from lading.ui.navigation import links

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    # What a page may show depends on who looks, and on what was deleted a moment ago.
    "Cache-Control": "no-store",
    "Vary": "Cookie, Accept",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""Headers of every page."""

_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def page(
    visit: Visit, template: str, *, status: int = 200, immutable: bool = False, **values: Any
) -> Response:
    """A page.

    Args:
        template: its name in `templates`.
        immutable: whether it is about what never changes, as a digest is; kept by browsers and
            proxies if whoever comes without a login sees the same.
        values: of the template, beside those of `_frame`.
    """
    response = render(visit.request, visit.parts, template, status, visit=visit, **values)
    if immutable and not visit.access.principal.name and "Set-Cookie" not in response.headers:
        response.headers = {**response.headers, **_FOR_EVER}
    return response


async def large_page(visit: Visit, template: str, **values: Any) -> Response:
    """A page that may be of some MiB, so that others would wait for it: it is made in a thread."""
    async with visit.parts.rendering:
        return await asyncio.to_thread(partial(page, visit, template, **values))


def render(
    request: Request, parts: UiParts, template: str, status: int = 200, **values: Any
) -> Response:
    """A page of a request that may not have got as far as being a visit."""
    secret = FormSecret(request, secure=parts.is_secure(request))
    frame = _frame(request, parts, secret)
    visit = values.get("visit")
    is_admin = visit is not None and visit.is_admin
    navigation = links(request, frame["at"], is_admin=is_admin)
    text = templates().get_template(template).render(**(frame | values), navigation=navigation)
    # Halves of surrogate pairs, which JSON may have and UTF-8 has not, are shown as JSON has them.
    body = text.encode(errors="backslashreplace")
    return Response(status, {**HEADERS, **secret.headers()}, body)


def _frame(request: Request, parts: UiParts, secret: FormSecret) -> dict[str, Any]:
    """What every template may use.

    `at` makes a path of ours, `asset` that of a static file, `csrf` the token of a form; `user` is
    the name of who is signed in.
    """

    # Pages have thousands of links, and all begin alike.
    start = parts.path(request, "")

    def at(path: str, **query: object) -> str:
        return f"{start}{path}{query_of(query)}" if query else start + path

    return {
        "at": at,
        "asset": lambda name: at(ASSETS.path_of(name)),
        "csrf": secret.token,
        "user": request.caller,
        "can_sign_in": parts.logins is not None,
        "visit": None,
        "done": _done(request),
    }


def see_other(visit: Visit, path: str, *, done: str = "", **query: object) -> Response:
    """The answer to a form that has done something: where to look now.

    Args:
        done: what was done, a word of `_DONE`; the next page says it.
    """
    return Response(
        303, {"Location": visit.path(path, done=done, **query), "Cache-Control": "no-store"}
    )


_DONE: Mapping[str, str] = {
    "tag-deleted": "The tag was deleted.",
    "image-deleted": "The image and its tags were deleted.",
    "tag-moved": "The tag was moved.",
    "restored": "It was restored, with its tags.",
    "signed-in": "You are signed in.",
    "signed-out": "You are signed out.",
    "robot-made": "The robot was made.",
    "robot-revoked": "The robot was revoked.",
}
"""What pages say of a form that did something before, by the word in their address.

What they say is in this table and never in the address: nobody can make them say something else.
"""


def _done(request: Request) -> str:
    return _DONE.get(request.parameter("done") or "", "")


@cache
def templates() -> jinja2.Environment:
    """All templates, each of which is compiled when it is first used."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lading.ui"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    for unit in (units.size, units.exact, units.number, units.iso, units.day, units.short):
        environment.filters[unit.__name__] = unit
    environment.filters["plural"] = units.plural
    environment.filters["words"] = units.words
    return environment
