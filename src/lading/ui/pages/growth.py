"""The growth of a repository: how large it is, and was."""

from lading.edge.response import Response
from lading.ui import plots
from lading.ui.context import Visit
from lading.ui.rendering import page


async def show(visit: Visit) -> Response:
    """What the repository has, and how large it was on days on which it had changed."""
    metadata, repository = visit.registry.metadata, visit.repository
    figures = (await metadata.figures.of([repository])).get(repository)
    past = await metadata.growth.of(repository)
    if figures is None:
        await metadata.repositories.require(repository)
    highest = max((each.size for each in past), default=0)
    return page(
        visit,
        "growth.html",
        figures=figures,
        past=past[::-1],
        curve=plots.curve([(each.at, each.size) for each in past], highest),
        highest=highest,
    )
