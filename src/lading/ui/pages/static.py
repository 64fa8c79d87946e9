"""Static files: the style, scripts, the icon."""

from lading.edge.response import Response
from lading.ui.assets import ASSETS, FOR_EVER
from lading.ui.context import Visit
from lading.ui.errors import NOTHING_HERE
from lading.ui.rendering import error_page


async def show(visit: Visit) -> Response:
    """A static file; one of another version is the present one, for a page that is being loaded."""
    name = visit.detail
    content = ASSETS.contents.get(name)
    if content is None:
        return await error_page(visit.request, visit.parts, NOTHING_HERE).write()
    is_present = visit.argument == ASSETS.version
    headers = {
        "Content-Type": ASSETS.type_of(name),
        "Cache-Control": FOR_EVER if is_present else "no-store",
    }
    return Response(200, headers, content)
