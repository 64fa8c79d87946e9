"""The files that two images of a repository do not have alike."""

from lading.core.names import parse_wanted
from lading.edge.limits import client_of
from lading.edge.response import Response
from lading.services.shown import trees
from lading.services.shown.compare_files import compare_files
from lading.ui.context import Visit
from lading.ui.pages.inside import path_in
from lading.ui.rendering import page

# Files of a directory that are compared for one page.
_MOST_FILES = 300
# Signs of a reference: a digest of SHA-512 has fewer.
_LONGEST = 160
# Seconds until a page that waits loads itself again.
_AGAIN = "3"


async def show(visit: Visit) -> Response:
    """Files of two images (`from`, `to`) below a directory (`path`)."""
    first, second = (
        (visit.request.parameter(name) or "").strip()[:_LONGEST] for name in ("from", "to")
    )
    path = path_in(visit)
    after = visit.request.parameter("after") or ""
    client = client_of(visit.request.address)
    one, other = [
        await trees.look(visit.registry, visit.grant, parse_wanted(wanted), client=client)
        for wanted in (first, second)
    ]
    found = None
    is_waiting = one.is_waiting or other.is_waiting
    if not is_waiting:
        found = await compare_files(visit.registry, one, other, path, after=after, most=_MOST_FILES)
        found.files.sort(key=lambda file: (-abs(file.growth), file.path))
    response = page(
        visit,
        "compare-files.html",
        first=first,
        second=second,
        path=path,
        after=after,
        found=found,
        has_files=bool(one.layers and other.layers),
        unknown=sum(not looked.has_files for side in (one, other) for looked in side.layers),
    )
    if is_waiting:
        response.headers = {**response.headers, "Refresh": _AGAIN}
    return response
