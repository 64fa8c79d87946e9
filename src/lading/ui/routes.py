"""The table of pages: one row each. A new page is a handler, a template and a row.

A name of a repository has no part that is `-`, so what follows `/-/` is never a part of one.
"""

import re
from collections.abc import Mapping, Sequence

from lading.edge.endpoints import (
    DELETE,
    PULL,
    PUSH,
    Audited,
    Endpoint,
    Handler,
    Need,
    Needs,
    Route,
    When,
)
from lading.edge.response import Response
from lading.ui import assets
from lading.ui.context import Visit
from lading.ui.forms import Post, posted
from lading.ui.pages import (
    compare,
    deletion,
    events,
    home,
    image,
    inside,
    repository,
    robots,
    sign_in,
    space,
    trash,
    users,
)
from lading.ui.rendering import written

REPOSITORY = "/r/(?P<name>[^/]+(?:/(?!-(?:/|$))[^/]+)*)"
"""The path of a repository, with its name; other pages of the repository are below `{…}/-/`."""
DIGEST = "(?P<argument>[a-z0-9]+:[a-zA-Z0-9=_-]+)"
LAYER = f"{REPOSITORY}/-/images/{DIGEST}/layers/(?P<detail>[1-9][0-9]{{0,2}})"
TAG = "(?P<argument>[^/]+)"

Endpoints = Mapping[str, Endpoint[Visit]]


def _page(id_: str, handler: Handler[Visit], needs: Needs = PULL) -> Endpoints:
    """A page to look at."""
    endpoint = Endpoint(id_, written(handler), Audited(f"page.{id_}"), needs)
    return {"GET": endpoint, "HEAD": endpoint}


def _file(id_: str, handler: Handler[Visit]) -> Endpoints:
    """A file that belongs to pages, also to one that says that the database does not answer."""
    endpoint = Endpoint(id_, handler, Audited(f"page.{id_}"), Need.NOTHING)
    return {"GET": endpoint, "HEAD": endpoint}


def _in_turn(handler: Handler[Visit]) -> Handler[Visit]:
    """The handler of a page about manifests and documents, which waits for its turn to be made."""

    async def handle(visit: Visit) -> Response:
        async with visit.parts.making.take(visit.client):
            return await handler(visit)

    return handle


def _form(id_: str, handler: Post, audited: str, needs: Needs, *, writes: bool = True) -> Endpoints:
    """A form that does something.

    Args:
        audited: the name of what it does in the audit log, where it always is.
        writes: whether a read-only registry refuses it, as it changes what is stored.
    """
    done = Audited(audited, When.ALWAYS)
    return {"POST": Endpoint(id_, written(posted(handler)), done, needs, writes=writes)}


def _route(pattern: str, *endpoints: Endpoints) -> Route[Visit]:
    """A path; the name by which its requests are traced is that of its first endpoint."""
    methods = {method: row for rows in endpoints for method, row in rows.items()}
    first = next(iter(methods.values()))
    return Route(f"ui_{first.id.replace('-', '_')}", re.compile(pattern, re.DOTALL), methods)


ROUTES: Sequence[Route[Visit]] = (
    _route(
        "/-/static/(?P<argument>[0-9a-f]{16})/(?P<detail>[a-z0-9.-]+)", _file("static", assets.show)
    ),
    _route(
        "/-/sign-in",
        _page("sign-in", sign_in.show, Need.NOTHING),
        _form("sign-in", sign_in.sign_in, "session.begin", Need.NOTHING, writes=False),
    ),
    _route(
        "/-/sign-out",
        _form("sign-out", sign_in.sign_out, "session.end", Need.NOTHING, writes=False),
    ),
    _route("/-/space", _page("space", space.show, Need.NOTHING)),
    _route("/-/trash", _page("trash", trash.show, Need.NOTHING)),
    _route("/-/trash/restore", _form("trash-restore", trash.restore, "page.restore", Need.NOTHING)),
    _route(f"{REPOSITORY}/-/tags/{TAG}/history", _page("history", trash.history)),
    _route(f"{REPOSITORY}/-/tags/{TAG}/move", _form("move", trash.move, "page.move", PUSH)),
    _route("/-/events", _page("events", events.show, Need.NOTHING)),
    _route(
        "/-/robots",
        _page("robots", robots.show, Need.LOGIN),
        _form("robots-create", robots.create, "page.robot-create", Need.LOGIN),
    ),
    _route(
        "/-/robots/revoke",
        # A secret that leaked is locked out whatever else has to stand still.
        _form("robots-revoke", robots.revoke, "page.robot-revoke", Need.LOGIN, writes=False),
    ),
    _route("/-/users", _page("users", users.show, Need.LOGIN)),
    _route(
        f"{REPOSITORY}/-/tags/{TAG}/delete",
        _page("tag-delete", deletion.ask_about_tag, PULL | DELETE),
        _form("tag-delete", deletion.delete_tag, "manifest.delete", DELETE),
    ),
    _route(
        f"{REPOSITORY}/-/images/{DIGEST}/delete",
        _page("image-delete", deletion.ask_about_image, PULL | DELETE),
        _form("image-delete", deletion.delete_image, "manifest.delete", DELETE),
    ),
    _route(f"{REPOSITORY}/-/images/{DIGEST}/files", _page("files", _in_turn(inside.show_image))),
    _route(f"{LAYER}/files", _page("layer-files", _in_turn(inside.show_layer))),
    _route(f"{LAYER}/file", _page("layer-file", inside.show_file)),
    _route(f"{LAYER}/download", _page("layer-download", inside.download)),
    _route(f"{REPOSITORY}/-/tags/{TAG}", _page("tag", _in_turn(image.show_tag))),
    _route(f"{REPOSITORY}/-/images/{DIGEST}", _page("image", _in_turn(image.show_digest))),
    _route(f"{REPOSITORY}/-/images/{DIGEST}/raw", _page("manifest", _in_turn(image.show_manifest))),
    _route(f"{REPOSITORY}/-/config/{DIGEST}", _page("config", _in_turn(image.show_config))),
    _route(f"{REPOSITORY}/-/documents/{DIGEST}", _page("document", _in_turn(image.show_document))),
    _route(f"{REPOSITORY}/-/growth", _page("growth", space.show_growth)),
    _route(f"{REPOSITORY}/-/compare", _page("compare", _in_turn(compare.show))),
    _route(f"{REPOSITORY}/-/compare/files", _page("compare-files", _in_turn(compare.show_files))),
    _route(REPOSITORY, _page("repository", _in_turn(repository.show))),
    _route("/-/search", _page("search", home.found_as_typed, Need.NOTHING)),
    _route("/", _page("home", home.show, Need.NOTHING)),
)
