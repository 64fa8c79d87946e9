"""Navigation: the pages that every page leads to. A new one is a row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lading.edge.request import Request


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a page.

    Attributes:
        is_current: whether it leads to the page that is shown.
    """

    label: str
    href: str
    is_current: bool


_PAGES = (
    ("Repositories", "/"),
    ("Space", "/-/space"),
    ("Trash", "/-/trash"),
    ("Events", "/-/events"),
)
"""What pages are called, and their paths."""
_ADMIN_PAGES = (
    ("Robots", "/-/robots"),
    ("Users", "/-/users"),
)
"""Those of who runs the registry."""


def links(request: Request, at: Callable[[str], str], *, is_admin: bool) -> Sequence[Link]:
    """The links to all these pages, as far as the visitor may see them."""
    return [
        Link(label, at(path), request.path.endswith(path) if path != "/" else _is_home(request))
        for label, path in (*_PAGES, *(_ADMIN_PAGES if is_admin else ()))
    ]


def _is_home(request: Request) -> bool:
    return "/-/" not in request.path and "/r/" not in request.path
