"""The table of pages: one row each. A new page is a handler, a template and a row.

A name of a repository has no part that is `-`, so what follows `/-/` is never a part of one.
"""

import re
from collections.abc import Mapping, Sequence

from lading.edge.endpoints import PULL, Audited, Endpoint, Handler, Need, Needs, Route, When
from lading.ui.context import Visit
from lading.ui.forms import Post, posted
from lading.ui.pages import home, sign_in, static

REPOSITORY = "/r/(?P<name>[^/]+(?:/(?!-(?:/|$))[^/]+)*)"
"""The path of a repository, with its name; other pages of the repository are below `{…}/-/`."""
DIGEST = "(?P<argument>[a-z0-9]+:[a-zA-Z0-9=_-]+)"
TAG = "(?P<argument>[^/]+)"

Endpoints = Mapping[str, Endpoint[Visit]]


def _page(
    id_: str, handler: Handler[Visit], needs: Needs = PULL, when: When = When.REFUSED
) -> Endpoints:
    """A page to look at."""
    endpoint = Endpoint(id_, handler, Audited(f"page.{id_}", when), needs)
    return {"GET": endpoint, "HEAD": endpoint}


def _form(
    id_: str,
    handler: Post,
    audited: str,
    needs: Needs,
    *,
    writes: bool = True,
) -> Endpoints:
    """A form that does something.

    Args:
        audited: the name of what it does in the audit log, where it always is.
        writes: whether that changes what is stored, and so is refused by a read-only registry.
    """
    done = Audited(audited, When.ALWAYS)
    return {"POST": Endpoint(id_, posted(handler), done, needs, writes=writes)}


def _route(name: str, pattern: str, *endpoints: Endpoints) -> Route[Visit]:
    """A path; its name is that by which its requests are counted."""
    methods = {method: row for rows in endpoints for method, row in rows.items()}
    return Route(name, re.compile(pattern, re.DOTALL), methods)


ROUTES: Sequence[Route[Visit]] = (
    _route(
        "ui_static",
        "/-/static/(?P<argument>[0-9a-f]{16})/(?P<detail>[a-z0-9.-]+)",
        _page("static", static.show, Need.NOTHING),
    ),
    _route(
        "ui_sign_in",
        "/-/sign-in",
        _page("sign-in", sign_in.show, Need.NOTHING),
        _form("sign-in", sign_in.sign_in, "session.begin", Need.NOTHING, writes=False),
    ),
    _route(
        "ui_sign_out",
        "/-/sign-out",
        _form("sign-out", sign_in.sign_out, "session.end", Need.NOTHING, writes=False),
    ),
    _route("ui_home", "/", _page("home", home.show, Need.NOTHING)),
)
