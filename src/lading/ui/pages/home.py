"""Home: which repositories there are."""

from lading.edge.response import Response
from lading.services.listing import list_repositories
from lading.ui.context import Visit
from lading.ui.rendering import page

ON_A_PAGE = 100


async def show(visit: Visit) -> Response:
    """The repositories that the visitor sees."""
    after = visit.request.parameter("after") or ""
    found = await list_repositories(visit.registry, visit.access, after=after, limit=ON_A_PAGE)
    return page(visit, "home.html", found=found)
