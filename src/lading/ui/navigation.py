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


_PAGES: Sequence[tuple[str, str]] = (("Repositories", "/"),)
"""What pages are called, and their paths."""


def links(request: Request, at: Callable[[str], str]) -> Sequence[Link]:
    """The links to all these pages."""
    return [
        Link(label, at(path), request.path.endswith(path) if path != "/" else _is_home(request))
        for label, path in _PAGES
    ]


def _is_home(request: Request) -> bool:
    return "/-/" not in request.path and "/r/" not in request.path
