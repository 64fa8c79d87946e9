"""A path for each row of the table of routes."""

from typing import Any

from lading.api.routes import ROUTES
from lading.edge.endpoints import Route
from tests.support.pushes import digest_of

DIGEST = digest_of(b"anything")
UPLOAD = "00000000-0000-4000-8000-000000000000"
PATHS = (
    "/",
    "/token",
    "/v2/",
    "/v2/_catalog",
    "/v2/a/b/tags/list",
    f"/v2/a/b/referrers/{DIGEST}",
    "/v2/a/b/manifests/latest",
    f"/v2/a/b/blobs/{DIGEST}",
    "/v2/a/b/blobs/uploads/",
    f"/v2/a/b/blobs/uploads/{UPLOAD}",
)


def path_of(route: Route[Any]) -> str:
    """A path that the route matches; a new route needs a new path above."""
    return next(path for path in reversed(PATHS) if route.pattern.fullmatch(path))


WRITING = tuple(
    (method, path_of(route))
    for route in ROUTES
    for method, endpoint in route.endpoints.items()
    if endpoint.writes
)
"""Each method and path that changes something."""
