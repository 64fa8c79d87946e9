"""Ways from a page to others: to those that all lead to, back from an error, and to sign in."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from lading.core.errors import ManifestUnknown
from lading.edge.request import Request
from lading.ui.context import UiParts
from lading.ui.errors import ERROR_PAGES, ErrorPage
from lading.ui.forms import FormForged

_PAGES = (
    ("Repositories", "/"),
    ("Space", "/-/space"),
    ("Trash", "/-/trash"),
    ("Events", "/-/events"),
)
# Those of who runs the registry.
_ADMIN_PAGES = (("Robots", "/-/robots"), ("Users", "/-/users"))

_IN_A_REPOSITORY = re.compile(r"/r/(?P<name>[a-z0-9._/-]+?)/-/(?P<rest>.*)", re.DOTALL)
_TAG = re.compile(r"tags/(?P<tag>[^/]+)(?:/delete|/move)?", re.DOTALL)
_IMAGE = re.compile(r"(images/[a-z0-9]+:[A-Za-z0-9=_-]+)/.+", re.DOTALL)
_MOVE = re.compile(r"(/r/.+/-/tags/[^/]+)/move", re.DOTALL)
# Whose forms are on another page.
_PAGES_OF_FORMS: Mapping[str, str] = {
    "/-/trash/restore": "/-/trash",
    "/-/robots/revoke": "/-/robots",
    "/-/sign-out": "/",
}
_FORGED = ERROR_PAGES[FormForged]
_NO_IMAGE = ERROR_PAGES[ManifestUnknown]
_SIGN_IN = "/-/sign-in"


def navigation(request: Request, *, is_admin: bool) -> Sequence[tuple[str, str, bool]]:
    """Labels and paths of the pages that every page leads to, each with whether it is shown now."""
    is_home = "/-/" not in request.path and "/r/" not in request.path
    return [
        (label, path, is_home if path == "/" else request.path.endswith(path))
        for label, path in (*_PAGES, *(_ADMIN_PAGES if is_admin else ()))
    ]


def ways_back(request: Request, path: str, shown: ErrorPage) -> Sequence[tuple[str, str]]:
    """Labels and paths, for who may see what is there.

    Args:
        path: that was asked for, below the prefix of all pages.
    """
    ways = [("Load the page again", page_of(path))] if shown is _FORGED else []
    if shown.status == 412:
        ways.append(("Look at it again", page_of(path)))
    found = _IN_A_REPOSITORY.fullmatch(path)
    if found is None or request.access is None or not request.access.sees(found["name"]):
        return ways
    repository = f"/r/{found['name']}"
    tag, image = (kind.fullmatch(found["rest"]) for kind in (_TAG, _IMAGE))
    if image is not None and shown is not _NO_IMAGE:
        place = f"{repository}/-/{image[1]}"
        ways += [("The image", place), ("Its files", f"{place}/files")]
    ways.append(("The repository", repository))
    if shown.status == 404 and tag is not None:
        # Where it has led, and from where it can be moved back.
        ways.append(("History of the tag", f"{repository}/-/tags/{_quoted(tag['tag'])}/history"))
    return ways


def page_of(path: str) -> str:
    """The path of the page that has the form which is sent to a path; of a page, its own."""
    if moved := _MOVE.fullmatch(path):
        return _quoted(f"{moved[1]}/history")
    return _PAGES_OF_FORMS.get(path, _quoted(path))


def sign_in_path(request: Request, parts: UiParts) -> str:
    """The path where a visitor signs in, who is brought back to the page, or to that of the form.

    A form is never sent again by itself: who sent it looks at it once more.
    """
    path = request.path.removeprefix(parts.options.prefix)
    if path == _SIGN_IN:
        return parts.path(request, _SIGN_IN)
    back = parts.path(request, page_of(path))
    query = _query_of(request) if request.method in {"GET", "HEAD"} else ""
    if query:
        back = f"{back}?{query}"
    return parts.path(request, _SIGN_IN, next=back if path != "/" or query else None)


def _query_of(request: Request) -> str:
    """What a page was asked for, without what was done before it."""
    asked: str = request.scope["query_string"].decode("latin-1")
    return "&".join(part for part in asked.split("&") if not part.startswith("done="))


def _quoted(path: str) -> str:
    return quote(path, safe="/:@+=~")
