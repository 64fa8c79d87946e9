"""Rendering: a template and values become a response, with the headers that every page has.

Values are escaped unless a template's author says otherwise, and none does; signs that nobody sees
are shown (`values`). Nothing of a page is inline, so its policy allows no script, no style and
no request but to this address.

A page is written a piece at a time, and whoever pulls meanwhile comes between: the loop that both
are in is held up for no longer than a piece takes.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2

from lading.edge.endpoints import Handler
from lading.edge.request import Request
from lading.edge.response import Response
from lading.system.threads import LoopTurns
from lading.ui.assets import ASSETS, FOR_EVER
from lading.ui.context import UiParts, Visit, is_admin, query_of
from lading.ui.cookies import FormSecret
from lading.ui.errors import ErrorPage
from lading.ui.values import FILTERS, visible
from lading.ui.ways import navigation, sign_in_path

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

# What other templates are made of.
_PARTS = ("base.html", "parts.html", "manifests.html")


@dataclass(slots=True, kw_only=True)
class UnwrittenPage(Response):
    """A page that is still to be written; until then its headers are not all of them.

    Attributes:
        template: by its name in `templates`, and what it may use.
        secret: of its forms; whether it is needed is known once they are written.
        is_same_for_all: whether it may be kept if there is none.
    """

    template: str
    values: Mapping[str, Any]
    secret: FormSecret
    is_same_for_all: bool = False

    async def write(self) -> Response:
        """The page, whole; others have their turns meanwhile."""
        known = templates()
        if self.template not in known:
            # That takes as long as hundreds of requests, once.
            await asyncio.to_thread(known.__getitem__, self.template)
        turns, written = LoopTurns(), list[str]()
        await turns.pause()
        for piece in known[self.template].generate(self.values):
            written.append(piece)
            if turns.is_over:
                await turns.pause()
        own = self.secret.headers()
        kept = {"Cache-Control": FOR_EVER} if self.is_same_for_all and not own else {}
        # Halves of surrogate pairs, which JSON may have and UTF-8 has not, look as they do there.
        body = "".join(written).encode(errors="backslashreplace")
        return Response(self.status, {**self.headers, **kept, **own}, body)


def written(handler: Handler[Visit]) -> Handler[Visit]:
    """A handler whose pages are written once it has said all of them."""

    async def handle(visit: Visit) -> Response:
        visit.request.read_only = await visit.parts.is_read_only()
        response = await handler(visit)
        return await response.write() if isinstance(response, UnwrittenPage) else response

    return handle


def page(
    visit: Visit, template: str, *, status: int = 200, immutable: bool = False, **values: Any
) -> UnwrittenPage:
    """A page, which is written when its handler has given it; see `written`.

    Args:
        template: its name in `templates`.
        immutable: whether it is about what never changes, as a digest is; kept by browsers and
            proxies if whoever comes without a login sees the same.
        values: of the template, beside `visit`, its `repository` and those of `_frame`.
    """
    values = {"visit": visit, "repository": visit.repository, **values}
    unwritten = _unwritten(visit.request, visit.parts, template, status, **values)
    unwritten.is_same_for_all = immutable and not visit.access.principal.name
    return unwritten


async def large_page(visit: Visit, template: str, **values: Any) -> Response:
    """A page that may be of some MiB, of which few are written at once; see `page`."""
    async with visit.parts.rendering:
        return await page(visit, template, **values).write()


def error_page(
    request: Request, parts: UiParts, shown: ErrorPage, message: str = "", **values: Any
) -> UnwrittenPage:
    """The page of an error, of a request that may not have got as far as being a visit."""
    values |= {"shown": shown, "message": message}
    return _unwritten(request, parts, "error.html", shown.status, **values)


def _unwritten(
    request: Request, parts: UiParts, template: str, status: int, **values: Any
) -> UnwrittenPage:
    secret = FormSecret(request, secure=parts.is_secure(request))
    frame = _frame(request, parts, secret)
    runs_it = request.access is not None and is_admin(request.access)
    links = navigation(request, is_admin=runs_it)
    known = frame | values | {"navigation": links}
    return UnwrittenPage(status, HEADERS, template=template, values=known, secret=secret)


def _frame(request: Request, parts: UiParts, secret: FormSecret) -> dict[str, Any]:
    """The values that every template may use.

    `at` makes a path of ours, `asset` that of a static file, `csrf` the token of a form; `user` is
    the name of who is signed in, `sign_in` the path where one does, to come back.
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
        "sign_in": sign_in_path(request, parts),
        "is_read_only": request.read_only or parts.options.read_only,
        "visit": None,
        "ways_back": (),
        "done": _DONE.get(request.parameter("done") or "", ""),
        "is_deleted": request.parameter("done") in _DELETIONS,
    }


def see_other(visit: Visit, path: str, *, done: str = "", **query: object) -> Response:
    """The answer that leads to another page, as after a form that has done something.

    Args:
        done: what was done, a word of `_DONE`; the next page says it. Empty if nothing.
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
_DELETIONS = frozenset({"tag-deleted", "image-deleted"})
"""After these there is a way back, which is beside what is said."""


class Templates(dict[str, jinja2.Template]):
    """Templates by name, each compiled when it is first asked for, with those that all use."""

    def __init__(self) -> None:
        self.environment = jinja2.Environment(
            loader=jinja2.PackageLoader("lading.ui"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=visible,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.environment.filters.update(FILTERS)

    def __missing__(self, name: str) -> jinja2.Template:
        for other in _PARTS:
            self.environment.get_template(other)
        found = self[name] = self.environment.get_template(name)
        return found


@cache
def templates() -> Templates:
    """The templates that are installed."""
    return Templates()
