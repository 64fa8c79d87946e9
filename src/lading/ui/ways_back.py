"""Ways back from the page of an error: to what is near, and is still there."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from lading.edge.request import Request
from lading.ui.errors import ErrorPage

_IN_A_REPOSITORY = re.compile(r"/r/(?P<name>[a-z0-9._/-]+?)/-/(?P<rest>.*)", re.DOTALL)
_TAG = re.compile(r"tags/(?P<tag>[^/]+)(?:/delete|/move)?", re.DOTALL)
_CHANGED = 412
_GONE = 404


def ways_back(request: Request, path: str, shown: ErrorPage) -> Sequence[tuple[str, str]]:
    """Labels and paths, for who may see what is there.

    Args:
        path: that was asked for, below the prefix of all pages.
    """
    found = _IN_A_REPOSITORY.fullmatch(path)
    if found is None or request.access is None or not request.access.sees(found["name"]):
        return ()
    repository = f"/r/{found['name']}"
    ways = [("The repository", repository)]
    tag = _TAG.fullmatch(found["rest"])
    if shown.status == _CHANGED:
        ways.insert(0, ("Look at it again", quote(path, safe="/:@+=~")))
    elif shown.status == _GONE and tag is not None:
        # Where it has led, and from where it can be moved back.
        ways.append(("History of the tag", f"{repository}/-/tags/{quote(tag['tag'])}/history"))
    return ways
